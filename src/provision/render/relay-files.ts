import {
  NGINX_STREAM_ENTRY,
  NGINX_STREAM_SHARED,
  SESSION_SCRIPT,
  authorizedKeysOf,
  nginxListenOf,
  nginxNamesOf,
  nginxRedirectOf,
  nginxSiteOf,
  nginxUpstreamOf,
  sshdConfigOf,
} from '../../core/relay-layout.ts';
import { redirectFile } from './nginx-redirect.ts';
import { siteFile } from './nginx-site.ts';
import {
  SITES_SOCKET,
  SITES_SOCKET_FOLDER,
  streamEntry,
  streamListen,
  streamMap,
  streamNames,
  streamUpstream,
} from './nginx-stream.ts';
import { MARKER } from '../../core/relay-layout.ts';
import type { RelayInput } from './relay-input.ts';
import { sessionScript } from '../../core/session-script.ts';
import { authorizedKeysFile, sshdBlock } from './sshd.ts';

/** A file on the relay; all are root's. */
export interface RelayFile {
  readonly path: string;
  readonly owner: 'root';
  readonly group: 'root';
  /** Octal, as chmod takes it. */
  readonly mode: '0644' | '0755';
  /** What the file is for, one line. */
  readonly purpose: string;
  /** Other homes on this relay use it as well: it goes when the last one goes. */
  readonly isShared: boolean;
  readonly content: string;
}

/** Every file that the relay needs for this configuration. */
export function relayFiles(input: RelayInput): readonly RelayFile[] {
  return [...accountFiles(input), ...streamFiles(input), ...siteFiles(input)];
}

function accountFiles(input: RelayInput): RelayFile[] {
  return [
    file(SESSION_SCRIPT, 'the session at the end of each ssh connection', sessionScript(), {
      isShared: true,
      mode: '0755',
    }),
    file(authorizedKeysOf(input.home), "the link's public key", authorizedKeysFile(input)),
    file(
      sshdConfigOf(input.home),
      'what the account may do: sockets in its folder, nothing else',
      sshdBlock(input),
    ),
  ];
}

function streamFiles(input: RelayInput): RelayFile[] {
  if (input.homeNames.length === 0) return [];
  return [
    file(NGINX_STREAM_ENTRY, "nginx's stream block", streamEntry(), { isShared: true }),
    file(NGINX_STREAM_SHARED, 'which name goes to which home', streamNames(), { isShared: true }),
    file(nginxListenOf(input.httpsPort), 'where visitors arrive', streamListen(input.httpsPort), {
      isShared: true,
    }),
    file(nginxUpstreamOf(input.home), "this home's sockets", streamUpstream(input)),
    file(nginxNamesOf(input.home), "this home's names", streamMap(input)),
  ];
}

function siteFiles(input: RelayInput): RelayFile[] {
  const redirect = file(nginxRedirectOf(input.home), 'port 80: our names to https', redirectFile(input));
  if (input.sites.length === 0) return [redirect];
  const site = file(nginxSiteOf(input.home), 'the names whose TLS ends here', siteFile(input));
  return input.homeNames.length === 0
    ? [redirect, site]
    : [redirect, site, ...sitesSocketFiles(input.nginxGroup)];
}

/** nginx leaves its socket behind when it is killed, and then does not start: hence the rm. */
function sitesSocketFiles(nginxGroup: string): RelayFile[] {
  return [
    file(
      '/etc/tmpfiles.d/nginx-postern.conf',
      'the folder of the socket between stream and sites',
      `# ${MARKER}\nd ${SITES_SOCKET_FOLDER} 0710 root ${nginxGroup} -\n`,
      { isShared: true },
    ),
    file(
      '/etc/systemd/system/nginx.service.d/postern.conf',
      'a killed nginx leaves its socket behind and then would not start',
      `# ${MARKER}\n[Service]\nExecStartPre=-/bin/rm -f ${SITES_SOCKET}\n`,
      { isShared: true },
    ),
  ];
}

function file(
  path: string,
  purpose: string,
  content: string,
  { isShared = false, mode = '0644' as RelayFile['mode'] } = {},
): RelayFile {
  return { path, owner: 'root', group: 'root', mode, purpose, isShared, content };
}
