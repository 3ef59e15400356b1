import type { RemoteScript } from '../shell.ts';

/**
 * The dead man's switch: before a change that could lock the operator out, its undo is scheduled on the relay itself.
 * Everything lies in a folder of root's: for each file its path, a copy of what was there (with its hash), and the hash
 * of what Postern puts there. The one that renames `armed` wins: the timer to take back, or home to call it off. A relay
 * that dies while it takes back goes on with it: what is back already is no longer what Postern wrote, and is left.
 */
export const SWITCH_UNDO = `#!/bin/sh
# managed by postern: takes a change back unless home has proved in time that the way in still works.
set -u
PATH=/usr/sbin:/usr/bin:/sbin:/bin
cd "$(dirname "$0")" || exit 0
if [ "\${1-}" = cron ] && [ "$(date +%s)" -lt "$(cat deadline)" ]; then exit 0; fi
mv armed fired 2>/dev/null || [ -e fired ] || exit 0
for entry in *.path; do
  n=\${entry%.path}
  path=$(cat "$entry")
  if [ -e "$path" ]; then now=$(sha256sum <"$path"); else now=absent; fi
  [ "$now" = "$(cat "$n.ours")" ] || continue
  if [ -e "$n.was" ]; then
    [ "$(sha256sum <"$n.was")" = "$(cat "$n.hash")" ] || continue
    cp -p "$n.was" "$path.postern-undo.$$" && mv -fT "$path.postern-undo.$$" "$path"
  else rm -f "$path"
  fi
done
if sshd -t; then
  if [ -d /run/systemd/system ]; then
    systemctl try-reload-or-restart ssh.service 2>/dev/null || systemctl try-reload-or-restart sshd.service
  elif [ -s /run/sshd.pid ]; then kill -HUP "$(cat /run/sshd.pid)"
  fi
fi
name=$(basename "$PWD")
rm -f "/etc/cron.d/postern-switch-$name"
if [ "\${1-}" != at ] && [ -s job ]; then atrm "$(cat job)" 2>/dev/null; fi
if [ -e "/etc/systemd/system/postern-switch-$name.timer" ]; then
  systemctl disable --now "postern-switch-$name.timer" 2>/dev/null || :
  rm -f "/etc/systemd/system/postern-switch-$name.timer" "/etc/systemd/system/postern-switch-$name.service"
  systemctl daemon-reload || :
fi
cd /
rm -rf "/var/lib/postern-switch/$name"
rmdir --ignore-fail-on-non-empty /var/lib/postern-switch 2>/dev/null || :
`;

/**
 * Functions around it, for scripts that change under its cover. A timer of systemd is restarted, never only started:
 * one that has fired before stays active without ever firing again, and to start what is active does nothing.
 */
export const SWITCH_FUNCTIONS = `switches=/var/lib/postern-switch
is_running() { pgrep -x "$1" >/dev/null 2>&1; }
find_scheduler() {
  if [ -d /run/systemd/system ]; then scheduler='systemd'
  elif command -v at >/dev/null && is_running atd; then scheduler='at'
  elif [ -d /etc/cron.d ] && { is_running cron || is_running crond; }; then scheduler='cron'
  else return 1
  fi
}
fire_left_over() {
  if [ -e "$switches/$1/armed" ] || [ -e "$switches/$1/fired" ]; then sh "$switches/$1/undo"; fi
  unschedule "$1"
  rm -rf "$switches/\${1:?}" "$switches/\${1:?}.new"
}
prepare_switch() {
  name=$1 undo=$2
  shift 2
  install -d -o root -g root -m 0700 "$switches" "$switches/$name.new" || return 1
  printf '%s' "$undo" >"$switches/$name.new/undo"
  n=0
  while [ "$#" -ge 6 ]; do
    n=$((n + 1))
    printf '%s' "$1" >"$switches/$name.new/$n.path"
    if [ "$2" = absent ]; then echo absent; else echo "$6  -"; fi >"$switches/$name.new/$n.ours"
    if [ -e "$1" ]; then
      cp -p "$1" "$switches/$name.new/$n.was" || return 1
      sha256sum <"$switches/$name.new/$n.was" >"$switches/$name.new/$n.hash"
    fi
    shift 6
  done
  : >"$switches/$name.new/armed"
  sync
  mv -T "$switches/$name.new" "$switches/$name"
}
schedule() {
  case $scheduler in
    systemd)
      printf '%s' "$3" >"/etc/systemd/system/postern-switch-$1.service" &&
        printf '%s' "$4" >"/etc/systemd/system/postern-switch-$1.timer" &&
        chmod 0644 "/etc/systemd/system/postern-switch-$1.service" "/etc/systemd/system/postern-switch-$1.timer" &&
        systemctl daemon-reload && systemctl enable "postern-switch-$1.timer" >/dev/null 2>&1 &&
        systemctl restart "postern-switch-$1.timer" &&
        systemctl is-active "postern-switch-$1.timer" >/dev/null ;;
    at)
      echo "sh $switches/$1/undo at" | at -M now + $((($2 + 59) / 60 + 1)) minutes 2>"$switches/$1/said" &&
        sed -n 's/^job \\([0-9][0-9]*\\) at .*/\\1/p' "$switches/$1/said" >"$switches/$1/job" && [ -s "$switches/$1/job" ] ;;
    cron)
      echo "$(($(date +%s) + $2))" >"$switches/$1/deadline" &&
        echo "* * * * * root sh $switches/$1/undo cron" >"/etc/cron.d/postern-switch-$1" ;;
    *) return 1 ;;
  esac
}
unschedule() {
  rm -f "/etc/cron.d/postern-switch-$1"
  if [ -s "$switches/$1/job" ]; then atrm "$(cat "$switches/$1/job")" 2>/dev/null || :; fi
  if [ -e "/etc/systemd/system/postern-switch-$1.timer" ]; then
    systemctl disable --now "postern-switch-$1.timer" >/dev/null 2>&1 || :
    rm -f "/etc/systemd/system/postern-switch-$1.timer" "/etc/systemd/system/postern-switch-$1.service"
    systemctl daemon-reload || :
  fi
}
call_off() {
  mv "$switches/$1/armed" "$switches/$1/called-off" 2>/dev/null || return 1
  unschedule "$1"
  rm -rf "$switches/\${1:?}"
  rmdir --ignore-fail-on-non-empty "$switches"
}
`;

/** $1: the switch. Status 76: it has fired already. */
export const CALL_OFF_SWITCH: RemoteScript = {
  name: 'call the switch off',
  text: [SWITCH_FUNCTIONS, 'call_off "$1" || { echo "it has been taken back meanwhile" >&2; exit 76; }'].join(
    '\n',
  ),
};

/** $1: the switch. Home knows already that the change does not hold. */
export const FIRE_SWITCH: RemoteScript = {
  name: 'take the change back',
  text: `if [ -e "/var/lib/postern-switch/$1/undo" ]; then sh "/var/lib/postern-switch/$1/undo"; fi`,
};

/** $1: the switch. */
export const READ_SWITCH: RemoteScript = {
  name: 'look for an armed switch',
  text: `if [ -e "/var/lib/postern-switch/$1" ]; then echo armed; else echo none; fi`,
};
