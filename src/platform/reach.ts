import { connect } from 'node:net';

/** A listening address of this machine or its network. */
export type ReachAddress = { readonly path: string } | { readonly host: string; readonly port: number };

/**
 * Does somebody accept connections there? Nothing is sent.
 * @returns `undefined` when yes, else why not (`ECONNREFUSED`, `ENOENT`, `no answer in time` …)
 */
export function whyUnreachable(address: ReachAddress, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ ...address, timeout: timeoutMs });
    const finish = (reason: string | undefined): void => {
      socket.destroy();
      resolve(reason);
    };
    socket.once('connect', () => finish(undefined));
    socket.once('timeout', () => finish('no answer in time'));
    socket.once('error', (error: NodeJS.ErrnoException) => finish(error.code ?? error.message));
  });
}
