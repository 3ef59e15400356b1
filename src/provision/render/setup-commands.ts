import { posix } from 'node:path';
import {
  ACME_WEBROOT,
  MARKER,
  NGINX_NAMES_FOLDER,
  SESSION_SCRIPT,
  STATE_ROOT,
  accountOf,
  nginxSiteOf,
  stateFolderOf,
} from '../../core/relay-layout.ts';
import { SITES_SOCKET_FOLDER } from './nginx-stream.ts';
import type { RelayFile } from './relay-files.ts';
import type { RelayInput } from './relay-input.ts';

/**
 * The account: no password that fits, no shell but the session script, no group but its own.
 * Its folder is 2710 with nginx's group: sockets get that group, its workers may pass through, not list, not write.
 */
export function accountCommands(input: RelayInput): readonly string[] {
  const account = accountOf(input.home);
  const folder = stateFolderOf(input.home);
  return [
    `getent group ${account} >/dev/null || groupadd -r ${account}`,
    `getent passwd ${account} >/dev/null || useradd -r -g ${account} -d ${folder} -M -s ${SESSION_SCRIPT} -p '*' ${account}`,
    `install -d -o ${account} -g ${input.nginxGroup} -m 2710 ${folder}`,
  ];
}

/** The folders of root's that the files lie in. */
export function folderCommands(input: RelayInput): readonly string[] {
  const folders = [
    posix.dirname(SESSION_SCRIPT),
    '/etc/ssh/postern',
    STATE_ROOT,
    ...(input.homeNames.length > 0 ? [NGINX_NAMES_FOLDER] : []),
    ...(input.sites.length > 0 ? [ACME_WEBROOT] : []),
    ...(hasSitesSocket(input) ? ['/etc/systemd/system/nginx.service.d'] : []),
  ];
  return [
    `install -d -o root -g root -m 0755 ${folders.join(' ')}`,
    ...(hasSitesSocket(input)
      ? [`install -d -o root -g ${input.nginxGroup} -m 0710 ${SITES_SOCKET_FOLDER}`]
      : []),
  ];
}

const RELOADS = `reload_sshd() {
  sshd -t || return 1
  if [ -d /run/systemd/system ]; then systemctl reload ssh 2>/dev/null || systemctl reload sshd
  elif [ -s /run/sshd.pid ]; then kill -HUP "$(cat /run/sshd.pid)"
  fi
}
reload_nginx() {
  nginx -t || return 1
  if [ -d /run/systemd/system ]; then systemctl reload-or-restart nginx
  elif [ -s /run/nginx.pid ]; then nginx -s reload
  fi
}`;

/**
 * The script that puts everything in its place. It lies beside the folder \`files\`, replaces nothing that is not
 * Postern's, checks before it reloads, and may be run again.
 */
export function setupScript(input: RelayInput, files: readonly RelayFile[]): string {
  const site = nginxSiteOf(input.home);
  const put = (file: RelayFile): string => `put ${file.mode} ${file.path}`;
  const certificates = input.sites.map(
    (entry) =>
      `[ -e ${entry.certificate} ] || certbot certonly --webroot -w ${ACME_WEBROOT} -d ${entry.name} || exit 1`,
  );
  return `#!/bin/sh
# ${MARKER}: ${input.home}. Sets up the relay; run it there as root. take-back.sh undoes it.
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
here=$(cd "$(dirname "$0")" && pwd)
put() {
  if [ -e "$2" ] && ! grep -q '${MARKER}' "$2"; then echo "$2 is there and is not Postern's: nothing is replaced" >&2; exit 1; fi
  install -o root -g root -m "$1" "$here/files$2" "$2"
}
${RELOADS}
${[
  ...folderCommands(input),
  ...files.filter((file) => file.path !== site).map(put),
  ...accountCommands(input),
].join('\n')}
reload_sshd
reload_nginx
${files
  .filter((file) => file.path === site)
  .flatMap((file) => [...certificates, put(file), 'reload_nginx'])
  .join('\n')}
`;
}

/** The way back: everything that \`setupScript\` made goes; what other homes share stays until the last one goes. */
export function takeBackScript(input: RelayInput, files: readonly RelayFile[]): string {
  const account = accountOf(input.home);
  const paths = (isShared: boolean): string =>
    files
      .filter((file) => file.isShared === isShared)
      .map((file) => file.path)
      .join(' ');
  return `#!/bin/sh
# ${MARKER}: ${input.home}. Takes everything of this home off the relay; run it there as root.
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
${RELOADS}
rm -f ${paths(false)}
reload_sshd
pkill -KILL -u ${account} || :
if getent passwd ${account} >/dev/null; then userdel ${account}; fi
if getent group ${account} >/dev/null; then groupdel ${account}; fi
rm -rf ${stateFolderOf(input.home)}
if ! ls /etc/ssh/postern/postern-* >/dev/null 2>&1; then
  rm -f ${paths(true)}
  rm -rf ${[ACME_WEBROOT, ...(hasSitesSocket(input) ? [SITES_SOCKET_FOLDER] : [])].join(' ')}
  for folder in ${NGINX_NAMES_FOLDER} /etc/nginx/postern.d /usr/local/lib/postern /etc/ssh/postern ${STATE_ROOT} /etc/systemd/system/nginx.service.d; do
    if [ -d "$folder" ]; then rmdir --ignore-fail-on-non-empty "$folder"; fi
  done
fi
reload_nginx
`;
}

function hasSitesSocket(input: RelayInput): boolean {
  return input.sites.length > 0 && input.homeNames.length > 0;
}
