/** Fixed POSIX scripts that read and change nothing; what differs comes as arguments. */

/** `ADDRESS:PORT PROGRAM USER` of every TCP listener. */
export const PORTS_SCRIPT = `set -eu
ss -Hltnp | while read -r state recv send address peer users; do
  pid=$(printf '%s\\n' "\${users:-}" | sed -n 's/.*pid=\\([0-9][0-9]*\\).*/\\1/p')
  program=$(printf '%s\\n' "\${users:-}" | sed -n 's/^users:(("\\([^"]*\\)".*/\\1/p' | tr -d ' ')
  user=
  [ -z "$pid" ] || user=$(ps -o user:64= -p "$pid" || :)
  printf '%s %s %s\\n' "$address" "\${program:--}" "\${user:--}"
done
`;

/** `MODE OWNER GROUP PATH` of the folder `$1` and of the sockets in it. */
export const SOCKETS_SCRIPT = `set -eu
[ -d "$1" ] || exit 0
find "$1" -maxdepth 1 \\( -path "$1" -o -type s \\) -exec stat -c '%a %U %G %n' {} +
`;

/**
 * `key PATH`, `certificate PATH` and `log PATH` of what should not be there.
 * $1 the home, $2 a word of a request just made, then the names that end TLS at home.
 */
export const FILES_SCRIPT = `set -eu
home=$1 marker=$2; shift 2
for place in /etc/ssh/postern "/var/lib/postern/$home" /usr/local/lib/postern /etc/nginx/postern.d /var/lib/postern-acme; do
  [ ! -e "$place" ] || grep -rlsI -e '-----BEGIN [A-Z ]*PRIVATE KEY-----' "$place" | head -n 20 | sed 's/^/key /'
done
for name do
  for place in "/etc/letsencrypt/live/$name" "/etc/letsencrypt/archive/$name"; do
    [ ! -e "$place" ] || printf 'certificate %s\\n' "$place"
  done
done
[ ! -d /var/log/nginx ] || find /var/log/nginx -type f -mmin -10 -exec grep -lF -e "$marker" {} + | sed 's/^/log /'
`;
