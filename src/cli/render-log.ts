import { printable } from '../core/printable.ts';
import type { Paint } from './paint.ts';

/** Fields that a reader knows anyhow, or that stand elsewhere in the line. */
const UNSHOWN = new Set(['level', 'time', 'pid', 'message']);

/** A line of the daemon's log for people: `TIME LEVEL message key=value …`. What is no JSON is shown as it is. */
export function renderLogLine(line: string, paint: Paint): string {
  const fields = parseLine(line);
  if (!fields) return printable(line, 2000);
  const { level = 'info', time, message = '' } = fields;
  const rest = Object.entries(fields)
    .filter(([name]) => !UNSHOWN.has(name))
    .map(([name, value]) => paint.dim(`${printable(name, 60)}=${printable(showValue(value), 500)}`));
  const parts = [showTime(time), showLevel(String(level), paint), printable(String(message), 1000), ...rest];
  return parts.join(' ').trimEnd();
}

function parseLine(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function showTime(time: unknown): string {
  const isTime = typeof time === 'number' && Math.abs(time) <= 8.64e15;
  return isTime ? new Date(time).toISOString() : '-';
}

function showLevel(level: string, paint: Paint): string {
  const text = printable(level, 10).padEnd(5);
  if (level === 'error' || level === 'fatal') return paint.red(text);
  return level === 'warn' ? paint.yellow(text) : text;
}

function showValue(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
