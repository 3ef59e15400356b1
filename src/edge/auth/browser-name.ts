/** What is looked for in a User-Agent, in this order: Edge and Opera call themselves Chrome, and Chrome calls itself Safari. */
const PROGRAMS: readonly (readonly [RegExp, string])[] = [
  [/\bEdg(e|A|iOS)?\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\bMicroMessenger\//, 'WeChat'],
  [/\b(Firefox|FxiOS)\//, 'Firefox'],
  [/\b(Headless)?(Chrome|CriOS)\//, 'Chrome'],
  [/\bVersion\/[\d.]+ .*Safari\//, 'Safari'],
  [/^curl\//, 'curl'],
];

const SYSTEMS: readonly (readonly [RegExp, string])[] = [
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b/, 'Mac'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bLinux\b/, 'Linux'],
];

/**
 * A short name of a browser, such as `Safari on iPhone`. Only words of the tables above: what a stranger sends is never
 * shown in the operator's terminal.
 */
export function describeBrowser(userAgent: string | undefined): string {
  const text = (userAgent ?? '').slice(0, 1024);
  const find = (table: typeof PROGRAMS): string | undefined =>
    table.find(([pattern]) => pattern.test(text))?.[1];
  const program = find(PROGRAMS) ?? 'Unknown browser';
  const system = find(SYSTEMS);
  return system === undefined ? program : `${program} on ${system}`;
}
