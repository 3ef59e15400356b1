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

/** Installs the packages that are named; what came with them is written down for the way back. */
export const INSTALL_PACKAGES: RemoteScript = {
  name: 'install packages',
  text: `set -eu
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
kept=/var/lib/postern-kept
install -d -o root -g root -m 0700 "$kept"
list() { dpkg-query -W -f '\${db:Status-Abbrev}\${Package}\\n' | sed -n 's/^ii *//p' | sort; }
if [ ! -e "$kept/packages.before" ]; then list >"$kept/packages.before.new"; mv "$kept/packages.before.new" "$kept/packages.before"; fi
apt-get -q update >/dev/null
apt-get -q -y --no-install-recommends install "$@" </dev/null >/dev/null
list | comm -13 "$kept/packages.before" - >"$kept/packages"`,
};

/** Removes what INSTALL_PACKAGES brought, and nothing that was there before it. */
export const REMOVE_PACKAGES: RemoteScript = {
  name: 'remove packages',
  text: `set -eu
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
kept=/var/lib/postern-kept
if [ -s "$kept/packages" ]; then
  # shellcheck disable=SC2046
  apt-get -q -y purge $(cat "$kept/packages") </dev/null >/dev/null
fi
rm -f "$kept/packages" "$kept/packages.before"
if [ -d "$kept" ]; then rmdir --ignore-fail-on-non-empty "$kept"; fi`,
};
