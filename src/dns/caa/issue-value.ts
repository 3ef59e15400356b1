/** One parameter of an issue or issuewild value: `accounturi=https://…`. */
export interface IssueParameter {
  /** Lower case. */
  readonly tag: string;
  readonly value: string;
}

/** The value of an issue or issuewild property. */
export interface IssueValue {
  /** Lower case; empty: nobody may issue. */
  readonly issuer: string;
  readonly parameters: readonly IssueParameter[];
}

/** What a malformed value means: the same as an empty issuer (RFC 8659 §4.2). */
const NOBODY: IssueValue = { issuer: '', parameters: [] };

const ISSUER = /^[A-Za-z0-9](?:-*[A-Za-z0-9])*(?:\.[A-Za-z0-9](?:-*[A-Za-z0-9])*)*$/;
const PARAMETER = /^([A-Za-z0-9](?:-*[A-Za-z0-9])*)[ \t]*=[ \t]*([\x21-\x3a\x3c-\x7e]*)$/;

/**
 * Reads the value of an issue or issuewild property by the grammar of RFC 8659 §4.2. What does not keep to it means
 * that nobody may issue; a semicolon at the end is allowed after the issuer, not after a parameter.
 */
export function parseIssueValue(text: string): IssueValue {
  const [head = '', ...rest] = text.split(';');
  const issuer = trimBlanks(head);
  if (issuer !== '' && !ISSUER.test(issuer)) return NOBODY;
  if (rest.length === 0 || (rest.length === 1 && trimBlanks(rest[0] ?? '') === '')) {
    return { issuer: issuer.toLowerCase(), parameters: [] };
  }
  const parameters: IssueParameter[] = [];
  for (const part of rest) {
    const match = PARAMETER.exec(trimBlanks(part));
    if (!match) return NOBODY;
    parameters.push({ tag: (match[1] ?? '').toLowerCase(), value: match[2] ?? '' });
  }
  return { issuer: issuer.toLowerCase(), parameters };
}

/** WSP is blank and tab (RFC 5234), nothing else. */
const trimBlanks = (text: string): string => text.replace(/^[ \t]+|[ \t]+$/g, '');
