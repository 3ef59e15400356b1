import { mkdir } from 'node:fs/promises';
import { homedir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';

/** Where Postern keeps its state: architecture §6. Every folder is 0700. */
export interface HomeFolder {
  readonly root: string;
  readonly configFile: string;
  readonly databaseFile: string;
  readonly certs: string;
  readonly ssh: string;
  readonly run: string;
  readonly log: string;
  /** A socket path, or a named pipe on Windows. */
  readonly controlSocket: string;
}

/** The home folder of the user. */
export const userHome = (): string => homedir();

/** The account's name; on Windows with its domain. */
export function accountName(env: NodeJS.ProcessEnv = process.env): string {
  const { username } = userInfo();
  return process.platform === 'win32' && env['USERDOMAIN'] ? `${env['USERDOMAIN']}\\${username}` : username;
}

/** `$POSTERN_HOME`, else `~/.postern`. The current folder is never searched. */
export function homeFolder(env: NodeJS.ProcessEnv = process.env): HomeFolder {
  const root = env['POSTERN_HOME'] ? resolve(env['POSTERN_HOME']) : join(homedir(), '.postern');
  const run = join(root, 'run');
  return {
    root,
    configFile: join(root, 'postern.yaml'),
    databaseFile: join(root, 'state.db'),
    certs: join(root, 'certs'),
    ssh: join(root, 'ssh'),
    run,
    log: join(root, 'log'),
    controlSocket: process.platform === 'win32' ? windowsPipe(root) : join(run, 'control.sock'),
  };
}

/** Makes the folders that are missing. */
export async function makeHomeFolder(folder: HomeFolder): Promise<void> {
  for (const path of [folder.root, folder.certs, folder.ssh, folder.run, folder.log]) {
    await mkdir(path, { recursive: true, mode: 0o700 });
  }
}

function windowsPipe(root: string): string {
  return `\\\\.\\pipe\\postern-${root.replaceAll(/[^A-Za-z0-9]/g, '-')}`;
}
