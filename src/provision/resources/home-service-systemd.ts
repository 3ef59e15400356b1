import { join } from 'node:path';
import type { RunResult } from '../../platform/processes.ts';
import { systemdUnit } from '../render/service-systemd.ts';
import type { ManagerPlace, ManagerPlan, ManagerState, Step } from './home-service-manager.ts';

const PROPERTIES = 'LoadState,ActiveState,UnitFileState,FragmentPath,MainPID,ExecMainStatus';

/** A systemd user service (systemctl(1)). */
export function systemdPlan({ input, userHome, env }: ManagerPlace): ManagerPlan {
  const unit = `${input.name}.service`;
  const file = join(env['XDG_CONFIG_HOME'] || join(userHome, '.config'), 'systemd/user', unit);
  const systemctl = (...args: string[]): Step => ({ program: 'systemctl', args: ['--user', ...args] });
  return {
    manager: 'systemd',
    name: unit,
    file,
    bytes: Buffer.from(systemdUnit(input)),
    decode: (bytes) => bytes.toString('utf8'),
    encode: (text) => Buffer.from(text),
    enable: [systemctl('daemon-reload'), systemctl('enable', unit), systemctl('restart', unit)],
    disable: [systemctl('disable', '--now', unit)],
    forget: [systemctl('daemon-reload'), { ...systemctl('reset-failed', unit), mayFail: true }],
    start: [systemctl('start', unit)],
    stop: [systemctl('stop', unit)],
    restart: [systemctl('restart', unit)],
    look: systemctl('show', unit, `--property=${PROPERTIES}`),
    read: (result) => readShow(result, file),
  };
}

function readShow({ status, stdout }: RunResult, file: string): ManagerState | undefined {
  if (status !== 0) return undefined;
  const values = new Map(
    stdout.split('\n').map((line) => [line.split('=', 1)[0] ?? '', line.slice(line.indexOf('=') + 1)]),
  );
  const pid = Number(values.get('MainPID'));
  const lastExit = values.get('ExecMainStatus');
  const fragment = values.get('FragmentPath') ?? '';
  return {
    isLoaded: values.get('LoadState') === 'loaded',
    isRunning: ['active', 'activating', 'reloading'].includes(values.get('ActiveState') ?? ''),
    startsByItself: values.get('UnitFileState') === 'enabled',
    ...(fragment === '' || fragment === file ? {} : { foreignFile: fragment }),
    ...(pid > 0 ? { pid } : {}),
    ...(lastExit === undefined || lastExit === '' ? {} : { lastExit: Number(lastExit) }),
  };
}
