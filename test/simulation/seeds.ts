// Runs a range of seeds of one kind in this process and says how it went, as one line of JSON:
//   node seeds.js lives|filled|disasters FIRST COUNT
// The tests run it in children, one a core: the test runner's own hooks would double the time of every promise.
import { runDisaster } from './disasters.js';
import { runLives } from './lives.js';
import { disasterShapes, filledShape, shapeOf, shapes } from './shapes.js';

export interface SeedsReport {
  readonly crashes: number;
  readonly failpoints: readonly string[];
  readonly failure: { readonly seed: number; readonly message: string } | null;
}

async function run(kind: string, first: number, count: number): Promise<SeedsReport> {
  const failpoints = new Set<string>();
  let crashes = 0;
  for (let seed = first; seed < first + count; seed++) {
    try {
      if (kind === 'disasters') {
        for (const name of await runDisaster(seed, { shape: shapeOf(disasterShapes, seed), opsPerLife: 40 })) failpoints.add(name);
      } else {
        const report = await runLives(seed, { shape: kind === 'filled' ? filledShape : shapeOf(shapes, seed), lives: 3, opsPerLife: 40 });
        crashes += report.crashes;
        for (const name of report.failpoints) failpoints.add(name);
      }
    } catch (error) {
      return { crashes, failpoints: [...failpoints], failure: { seed, message: error instanceof Error ? (error.stack ?? error.message) : String(error) } };
    }
  }
  return { crashes, failpoints: [...failpoints], failure: null };
}

const [kind = '', first = '1', count = '1'] = process.argv.slice(2);
process.stdout.write(`${JSON.stringify(await run(kind, Number(first), Number(count)))}\n`);
process.exit(0);
