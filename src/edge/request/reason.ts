import { STATUS_CODES } from 'node:http';

/** The reason phrase of a status, for HTTP/1.1. */
export function reasonOf(status: number): string {
  return STATUS_CODES[status] ?? '';
}
