import { encode } from 'uqr';

/** Modules of light around the code that scanners need (ISO/IEC 18004 §6.3.8). */
const QUIET_MODULES = 4;

/**
 * A QR code for a terminal: two modules in each character, upper and lower half. Light modules are drawn and dark ones
 * left out, so that it can be read from a terminal with a dark background; scanners read the inverse of it as well.
 */
export function renderQrCode(text: string): string {
  const { data, size } = encode(text, { ecc: 'M', border: QUIET_MODULES });
  const isLight = (row: number, column: number): boolean => data[row]?.[column] !== true;
  const rows: string[] = [];
  for (let row = 0; row < size; row += 2) {
    let line = '';
    for (let column = 0; column < size; column++) {
      const upper = isLight(row, column);
      const lower = row + 1 < size && isLight(row + 1, column);
      line += upper ? (lower ? '█' : '▀') : lower ? '▄' : ' ';
    }
    rows.push(line);
  }
  return rows.join('\n');
}
