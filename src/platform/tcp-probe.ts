import { lookup as dnsLookup } from 'node:dns/promises';
import { type LookupFunction, connect } from 'node:net';
import { callbackify } from 'node:util';

/** Opens a TCP connection and closes it; true when it came about within `timeoutMs`. Never rejects. */
export type TcpProbe = (timeoutMs: number, signal: AbortSignal) => Promise<boolean>;

/**
 * A probe for one host and port. The name is looked up once at a time and its last addresses are kept: in a network that
 * drops everything a look-up takes many seconds and holds one of Node's few worker threads.
 */
export function makeTcpProbe(host: string, port: number): TcpProbe {
  const lookup = keepingLookup(host);
  return (timeoutMs, signal) =>
    new Promise((resolve) => {
      const socket = connect({ host, port, lookup, autoSelectFamily: true, noDelay: true });
      const finish = (isOpen: boolean): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        socket.destroy();
        resolve(isOpen);
      };
      const onAbort = (): void => finish(false);
      const timer = setTimeout(onAbort, timeoutMs);
      signal.addEventListener('abort', onAbort, { once: true });
      socket.once('connect', () => finish(true));
      socket.on('error', () => finish(false));
      if (signal.aborted) finish(false);
    });
}

interface Address {
  readonly address: string;
  readonly family: number;
}

function keepingLookup(host: string): LookupFunction {
  let known: Address[] | undefined;
  let underWay: Promise<Address[]> | undefined;
  const refresh = async (): Promise<Address[]> => {
    try {
      known = await dnsLookup(host, { all: true });
      return known;
    } finally {
      underWay = undefined;
    }
  };
  const addresses = (): Promise<Address[]> => {
    underWay ??= refresh();
    underWay.catch(() => {});
    return known ? Promise.resolve(known) : underWay;
  };
  const look = callbackify(addresses);
  // autoSelectFamily asks for all addresses.
  return (_host, _options, callback) => look(callback);
}
