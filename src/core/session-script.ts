import { MARKER, SESSION_SCRIPT } from './relay-layout.ts';

/**
 * The script at the relay's end of every ssh connection of the link: POSIX sh, nothing but /bin and /usr/bin.
 * Its header is the definition of the session protocol. Two forms share one body: installed by root as login shell
 * and forced command, or sent as the remote command where there is no root on the relay.
 */

const PROTOCOL = `# The session protocol, version 1. One session for each ssh connection of the link, known by its slot (1 to 8).
#   said first:        postern 1 slot SLOT older PID|none
#   stdin "h WORD"     heartbeat: answered "h WORD" (WORD: 1 to 32 of 0-9 a-z A-Z . -)
#   stdin "take"       ends the older session of this slot: answered "took", or "none" when it is gone already
#   anything else      ignored, not answered
# Without a heartbeat for 15 to 20 s the session ends its own sshd process, so that no visitor hangs on a dead link.`;

const SETTINGS = `set -u
PATH=/usr/bin:/bin LC_ALL=C
export PATH LC_ALL
unset IFS ENV CDPATH
umask 077
# One endless line must not eat the relay's memory (dash, bash and busybox know -v; elsewhere it is skipped).
# shellcheck disable=SC3045
ulimit -v 100000 2>/dev/null || :`;

const FORCED_PRELUDE = `case \${SSH_ORIGINAL_COMMAND-} in
  "link "[1-8]) slot=\${SSH_ORIGINAL_COMMAND#link } ;;
  *) echo "postern: refused" >&2; exit 64 ;;
esac
cd "$HOME" || exit 69`;

const BODY = `# Start time of process $1, so that a number given again to another process is not mistaken for it;
# "-" where /proc does not show it (hidepid, other systems); fails when the process is gone or not ours.
born() {
  kill -0 "$1" 2>/dev/null || return 1
  { IFS= read -r stat <"/proc/$1/stat"; } 2>/dev/null || { echo -; return 0; }
  stat=\${stat##*) }
  case $stat in Z*) return 1 ;; esac
  set -f
  # shellcheck disable=SC2086
  set -- $stat
  echo "\${20}"
}

mine=$PPID
mine_born=$(born "$mine") || exit 69
older='' older_born=''
{ read -r older older_born <"./$slot.pid"; } 2>/dev/null || older=''
{ echo "$mine $mine_born" >"./$slot.pid.$$" && mv -f "./$slot.pid.$$" "./$slot.pid"; } || exit 73

is_older() {
  case $1 in '' | *[!0-9]* | 0 | 1) return 1 ;; esac
  [ "$1" != "$mine" ] && [ "$(born "$1")" = "$2" ]
}

end_older() {
  is_older "$1" "$2" || return 1
  kill -TERM "$1" 2>/dev/null
  (sleep 1; is_older "$1" "$2" && kill -KILL "$1") </dev/null >/dev/null 2>&1 &
}

beat=./$slot.$mine.beat
rm -f "./$slot".*.beat
: >"$beat"
(
  nap=''
  trap 'kill "$nap" 2>/dev/null; exit 0' TERM
  last='' missed=0
  while :; do
    sleep 5 &
    nap=$!
    wait "$nap"
    [ "$(born "$mine")" = "$mine_born" ] || { rm -f "$beat"; exit 0; }
    now=''
    { read -r now <"$beat"; } 2>/dev/null
    if [ "$now" = "$last" ]; then missed=$((missed + 1)); else missed=0 last=$now; fi
    [ "$missed" -lt 3 ] || { rm -f "$beat"; kill -KILL "$mine"; exit 0; }
  done
) </dev/null >/dev/null 2>&1 &
watchdog=$!
trap 'kill "$watchdog" 2>/dev/null; rm -f "$beat"' EXIT
trap 'exit 0' HUP INT TERM PIPE

echo "postern 1 slot $slot older \${older:-none}"
count=0
while IFS= read -r line; do
  case $line in
    "h "*)
      word=\${line#h }
      case $word in '' | *[!0-9a-zA-Z.-]* | ?????????????????????????????????*) continue ;; esac
      echo "h $word" || exit 0
      count=$((count + 1))
      echo "$count" >"$beat" ;;
    take)
      if end_older "$older" "$older_born"; then echo took; else echo none; fi
      older='' ;;
  esac
done`;

/** The content of the root-owned script. */
export function sessionScript(): string {
  return `#!/bin/sh
# ${MARKER}: ${SESSION_SCRIPT}
# Runs as the link's account, as its login shell and as its forced command: no other program is ever started for it.
${PROTOCOL}
${SETTINGS}
${FORCED_PRELUDE}
${BODY}
`;
}

/**
 * The same session as a remote command, for an ordinary account on a relay without root.
 * Its few state files lie in `~/.postern-link/HOME`. The text goes to the account's login shell, whatever that is,
 * so it is one single-quoted word behind \`exec sh -c\`.
 * @param home checked by the schema: letters, digits and -
 * @param slot 1 to 8
 */
export function inlineSession(home: string, slot: number): string {
  if (!/^[a-z][a-z0-9-]{0,15}$/.test(home)) throw new RangeError('home is not an ID');
  if (!Number.isInteger(slot) || slot < 1 || slot > 8) throw new RangeError('slot is not 1 to 8');
  const prelude = `slot=${slot}
mkdir -p "$HOME/.postern-link/${home}" && cd "$HOME/.postern-link/${home}" || exit 69`;
  const script = [SETTINGS, prelude, BODY].join('\n').split('\n').filter(isCode).join('\n');
  return `exec sh -c '${script.replaceAll("'", String.raw`'\''`)}' postern`;
}

function isCode(line: string): boolean {
  return line.trim() !== '' && !line.trimStart().startsWith('#');
}
