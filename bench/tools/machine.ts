import { readFile } from 'node:fs/promises';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { runProcess } from '../../src/platform/processes.ts';
import type { Machine } from './result.ts';

/** First version-like word that a program prints, on either stream. */
async function versionOf(file: string, args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await runProcess(file, args);
  return /\d+\.\d+[\w.]*/.exec(`${stdout}\n${stderr}`)?.[0] ?? 'unknown';
}

/** What the numbers are taken on: no name of the machine, only what a reader needs to compare. */
export async function describeMachine(): Promise<Machine> {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    congestionControl: (await readFile('/proc/sys/net/ipv4/tcp_congestion_control', 'utf8')).trim(),
    versions: {
      node: process.versions.node,
      'OpenSSL (node)': process.versions.openssl,
      OpenSSH: await versionOf('ssh', ['-V']),
      nginx: await versionOf('nginx', ['-v']),
      wrk: await versionOf('wrk', ['-v']),
      h2load: await versionOf('h2load', ['--version']),
    },
  };
}

/** Load of the last minute. */
export const readLoad = (): number => loadavg()[0] ?? 0;

/** The commit that is checked out, with `+` when files differ from it. */
export async function readCommit(): Promise<string> {
  const { stdout } = await runProcess('git', ['rev-parse', '--short=12', 'HEAD']);
  const { stdout: changes } = await runProcess('git', [
    'status',
    '--porcelain',
    '--untracked-files=no',
    'src',
  ]);
  return `${stdout.trim() || 'unknown'}${changes.trim() === '' ? '' : '+'}`;
}
