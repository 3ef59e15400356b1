import type { Clock } from '../core/clock.ts';
import type { RelayAccess } from './contract.ts';
import type { Shell } from './remote/shell.ts';
import {
  type ExplainSsh,
  type OperatorAddress,
  openSshShell,
  proveSessionRefusal,
} from './remote/ssh-shell.ts';

export interface RelayAccessOptions {
  readonly address: OperatorAddress;
  /** Arguments of the link's own ssh, with a command that the session script refuses. */
  readonly linkArguments: readonly string[];
  readonly explainSsh: ExplainSsh;
  readonly clock: Clock;
}

export interface ClosableRelayAccess extends RelayAccess {
  close(): Promise<void>;
}

/** The relay over the operator's own ssh: one login that stays, and new ones as proofs. */
export function openRelayAccess(options: RelayAccessOptions): ClosableRelayAccess {
  let opened: Promise<Shell> | undefined;
  const connectAnew = (): Promise<Shell> => openSshShell(options);
  return {
    shell: () => (opened ??= connectAnew()),
    connectAnew,
    proveLink: () => proveSessionRefusal(options.linkArguments, options.explainSsh),
    close: async () => {
      const shell = await opened?.catch(() => undefined);
      await shell?.close();
    },
  };
}
