/** Colours of the terminal, or none. */
export interface Paint {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
}

export interface PaintTarget {
  readonly isTTY?: boolean;
}

/**
 * Colours for what goes to `stream`: none when it is no terminal, `NO_COLOR` is set and not empty (no-color.org),
 * or `TERM` is `dumb`; `FORCE_COLOR` (not empty, not 0) wins over the first.
 */
export function paintFor(stream: PaintTarget, env: NodeJS.ProcessEnv): Paint {
  const isForced = !!env['FORCE_COLOR'] && env['FORCE_COLOR'] !== '0';
  const isOn = !env['NO_COLOR'] && (isForced || (stream.isTTY === true && env['TERM'] !== 'dumb'));
  const wrap =
    (open: number, close: number) =>
    (text: string): string =>
      isOn ? `\u001b[${open}m${text}\u001b[${close}m` : text;
  return {
    bold: wrap(1, 22),
    dim: wrap(2, 22),
    red: wrap(31, 39),
    green: wrap(32, 39),
    yellow: wrap(33, 39),
  };
}
