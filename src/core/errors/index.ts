import { acmeErrors } from './acme.ts';
import { authErrors } from './auth.ts';
import { cliErrors } from './cli.ts';
import { configErrors } from './config.ts';
import { daemonErrors } from './daemon.ts';
import type { ErrorDefinition } from './definition.ts';
import { EXIT, type ExitStatus } from './definition.ts';
import { demoErrors } from './demo.ts';
import { dnsErrors } from './dns.ts';
import { edgeErrors } from './edge.ts';
import { gatewayErrors } from './gateway.ts';
import { linkErrors } from './link.ts';
import { provisionErrors } from './provision.ts';
import { relayErrors } from './relay.ts';
import { serviceErrors } from './service.ts';
import { verifyErrors } from './verify.ts';

export { EXIT, type ErrorDefinition, type ExitStatus };

/** Every error that Postern can report: one file for each area, one table in all. */
export const ERRORS = {
  ...configErrors,
  ...linkErrors,
  ...relayErrors,
  ...provisionErrors,
  ...dnsErrors,
  ...edgeErrors,
  ...acmeErrors,
  ...authErrors,
  ...gatewayErrors,
  ...daemonErrors,
  ...serviceErrors,
  ...verifyErrors,
  ...cliErrors,
  ...demoErrors,
} satisfies Record<string, ErrorDefinition>;

export type ErrorCode = keyof typeof ERRORS;

/** Values for the placeholders of a catalogue entry. Never a secret. */
export type ErrorDetails = Readonly<Record<string, string | number>>;

function fill(template: string, details: ErrorDetails): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => String(details[name] ?? whole));
}

/** An error out of the catalogue: what happened, what to do, and with which status a command ends. */
export class PosternError extends Error {
  override readonly name = 'PosternError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  /**
   * @param code the entry of the catalogue
   * @param details values for its placeholders
   * @param cause the error beneath, kept for logs
   */
  constructor(code: ErrorCode, details: ErrorDetails = {}, cause?: unknown) {
    super(fill(ERRORS[code].what, details), cause === undefined ? undefined : { cause });
    this.code = code;
    this.details = details;
  }

  get remedy(): string {
    return fill(ERRORS[this.code].remedy, this.details);
  }

  get exit(): ExitStatus {
    return ERRORS[this.code].exit;
  }

  toJSON(): { code: ErrorCode; what: string; remedy: string; exit: ExitStatus } {
    return { code: this.code, what: this.message, remedy: this.remedy, exit: this.exit };
  }
}

export function isPosternError(error: unknown): error is PosternError {
  return error instanceof PosternError;
}
