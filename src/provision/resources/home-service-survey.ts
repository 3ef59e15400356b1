import { runProcess } from '../../platform/processes.ts';
import { type SleepSettings, readLinuxPower, readPmset, readPowercfg } from './home-service-power.ts';
import { type RebootNeed, WINDOWS_REBOOT, readLinger, readMacReboot } from './home-service-reboot.ts';

/** What decides whether a home is there when it is needed. */
export interface HomeSurvey {
  readonly sleep: SleepSettings;
  readonly reboot: RebootNeed;
}

export interface SurveyPlace {
  readonly platform: NodeJS.Platform;
  readonly env: NodeJS.ProcessEnv;
  /** Name of the account. */
  readonly user: string;
}

const TIMEOUT_MS = 5000;

/** Reads the settings of this machine; a program that is missing leaves its part unknown. */
export async function surveyHome({ platform, env, user }: SurveyPlace): Promise<HomeSurvey> {
  const read = async (program: string, ...args: string[]): Promise<string> =>
    (await runProcess(program, args, { env: { ...env, LC_ALL: 'C' }, timeoutMs: TIMEOUT_MS })).stdout;
  if (platform === 'darwin') {
    const [power, fileVault, autoLogin] = await Promise.all([
      read('pmset', '-g', 'custom'),
      read('fdesetup', 'status'),
      read('defaults', 'read', '/Library/Preferences/com.apple.loginwindow', 'autoLoginUser'),
    ]);
    return { sleep: readPmset(power), reboot: readMacReboot(fileVault, autoLogin, user) };
  }
  if (platform === 'win32') {
    const power = await read('powercfg.exe', '/query', 'SCHEME_CURRENT', 'SUB_SLEEP', 'STANDBYIDLE');
    return { sleep: readPowercfg(power), reboot: WINDOWS_REBOOT };
  }
  const [targets, logind, defaultTarget, gnome, linger] = await Promise.all([
    read('systemctl', 'is-enabled', 'sleep.target', 'suspend.target'),
    read('systemd-analyze', 'cat-config', 'systemd/logind.conf'),
    read('systemctl', 'get-default'),
    read('gsettings', 'list-recursively', 'org.gnome.settings-daemon.plugins.power'),
    read('loginctl', 'show-user', user, '--property=Linger'),
  ]);
  return {
    sleep: readLinuxPower({ targets, logind, defaultTarget, gnome }),
    reboot: readLinger(linger, user),
  };
}
