// Curves as SVG pictures that need nothing to be looked at: one file a title, a line for each name. The y axis begins at zero.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Axes {
  readonly title: string;
  readonly x: string;
  readonly y: string;
}

export interface Curve {
  readonly axes: Axes;
  readonly lines: ReadonlyMap<string, readonly (readonly [number, number])[]>;
}

const [width, height, left, right, top, bottom] = [760, 400, 80, 20, 40, 90];
const colours = ['#1f6fb4', '#d1602a', '#2f8f46', '#8a56ac', '#9c8a1f', '#5a6770'];
const ticks = 5;

/** Gives the paths of the pictures. */
export function writePlots(folder: string, curves: readonly Curve[]): readonly string[] {
  mkdirSync(folder, { recursive: true });
  return curves.map((curve) => {
    const path = join(folder, `${curve.axes.title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}.svg`);
    writeFileSync(path, picture(curve));
    return path;
  });
}

function picture({ axes, lines }: Curve): string {
  const all = [...lines.values()].flat();
  const [xMin, xMax] = [Math.min(...all.map(([x]) => x)), Math.max(...all.map(([x]) => x))];
  const yMax = Math.max(...all.map(([, y]) => y)) * 1.05 || 1;
  const atX = (x: number): number => left + ((x - xMin) / (xMax - xMin || 1)) * (width - left - right);
  const atY = (y: number): number => height - bottom - (y / yMax) * (height - top - bottom);
  const parts = [text(width / 2, 22, axes.title, 'middle', 15), text((left + width - right) / 2, height - bottom + 38, axes.x, 'middle'), text(8, top - 12, axes.y, 'start')];
  for (let tick = 0; tick <= ticks; tick++) {
    const [x, y] = [xMin + ((xMax - xMin) * tick) / ticks, (yMax * tick) / ticks];
    parts.push(`<line x1="${left}" y1="${round(atY(y))}" x2="${width - right}" y2="${round(atY(y))}" stroke="#ddd"/>`);
    parts.push(text(left - 8, atY(y) + 4, short(y), 'end'), text(atX(x), height - bottom + 18, short(x), 'middle'));
  }
  [...lines].forEach(([name, points], number) => {
    const colour = colours[number % colours.length] ?? '';
    parts.push(`<polyline fill="none" stroke="${colour}" stroke-width="2" points="${points.map(([x, y]) => `${round(atX(x))},${round(atY(y))}`).join(' ')}"/>`);
    const at = left + number * 220;
    parts.push(`<line x1="${at}" y1="${height - 20}" x2="${at + 24}" y2="${height - 20}" stroke="${colour}" stroke-width="3"/>`, text(at + 30, height - 16, name, 'start'));
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>\n${parts.join('\n')}\n</svg>\n`;
}

function text(x: number, y: number, words: string, anchor: 'start' | 'middle' | 'end', size = 12): string {
  const escaped = words.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" font-size="${size}">${escaped}</text>`;
}

function round(value: number): string {
  return value.toFixed(1);
}

function short(value: number): string {
  return value >= 100 ? value.toLocaleString('en-US', { maximumFractionDigits: 0 }) : Number(value.toPrecision(3)).toString();
}
