/** Fields of a log line. Never a header, a body, a query string, a cookie or a key. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Where the program writes what it did. The daemon's is pino (`daemon/log.ts`), tests collect. */
export interface Log {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  /** The same log with fields added to every line. */
  child(fields: LogFields): Log;
}

/** A log that keeps nothing. */
export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLog,
};
