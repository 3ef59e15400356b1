/** The daemon's log file in `~/.postern/log`; older ones are `daemon.jsonl.1` … */
export const LOG_FILE = 'daemon.jsonl';
/** Files in all. */
export const LOG_FILES = 5;
