import type { RemoteScript } from '../shell.ts';

/** $1: the account. passwd line, its groups, the second field of shadow as `*`, `!` or `other`. */
export const READ_ACCOUNT: RemoteScript = {
  name: 'read the account',
  text: `echo '== passwd'
getent passwd "$1" | head -n 1
echo '== groups'
if getent passwd "$1" >/dev/null; then id -Gn "$1"; id -gn "$1"; fi
echo '== password'
if getent passwd "$1" >/dev/null; then
  case $(getent shadow "$1" | cut -d: -f2) in '*') echo '*' ;; '!'*) echo '!' ;; *) echo other ;; esac
fi
echo '== group'
getent group "$1" | cut -d: -f1`,
};

/**
 * $1 account, $2 home folder, $3 shell, $4 folder for what useradd writes over: the system's own copies of its files
 * (passwd- and the like), so that the way back can restore those too.
 */
export const MAKE_ACCOUNT: RemoteScript = {
  name: 'make the account',
  text: `set -eu
if [ ! -d "$4" ]; then
  install -d -o root -g root -m 0700 "$4.new"
  for name in passwd group shadow gshadow; do
    if [ -e "/etc/$name-" ]; then cp -p "/etc/$name-" "$4.new/$name-"; fi
    if [ -e "/etc/$name" ]; then sha256sum <"/etc/$name" >"$4.new/$name.sum"; fi
  done
  if [ -e /etc/.pwd.lock ]; then : >"$4.new/pwd.lock"; fi
  mv -T "$4.new" "$4"
fi
getent group "$1" >/dev/null || groupadd -r "$1"
if getent passwd "$1" >/dev/null; then usermod -g "$1" -G '' -d "$2" -s "$3" -p '*' "$1"
else useradd -r -g "$1" -d "$2" -M -s "$3" -p '*' "$1"
fi`,
};

/** $1 account, $4 as above. Where nobody else has changed the account files meanwhile, their old copies come back too. */
export const REMOVE_ACCOUNT: RemoteScript = {
  name: 'remove the account',
  text: `set -eu
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  pkill -KILL -u "$1" 2>/dev/null || break
  sleep 0.1
done
if getent passwd "$1" >/dev/null; then userdel "$1"; fi
if getent group "$1" >/dev/null; then groupdel "$1"; fi
rm -rf "$4.new"
if [ -d "$4" ]; then
  same=yes
  for name in passwd group shadow gshadow; do
    if [ -e "$4/$name.sum" ]; then
      [ "$(sha256sum <"/etc/$name")" = "$(cat "$4/$name.sum")" ] || same=no
    fi
  done
  if [ "$same" = yes ]; then
    for name in passwd group shadow gshadow; do
      if [ -e "$4/$name-" ]; then cp -p "$4/$name-" "/etc/$name-.postern-new" && mv -fT "/etc/$name-.postern-new" "/etc/$name-"
      else rm -f "/etc/$name-"
      fi
    done
  fi
  if [ ! -e "$4/pwd.lock" ]; then rm -f /etc/.pwd.lock; fi
  rm -rf "$4"
  parent=$(dirname "$4")
  rmdir --ignore-fail-on-non-empty "$parent"
fi`,
};

/** $1 the home's folder. `absent`, or `folder MODE OWNER GROUP`, or `other`; then whether the group $2 exists. */
export const READ_STATE_FOLDER: RemoteScript = {
  name: 'read the folder of sockets',
  text: `echo '== folder'
if [ -L "$1" ]; then echo other
elif [ -d "$1" ]; then stat -c 'folder %a %U %G' "$1"
elif [ -e "$1" ]; then echo other
else echo absent
fi
echo '== group'
if getent group "$2" >/dev/null; then echo yes; else echo no; fi
echo '== parent'
if [ -d "$(dirname "$1")" ]; then echo yes; else echo no; fi`,
};

/** $1 folder, $2 owner, $3 group. */
export const MAKE_STATE_FOLDER: RemoteScript = {
  name: 'make the folder of sockets',
  text: `set -eu
install -d -o root -g root -m 0755 "$(dirname "$1")"
install -d -o "$2" -g "$3" -m 2710 "$1"
chown "$2:$3" "$1"
chmod 2710 "$1"`,
};

/** $1 folder, $2 account: its sessions end first, or they would go on writing. */
export const REMOVE_STATE_FOLDER: RemoteScript = {
  name: 'remove the folder of sockets',
  text: `set -eu
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  pkill -KILL -u "$2" 2>/dev/null || break
  sleep 0.1
done
rm -rf "$1"
parent=$(dirname "$1")
if [ -d "$parent" ]; then rmdir --ignore-fail-on-non-empty "$parent"; fi`,
};
