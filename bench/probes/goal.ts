/** Where a probe's requests go: name and address apart, so that no resolver is asked. */
export interface Goal {
  readonly address: string;
  readonly port: number;
  /** SNI and Host. */
  readonly name: string;
  readonly path: string;
  /** The session, if the goal wants one. */
  readonly cookie?: string;
}

/** The probe's one argument. */
export function readArgument<T>(): T {
  return JSON.parse(process.argv[2] ?? '{}') as T;
}

/** Prints the probe's one answer. */
export function printAnswer(answer: unknown): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

/** Head of a GET as HTTP/1.1 text. */
export function requestHead(goal: Goal, fields: readonly string[] = []): string {
  const lines = [`GET ${goal.path} HTTP/1.1`, `Host: ${goal.name}`, ...fields];
  if (goal.cookie) lines.push(`Cookie: ${goal.cookie}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}
