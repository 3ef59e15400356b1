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

/** The words are packages. What came with them goes too: what nobody needs now, and somebody needed before. */
export const REMOVE_PACKAGES: RemoteScript = {
  name: 'remove packages',
  text: `set -eu
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
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
