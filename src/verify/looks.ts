import type { CheckCode } from './catalogue.ts';
import type { Look } from './contract.ts';
import { lookAtExposure } from './home/exposure.ts';
import { lookAtOwnFiles } from './home/files.ts';
import { lookAtGatewayToken, lookAtGuard, lookAtTokenStrength } from './home/gateway.ts';
import {
  lookAtDeniedPaths,
  lookAtForeignWebSocket,
  lookAtForgedAddress,
  lookAtLogin,
} from './public/login.ts';
import { lookAtOtherNames, lookAtPlainHttp, lookAtWrongHost } from './public/names.ts';
import {
  lookAtCanary,
  lookAtCertificateOwner,
  lookAtCertificateValidity,
  lookAtOldTls,
} from './public/transport.ts';
import { lookAtRelayFiles, lookAtRelayPorts, lookAtRelaySockets } from './relay/looks.ts';

/** Who looks at what. */
export const LOOKS: Readonly<Record<CheckCode, Look>> = {
  CERTIFICATE_OURS: lookAtCertificateOwner,
  CANARY: lookAtCanary,
  LOGIN: lookAtLogin,
  FORGED_ADDRESS: lookAtForgedAddress,
  FOREIGN_WEBSOCKET: lookAtForeignWebSocket,
  DENIED_PATHS: lookAtDeniedPaths,
  WRONG_HOST: lookAtWrongHost,
  CERTIFICATE_VALID: lookAtCertificateValidity,
  OLD_TLS: lookAtOldTls,
  PLAIN_HTTP: lookAtPlainHttp,
  OTHER_NAMES: lookAtOtherNames,
  SERVICE_EXPOSED: lookAtExposure,
  GUARD: lookAtGuard,
  GATEWAY_TOKEN: lookAtGatewayToken,
  TOKEN_STRENGTH: lookAtTokenStrength,
  OWN_FILES: lookAtOwnFiles,
  RELAY_PORTS: lookAtRelayPorts,
  RELAY_SOCKETS: lookAtRelaySockets,
  RELAY_FILES: lookAtRelayFiles,
};
