import type { RemoteScript } from '../shell.ts';

export const READ_PACKAGES: RemoteScript = {
  name: 'look for packages',
  text: `echo '== system'
sed -n -e 's/^ID=//p' -e 's/^VERSION_ID=//p' /etc/os-release | tr -d '"'
echo '== nginx'
if command -v nginx >/dev/null; then echo yes; else echo no; fi
echo '== stream'
if nginx -V 2>&1 | grep -q -e '--with-stream\\( \\|$\\)'; then echo yes
elif [ -e /usr/lib/nginx/modules/ngx_stream_module.so ]; then echo yes
else echo no
fi
echo '== end'`,
};

/** The words are packages. */
export const INSTALL_PACKAGES: RemoteScript = {
  name: 'install packages',
  text: `set -eu
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
apt-get -q update >/dev/null
apt-get -q -y --no-install-recommends install "$@" >/dev/null`,
};

/**
 * The words are packages. What came with them goes too: what nobody needs now, and somebody needed before. Debian's nginx
 * takes all of /etc/nginx with it: not while somebody else has put something there.
 */
export const REMOVE_PACKAGES: RemoteScript = {
  name: 'remove packages',
  text: `set -eu
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
refuse() {
  echo "$1" >&2
  exit 1
}
others() {
  find /etc/nginx -type f 2>/dev/null | while IFS= read -r file; do
    dpkg-query -S "$file" >/dev/null 2>&1 || echo "$file"
  done
  dpkg -V nginx nginx-common 2>/dev/null | sed -n 's/^..5.* //p'
}
for package do
  case $package in
    nginx)
      found=$(others | head -n 1)
      [ -z "$found" ] || refuse "nginx stays, as somebody else uses it: $found" ;;
    libnginx-mod-stream)
      if nginx -T 2>/dev/null | grep -q -E '^[[:space:]]*stream([[:space:]{]|$)'; then
        refuse "libnginx-mod-stream stays, as somebody else uses it: grep -rn stream /etc/nginx"
      fi ;;
  esac
done
unneeded() { apt-get -q -s autoremove | sed -n 's/^Remv \\([^ ]*\\).*/\\1/p' | sort; }
lists=$(mktemp -d /run/postern-step.XXXXXXXXXX)
trap 'rm -rf "$lists"' EXIT
unneeded >"$lists/before"
apt-get -q -y purge "$@" >/dev/null
unneeded >"$lists/after"
comm -13 "$lists/before" "$lists/after" >"$lists/brought"
if [ -s "$lists/brought" ]; then
  # shellcheck disable=SC2046
  apt-get -q -y purge $(cat "$lists/brought") >/dev/null
fi`,
};
