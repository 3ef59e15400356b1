import { createGatekeeper } from '../edge/auth/gatekeeper.ts';
import { STATE_MIGRATIONS } from '../edge/auth/schema.ts';
import { startEdge } from '../edge/edge.ts';
import { startLink } from '../link/link.ts';
import { knowOwnAddresses } from '../platform/known-addresses.ts';
import { openDatabase } from '../platform/sqlite.ts';
import type { DaemonParts, Login, LoginOptions } from './parts.ts';

/** The parts of a daemon as people run it. */
export const realParts: DaemonParts = {
  openLogin,
  startEdge: (options) => startEdge({ isOwnAddress: knowOwnAddresses(options.clock), ...options }),
  startLink,
};

async function openLogin({ databaseFile, config, clock, log, pairFirst }: LoginOptions): Promise<Login> {
  const database = await openDatabase(databaseFile, STATE_MIGRATIONS);
  const gatekeeper = createGatekeeper({
    database,
    services: config.services.map(({ name, auth, login }) => ({
      name,
      access: auth,
      pairing: login.pairing,
    })),
    gate: config.gate,
    publicPort: config.relay.httpsPort,
    clock,
    log,
    pairFirst: pairFirst ?? false,
  });
  return {
    gatekeeper,
    admin: gatekeeper.admin,
    close() {
      gatekeeper.close();
      database.close();
    },
  };
}
