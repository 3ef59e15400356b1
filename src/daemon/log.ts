import { join } from 'node:path';
import pino, { type Logger } from 'pino';
import type { Clock } from '../core/clock.ts';
import { isPosternError } from '../core/errors/index.ts';
import type { Log, LogFields } from '../core/log.ts';
import { RotatingFile } from '../platform/rotating-file.ts';
import { LOG_FILE, LOG_FILES } from './log-files.ts';

const LOG_FILE_BYTES = 5 * 1024 * 1024;

/** Fields that nobody may log; who does it by mistake gets `[secret]`. Secrets themselves are kept out by their type. */
const FORBIDDEN = new Set([
  'authorization',
  'cookie',
  'set-cookie',
  'password',
  'token',
  'secret',
  'key',
  'headers',
  'body',
]);
const MAX_DEPTH = 5;

export interface DaemonLog extends Log {
  /** Writes what waits. */
  flush(): void;
  close(): void;
}

/**
 * The daemon's log: one JSON object a line, 5 files of 5 MiB.
 * @param folder `~/.postern/log`
 * @param level lines below it are dropped
 */
export function openDaemonLog(folder: string, clock: Clock, level: 'debug' | 'info' = 'info'): DaemonLog {
  const file = new RotatingFile({
    path: join(folder, LOG_FILE),
    maxBytes: LOG_FILE_BYTES,
    files: LOG_FILES,
    clock,
  });
  const logger = pino(
    {
      level,
      base: { pid: process.pid },
      messageKey: 'message',
      timestamp: () => `,"time":${clock.nowMs()}`,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string) => file.write(line) },
  );
  return { ...wrap(logger, () => file.flush()), flush: () => file.flush(), close: () => file.close() };
}

function wrap(logger: Logger, flush: () => void): Log {
  return {
    debug: (fields, message) => logger.debug(cleanFields(fields), message),
    info: (fields, message) => logger.info(cleanFields(fields), message),
    warn: (fields, message) => logger.warn(cleanFields(fields), message),
    error: (fields, message) => {
      logger.error(cleanFields(fields), message);
      flush();
    },
    child: (fields) => wrap(logger.child(cleanFields(fields)), flush),
  };
}

/** What may be written of `fields`: errors as code and words, bytes as their number, forbidden names not at all. */
export function cleanFields(fields: LogFields): Record<string, unknown> {
  // A line for each request comes here, and there is nothing to clean in it.
  return isClean(fields) ? fields : (clean(fields, 0) as Record<string, unknown>);
}

/** Plain values under permitted names, and nothing else? */
function isClean(fields: LogFields): boolean {
  for (const name in fields) {
    const value = fields[name];
    if ((typeof value === 'object' && value !== null) || FORBIDDEN.has(name.toLowerCase())) return false;
  }
  return true;
}

function clean(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return cleanError(value, depth);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  // Secret and SecretReference say themselves what may be seen of them.
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return value;
  if (depth >= MAX_DEPTH) return '[deep]';
  if (Array.isArray(value)) return value.map((item) => clean(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      name,
      FORBIDDEN.has(name.toLowerCase()) ? '[secret]' : clean(item, depth + 1),
    ]),
  );
}

function cleanError(error: Error, depth: number): Record<string, unknown> {
  const code = isPosternError(error) ? error.code : (error as NodeJS.ErrnoException).code;
  return {
    ...(code === undefined ? {} : { code }),
    message: error.message,
    ...(isPosternError(error) ? {} : { stack: error.stack }),
    ...(error.cause === undefined || depth >= MAX_DEPTH ? {} : { cause: clean(error.cause, depth + 1) }),
  };
}
