import type { RemoteScript } from '../shell.ts';

/**
 * What is at each path: a line `KIND MODE OWNER GROUP BYTES`, then the content of a regular file in base64, then `.`.
 * No link is followed; larger files are named and not read.
 */
export const READ_FILES: RemoteScript = {
  name: 'read files',
  text: `for path do
  if [ -L "$path" ]; then echo "link 0 - - 0"
  elif [ ! -e "$path" ]; then echo "absent 0 - - 0"
  elif [ -f "$path" ]; then
    size=$(($(wc -c <"$path")))
    if [ "$size" -gt 1048576 ]; then echo "other 0 - - $size"
    else
      stat -c 'file %a %U %G %s' "$path"
      base64 "$path"
    fi
  elif [ -d "$path" ]; then stat -c 'folder %a %U %G 0' "$path"
  else echo "other 0 - - 0"
  fi
  echo .
done`,
};

/** Which other homes this relay serves: their key files. $1 is our own. */
export const LIST_OTHER_HOMES: RemoteScript = {
  name: 'look for other homes',
  text: `for path in /etc/ssh/postern/postern-*; do
  case $path in *.postern-new) continue ;; esac
  if [ -f "$path" ] && [ "$path" != "$1" ]; then echo "$path"; fi
done`,
};

export const MAKE_FOLDERS: RemoteScript = {
  name: 'make folders',
  text: `for path do
  if [ ! -d "$path" ]; then install -d -o root -g root -m 0755 "$path" || exit 1; fi
done`,
};

/** Only empty ones go. */
export const REMOVE_FOLDERS: RemoteScript = {
  name: 'remove folders',
  text: `for path do
  if [ -d "$path" ] && [ ! -L "$path" ]; then rmdir --ignore-fail-on-non-empty "$path" || exit 1; fi
done`,
};

/**
 * Functions for scripts that change files. A file is written beside its place, checked against its hash, and renamed.
 * `take_back` undoes what the same script has placed, from copies that were made first; `lock_step` lets one script at
 * a time do so, or two homes of a relay would take back each other's files.
 */
export const FILE_FUNCTIONS = `set -u
old=$(mktemp -d /run/postern-step.XXXXXXXXXX) || exit 73
trap 'rm -rf "$old"' EXIT
placed=0
lock_step() {
  command -v flock >/dev/null || return 0
  exec 8</etc/ssh
  flock -w 20 8 || { echo "another postern changes this relay at the moment" >&2; exit 1; }
}
keep() {
  next=$((placed + 1))
  printf '%s' "$1" >"$old/$next.path" || fail "$1 could not be copied first"
  if [ -e "$1" ]; then cp -p "$1" "$old/$next.was" || fail "$1 could not be copied first"; fi
  placed=$next
}
put_file() {
  keep "$1"
  rm -f "$1.postern-new"
  if [ "$2" = absent ]; then rm -f "$1"; return; fi
  printf '%s' "$5" | base64 -d >"$1.postern-new" || fail "$1 could not be written"
  [ "$(sha256sum <"$1.postern-new")" = "$6  -" ] || fail "$1 did not arrive whole"
  if ! { chown "$3:$4" "$1.postern-new" && chmod "$2" "$1.postern-new"; }; then fail "$1 could not be given to $3:$4"; fi
  sync "$1.postern-new" 2>/dev/null || :
  mv -fT "$1.postern-new" "$1" || fail "$1 could not be placed"
}
take_back() {
  while [ "$placed" -gt 0 ]; do
    path=$(cat "$old/$placed.path")
    rm -f "$path.postern-new"
    if [ -e "$old/$placed.was" ]; then
      cp -p "$old/$placed.was" "$path.postern-new" && mv -fT "$path.postern-new" "$path"
    else rm -f "$path"
    fi
    placed=$((placed - 1))
  done
}
after_take_back() { :; }
fail() {
  take_back
  after_take_back
  echo "$1" >&2
  exit 1
}
put_all() {
  while [ "$#" -ge 6 ]; do
    put_file "$1" "$2" "$3" "$4" "$5" "$6"
    shift 6
  done
}
`;

/** Six words for each file: path, mode or `absent`, owner, group, content in base64, its SHA-256. */
export const PUT_FILES: RemoteScript = {
  name: 'place files',
  text: [FILE_FUNCTIONS, 'put_all "$@"'].join('\n'),
};
