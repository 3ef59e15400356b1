import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTestFolder } from './temporary-folder.ts';

/**
 * Programs that stand for a service manager: they write their arguments down, and hold as much state as ours needs
 * to see (is the unit known, enabled, running). What is in `fail` makes the command of that name fail.
 */
export class FakeManager {
  readonly folder: string;
  readonly userHome: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.userHome = join(folder, "ho me & 100% <o'home>");
  }

  static async make(): Promise<FakeManager> {
    const fake = new FakeManager(makeTestFolder('pm-'));
    await mkdir(join(fake.folder, 'bin'));
    await mkdir(join(fake.folder, 'state'));
    await mkdir(fake.userHome);
    await fake.#program('systemctl', SYSTEMCTL);
    await fake.#program('launchctl', LAUNCHCTL);
    await fake.#program('journalctl', RECORD + `echo '2026-01-01T00:00:00 home postern[1]: hello'\n`);
    await fake.#program('loginctl', RECORD + `echo Linger=no\n`);
    return fake;
  }

  get env(): NodeJS.ProcessEnv {
    return {
      PATH: `${join(this.folder, 'bin')}:${process.env['PATH']}`,
      HOME: this.userHome,
      FAKE: this.folder,
      XDG_CONFIG_HOME: '',
    };
  }

  /** Every command line so far, without what only looks. */
  async changes(): Promise<string[]> {
    const lines = await this.all();
    return lines.filter((line) => !/ (show|print|is-enabled|get-default|show-user)( |$)/.test(line));
  }

  async all(): Promise<string[]> {
    const text = await readFile(join(this.folder, 'record'), 'utf8').catch(() => '');
    return text.split('\n').filter((line) => line !== '');
  }

  async forgetRecord(): Promise<void> {
    await rm(join(this.folder, 'record'), { force: true });
  }

  /** The verb fails until `mend`. */
  failAt(verb: string): Promise<void> {
    return writeFile(join(this.folder, 'fail'), verb);
  }

  async mend(): Promise<void> {
    await rm(join(this.folder, 'fail'), { force: true });
  }

  /** What `systemctl show` says of where the unit comes from. */
  defineElsewhere(path: string): Promise<void> {
    return writeFile(join(this.folder, 'state/fragment'), path);
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }

  async #program(name: string, text: string): Promise<void> {
    const path = join(this.folder, 'bin', name);
    await writeFile(path, text);
    await chmod(path, 0o755);
  }
}

const RECORD = String.raw`#!/bin/sh
cd "$FAKE/state" || exit 9
case "$1" in --user) verb=$2 ;; *) verb=$1 ;; esac
printf '%s %s\n' "$(basename "$0")" "$*" >> "$FAKE/record"
if [ "$(cat "$FAKE/fail" 2>/dev/null)" = "$verb" ]; then echo "it does not want to $verb" >&2; exit 1; fi
`;

const SYSTEMCTL =
  RECORD +
  String.raw`unit="$HOME/.config/systemd/user/postern.service"
case "$verb" in
  daemon-reload) if [ -e "$unit" ]; then : > known; else rm -f known; fi ;;
  enable) [ -e known ] || exit 1; : > enabled ;;
  start|restart) [ -e known ] || exit 5; : > running ;;
  stop) rm -f running ;;
  disable) rm -f enabled running ;;
  show)
    if [ -e fragment ]; then fragment=$(cat fragment); elif [ -e known ]; then fragment=$unit; fi
    [ -n "$fragment" ] && echo LoadState=loaded || echo LoadState=not-found
    [ -e running ] && printf 'ActiveState=active\nMainPID=4711\n' || printf 'ActiveState=inactive\nMainPID=0\n'
    [ -e enabled ] && echo UnitFileState=enabled || echo UnitFileState=disabled
    echo "FragmentPath=$fragment"
    echo ExecMainStatus=0 ;;
  is-enabled) printf 'masked\nmasked\n'; exit 1 ;;
  get-default) echo graphical.target ;;
esac
exit 0
`;

/** As launchctl(1) of macOS 14 answers; `bootstrap` fails at the first time after a `bootout`, as it does there. */
const LAUNCHCTL =
  RECORD +
  String.raw`case "$verb" in
  bootstrap)
    if [ -e leaving ]; then rm leaving; echo "Bootstrap failed: 5: Input/output error" >&2; exit 5; fi
    [ -e loaded ] && { echo "Bootstrap failed: 5: Input/output error" >&2; exit 5; }
    echo "$3" > loaded ;;
  bootout) [ -e loaded ] || exit 3; rm loaded; : > leaving ;;
  kickstart) [ -e loaded ] || exit 113 ;;
  print)
    [ -e loaded ] || { echo 'Bad request.' >&2; echo 'Could not find service "postern" in domain for user gui: 501' >&2; exit 113; }
    printf 'gui/501/postern = {\n\tactive count = 1\n\tpath = %s\n\ttype = LaunchAgent\n\tstate = running\n\n' "$(cat loaded)"
    printf '\tevent triggers = {\n\t\tstate = waiting\n\t}\n\n\truns = 1\n\tpid = 612\n\tlast exit code = (never exited)\n}\n' ;;
esac
exit 0
`;
