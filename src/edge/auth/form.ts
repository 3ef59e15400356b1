import type { GateRequest } from './contract.ts';

const BODY_BYTES_MOST = 8192;

export type FormFields<Name extends string> = Readonly<Record<Name, string>>;

export type ReadForm<Name extends string> =
  | { readonly kind: 'form'; readonly fields: FormFields<Name> }
  | { readonly kind: 'refused'; readonly status: 400 | 413 };

/** Reads a posted form: every named field exactly once and not empty; other fields are ignored. */
export async function readForm<Name extends string>(
  request: GateRequest,
  names: readonly Name[],
): Promise<ReadForm<Name>> {
  const type = request.contentType?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/x-www-form-urlencoded') return { kind: 'refused', status: 400 };
  let body: Uint8Array;
  try {
    body = await request.readBody(BODY_BYTES_MOST);
  } catch {
    return { kind: 'refused', status: 413 };
  }
  const sent = new URLSearchParams(Buffer.from(body).toString('utf8'));
  const fields: Partial<Record<Name, string>> = {};
  for (const name of names) {
    const [value, ...more] = sent.getAll(name);
    if (value === undefined || value === '' || more.length > 0) return { kind: 'refused', status: 400 };
    fields[name] = value;
  }
  return { kind: 'form', fields: fields as FormFields<Name> };
}
