import { type AnswerRules, TRANSPORT_SECURITY_FIELD, transportSecurity } from '../proxy/answer-policy.ts';
import { reasonOf } from '../request/reason.ts';

/** The answer to what is no acceptable request; the connection ends with it, because what follows cannot be trusted. */
export function writeRefusal(status: number, rules: AnswerRules): string {
  return (
    `HTTP/1.1 ${status} ${reasonOf(status)}\r\n` +
    `${TRANSPORT_SECURITY_FIELD}: ${transportSecurity(rules)}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`
  );
}
