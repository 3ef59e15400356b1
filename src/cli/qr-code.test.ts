import jsqr from 'jsqr';
import { expect, test } from 'vitest';
import { renderQrCode } from './qr-code.ts';

const SCALE = 4;

/** What a terminal shows, as pixels: characters are two modules high. */
function draw(
  text: string,
  ink: number,
  paper: number,
): { data: Uint8ClampedArray; width: number; height: number } {
  const lines = text.split('\n');
  const width = (lines[0]?.length ?? 0) * SCALE;
  const height = lines.length * 2 * SCALE;
  const data = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const module = Math.floor(y / SCALE);
      const character = lines[module >> 1]?.[Math.floor(x / SCALE)] ?? ' ';
      const isInk = character === '█' || character === (module % 2 === 0 ? '▀' : '▄');
      data.fill(isInk ? ink : paper, (y * width + x) * 4, (y * width + x) * 4 + 3);
    }
  }
  return { data, width, height };
}

const decode = (text: string, ink: number, paper: number): string | undefined => {
  const { data, width, height } = draw(text, ink, paper);
  return jsqr.default(data, width, height)?.data;
};

test.each(['https://chat.localhost:1', 'https://chat.localhost:43210', 'https://chat.localhost'])(
  'decodes to the URL on a dark and on a light terminal: %s',
  (url) => {
    const code = renderQrCode(url);
    expect(decode(code, 240, 10)).toBe(url);
    expect(decode(code, 10, 240)).toBe(url);
  },
);

test('fits a terminal of 80 columns', () => {
  const lines = renderQrCode('https://chat.localhost:65535').split('\n');
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(60);
  expect(new Set(lines.map((line) => line.length)).size).toBe(1);
});
