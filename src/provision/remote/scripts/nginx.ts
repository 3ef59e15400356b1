import type { RemoteScript } from '../shell.ts';
import { FILE_FUNCTIONS } from './files.ts';

export const READ_NGINX: RemoteScript = {
  name: "read nginx's configuration",
  text: `echo '== program'
if command -v nginx >/dev/null; then echo yes; else echo no; fi
echo '== test'
nginx -t 2>&1
echo '== sockets'
ss -Hltnp 2>/dev/null
echo '== group'
if getent group "$1" >/dev/null; then echo yes; else echo no; fi
echo '== dump'
nginx -T 2>/dev/null
echo '== end'`,
};

/**
 * Places nginx's files; what does not pass its test, its reload or the proof is taken back. `nginx -t` and a reload can
 * succeed while nothing serves, so the proof is: new workers, no [emerg] since, and a new connection to each port in
 * both families that a worker answers (an answer or an end; a port that only the master holds would hang).
 * $1 ports to prove, blanks between; then six words for each file.
 */
export const PLACE_NGINX: RemoteScript = {
  name: "place nginx's files",
  text: [
    FILE_FUNCTIONS,
    `ports=$1
shift
log=/var/log/nginx/error.log
lock_step
reload_nginx() {
  nginx -t 2>"$old/said" || return 1
  if [ -d /run/systemd/system ]; then systemctl reload-or-restart nginx 2>"$old/said"
  elif [ -s /run/nginx.pid ] && kill -0 "$(cat /run/nginx.pid)" 2>/dev/null; then nginx -s reload 2>"$old/said"
  else nginx 2>"$old/said" 8>&-
  fi
}
workers() { pgrep -f '^nginx: worker process$' | sort; }
has_new_worker() {
  workers >"$old/workers.now"
  [ -n "$(comm -13 "$old/workers.old" "$old/workers.now")" ]
}
answers() {
  timeout 3 bash -c 'exec 3<>"/dev/tcp/$1/$2" || exit 7
    printf "GET / HTTP/1.0\\r\\nHost: postern.invalid\\r\\n\\r\\n" >&3
    cat <&3 >/dev/null 2>&1; exit 0' bash "$1" "$2" 2>/dev/null
}
prove_ports() {
  for port in $ports; do
    answers 127.0.0.1 "$port" || return 1
    if [ -e /proc/net/if_inet6 ] && [ -s /proc/net/if_inet6 ]; then answers ::1 "$port" || return 1; fi
  done
}
prove() {
  tries=0
  until has_new_worker && prove_ports; do
    tries=$((tries + 1))
    [ "$tries" -lt 20 ] || return 1
    sleep 0.1
  done
}
emergency() { tail -c "+$((size + 1))" "$log" 2>/dev/null | grep '\\[emerg\\]' | tail -n 1; }
nginx -t 2>"$old/said" || fail "nginx does not accept its configuration as it is: $(grep -m 1 emerg "$old/said")"
size=0
if [ -e "$log" ]; then size=$(($(wc -c <"$log"))); fi
after_take_back() { reload_nginx; }
put_all "$@"
nginx -t 2>"$old/said" || fail "nginx does not accept the files: $(grep -m 1 emerg "$old/said")"
workers >"$old/workers.old"
reload_nginx || fail "nginx could not be reloaded: $(tail -n 1 "$old/said")"
prove || fail "after its reload nginx does not serve port $ports: $(emergency)"
said=$(emergency)
[ -z "$said" ] || fail "nginx complains since its reload: $said"`,
  ].join('\n'),
};
