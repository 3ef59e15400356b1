import type { RemoteScript } from '../shell.ts';
import { FILE_FUNCTIONS } from './files.ts';
import { SWITCH_FUNCTIONS } from './switch.ts';

/** The connection's own address, so that a `Match Address` counts as it will for the link. */
const WHERE = `where() {
  peer=\${SSH_CONNECTION-127.0.0.1 0 127.0.0.1 22}
  # shellcheck disable=SC2086
  set -- "$1" $peer
  echo "user=$1,host=localhost,addr=$2,laddr=$4,lport=$5"
}`;

/**
 * What sshd would do with a drop-in, without touching anything of sshd's: copies of its configuration with and
 * without the drop-in are asked. $1 its path, $2 its content in base64, $3 the account, then accounts for which
 * nothing may change.
 */
export const SIMULATE_SSHD: RemoteScript = {
  name: 'ask sshd what it would do',
  text: [
    WHERE,
    `set -u
tmp=$(mktemp -d /run/postern-step.XXXXXXXXXX) || exit 73
trap 'rm -rf "$tmp"' EXIT
dropin=$1 content=$2 account=$3
shift 3
for kind in with without; do
  mkdir "$tmp/$kind"
  if [ -d /etc/ssh/sshd_config.d ]; then cp -RL /etc/ssh/sshd_config.d/. "$tmp/$kind"; fi
  rm -f "$tmp/$kind/$(basename "$dropin")"
  sed -e "s|/etc/ssh/sshd_config\\.d/|$tmp/$kind/|g" \\
    -e "s|^\\([[:space:]]*[Ii]nclude[[:space:]][[:space:]]*\\"\\{0,1\\}\\)sshd_config\\.d/|\\1$tmp/$kind/|" \\
    /etc/ssh/sshd_config >"$tmp/$kind.conf"
done
printf '%s' "$content" | base64 -d >"$tmp/with/$(basename "$dropin")"
real_names() { tr -d '\\r' | sed -e "s|$tmp/$1/|/etc/ssh/sshd_config.d/|g" -e "s|$tmp/$1.conf|/etc/ssh/sshd_config|g"; }
echo '== before'
sshd -t -f "$tmp/without.conf" 2>&1 | real_names without
echo '== test'
sshd -t -f "$tmp/with.conf" 2>&1 | real_names with
echo '== account'
sshd -T -f "$tmp/with.conf" -C "$(where "$account")" 2>/dev/null
echo '== others'
for other do
  sshd -T -f "$tmp/without.conf" -C "$(where "$other")" >"$tmp/1" 2>/dev/null
  sshd -T -f "$tmp/with.conf" -C "$(where "$other")" >"$tmp/2" 2>/dev/null
  diff "$tmp/1" "$tmp/2" >"$tmp/3" || { echo "user $other"; head -n 5 "$tmp/3"; }
done
echo '== lines'
grep -HniE '^[[:space:]]*(Include|Match|DenyUsers|DenyGroups|AllowUsers|AllowGroups|DisableForwarding)[[:space:]]' \\
  /etc/ssh/sshd_config /etc/ssh/sshd_config.d/*.conf 2>/dev/null | grep -v "^$dropin:" | head -n 100
echo '== end'`,
  ].join('\n'),
};

const RELOAD = `reload_sshd() {
  sshd -t || return 1
  if [ -d /run/systemd/system ]; then
    systemctl try-reload-or-restart ssh.service 2>/dev/null || systemctl try-reload-or-restart sshd.service
  elif [ -s /run/sshd.pid ]; then kill -HUP "$(cat /run/sshd.pid)"
  fi
}`;

/**
 * Places the drop-in under a dead man's switch. $1 name of the switch, $2 its undo script, $3 seconds until it fires,
 * $4 and $5 systemd's service and timer, $6 the account, $7 settings that have to be in force for it (one each line;
 * empty when the drop-in goes), then six words for each file. Status 75: nothing here could fire the switch. What could
 * not be taken back by the script itself stays under the armed switch.
 */
export const PLACE_SSHD: RemoteScript = {
  name: "place sshd's drop-in",
  text: [
    FILE_FUNCTIONS,
    SWITCH_FUNCTIONS,
    WHERE,
    RELOAD,
    `switch=$1 undo=$2 seconds=$3 service=$4 timer=$5 account=$6 settings=$7
shift 7
find_scheduler || exit 75
lock_step
fire_left_over "$switch"
sshd -t 2>"$old/said" || fail "sshd does not accept its configuration as it is: $(tail -n 1 "$old/said")"
sshd -T -C "$(where root)" >"$old/root.before" 2>/dev/null
prepare_switch "$switch" "$undo" "$@" || fail "the switch could not be prepared"
schedule "$switch" "$seconds" "$service" "$timer" || { call_off "$switch"; exit 75; }
after_take_back() { reload_sshd && call_off "$switch"; }
put_all "$@"
sshd -t 2>"$old/said" || fail "sshd does not accept the file: $(tail -n 1 "$old/said")"
sshd -T -C "$(where root)" >"$old/root.after" 2>/dev/null
cmp -s "$old/root.before" "$old/root.after" || fail "sshd would treat root otherwise than before"
if [ -n "$settings" ]; then
  sshd -T -C "$(where "$account")" >"$old/effective" 2>/dev/null
  printf '%s\\n' "$settings" >"$old/settings"
  while IFS= read -r setting; do
    grep -qixF "$setting" "$old/effective" || fail "for the account sshd does not follow: $setting"
  done <"$old/settings"
fi
[ -e "$switches/$switch/armed" ] || fail "the switch has fired before the change was complete"
reload_sshd 2>"$old/said" || fail "sshd could not be reloaded: $(tail -n 1 "$old/said")"`,
  ].join('\n'),
};
