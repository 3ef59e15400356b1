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
import { sshdSettings } from './sshd.ts';

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
 * nginx's own test calls two owners of one port "successful", its reload fails in silence, and its next start fails
 * for good: so the ports are looked at before anything is written.
 */
const REFUSALS = `refuse() {
  echo "postern: $1. Nothing was changed." >&2
  exit 1
}
refuse_foreign_file() {
  if [ -e "$1" ] && ! grep -q '${MARKER}' "$1"; then refuse "$1 is there and is not Postern's"; fi
}
refuse_taken_port() {
  if ss -Hltnp "sport = :$1" | grep -v '"nginx"' | grep -q .; then refuse "port $1 belongs to another program: ss -ltnp"; fi
}
refuse_site_on_port() {
  site=$(nginx -T 2>/dev/null | awk -v port="$1" '
    /^# configuration file / { file = $4 }
    !/^[ \\t]*#/ && file !~ /postern/ && $0 ~ "(^|[ \\t;{])listen[ \\t]+([^;]*:)?" port "([ \\t;]|$)" { print file; exit }')
  if [ -n "$site" ]; then refuse "a web site in \${site%:} listens on port $1, which visitors of this home need"; fi
}`;

/** What a check finds wrong is taken back before anything is reloaded: neither sshd nor nginx is left unable to start. */
const PLACING = `old=$(mktemp -d)
trap 'rm -rf "$old"' EXIT
placed=''
put() {
  if [ -e "$2" ]; then mkdir -p "$old\${2%/*}" && cp -p "$2" "$old$2"; fi
  placed="$placed $2"
  install -o root -g root -m "$1" "$here/files$2" "$2"
}
restore() {
  for path in $placed; do
    if [ -e "$old$path" ]; then cp -p "$old$path" "$path"; else rm -f "$path"; fi
  done
  reload_sshd || :
  echo "postern: $1 does not accept the files, so they were taken back" >&2
  exit 1
}`;

/**
 * The script that puts everything in its place. It lies beside the folder `files`, replaces nothing that is not
 * Postern's, checks before it reloads, takes back what a check refuses, and may be run again.
 */
export function setupScript(input: RelayInput, files: readonly RelayFile[]): string {
  const site = nginxSiteOf(input.home);
  const put = (file: RelayFile): string => `put ${file.mode} ${file.path}`;
  const certificates = input.sites.map(
    (entry) =>
      `[ -e ${entry.certificate} ] || certbot certonly --webroot -w ${ACME_WEBROOT} -d ${entry.name} || exit 1`,
  );
  const lines = [
    '#!/bin/sh',
    `# ${MARKER}: ${input.home}. Sets up the relay; run it there as root. take-back.sh undoes it.`,
    'set -eu',
    'PATH=/usr/sbin:/usr/bin:/sbin:/bin',
    'here=$(cd "$(dirname "$0")" && pwd)',
    REFUSALS,
    PLACING,
    RELOADS,
    checkSshd(input.home),
    '',
    ...refusals(input, files),
    ...folderCommands(input),
    ...files.filter((file) => file.path !== site).map(put),
    ...accountCommands(input),
    '{ sshd -t && check_sshd && reload_sshd; } || restore sshd',
    'reload_nginx || restore nginx',
    ...files
      .filter((file) => file.path === site)
      .flatMap((file) => [...certificates, "placed=''", put(file), 'reload_nginx || restore nginx']),
  ];
  return `${lines.join('\n')}\n`;
}

/**
 * An administrator's earlier `Match`, a missing `Include` or an older sshd would let the block be without effect:
 * every value is compared with what sshd itself says it will do for the account.
 */
function checkSshd(home: string): string {
  const lines = sshdSettings(home).map(([keyword, value]) => `${keyword} ${value}`);
  return `check_sshd() {
  sshd -T -C user=${accountOf(home)},host=localhost,addr=127.0.0.1 >"$old/effective" || return 1
  while IFS= read -r setting; do
    if ! grep -qixF "$setting" "$old/effective"; then
      echo "postern: for the account sshd does not follow: $setting" >&2
      return 1
    fi
  done <<'END'
${lines.join('\n')}
END
}`;
}

function refusals(input: RelayInput, files: readonly RelayFile[]): string[] {
  const ports = [80, input.httpsPort];
  return [
    '[ "$(id -u)" = 0 ] || refuse "this needs root"',
    ...files.map((file) => `refuse_foreign_file ${file.path}`),
    ...ports.map((port) => `refuse_taken_port ${port}`),
    ...(input.homeNames.length > 0 ? [`refuse_site_on_port ${input.httpsPort}`] : []),
  ];
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
for _ in 1 2 3 4 5 6 7 8 9 10; do
  pkill -KILL -u ${account} || break
  sleep 0.2
done
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
