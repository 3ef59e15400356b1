export type Language = 'en' | 'zh';

const FIELD_MOST = 512;

/** English or Chinese, by the preferences of `Accept-Language` (RFC 9110 §12.5.4); English where neither is asked for. */
export function chooseLanguage(acceptLanguage: string | undefined): Language {
  let best: { language: Language; weight: number } = { language: 'en', weight: 0 };
  for (const range of (acceptLanguage ?? '').slice(0, FIELD_MOST).split(',')) {
    const [tag = '', ...parameters] = range.trim().toLowerCase().split(';');
    const language = /^zh(-|$)/.test(tag) ? 'zh' : /^en(-|$)/.test(tag) ? 'en' : undefined;
    const weight = readWeight(parameters);
    if (language && weight > best.weight) best = { language, weight };
  }
  return best.language;
}

function readWeight(parameters: readonly string[]): number {
  const quality = parameters.map((one) => one.trim()).find((one) => one.startsWith('q='));
  if (quality === undefined) return 1;
  const weight = Number(quality.slice(2));
  return weight >= 0 && weight <= 1 ? weight : 0;
}
