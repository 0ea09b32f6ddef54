// Side-by-side timing: contestants take turns in bursts within one run, so that a drifting machine
// slows both; the median burst is quoted, and ratios are of medians.
import { performance } from "node:perf_hooks";

export interface Contestant {
  readonly name: string;
  /** One step of work; asynchronous ones are awaited. */
  readonly step: () => void | Promise<void>;
}

export interface Timing {
  readonly name: string;
  /** Median milliseconds per step. */
  readonly median: number;
  readonly fastest: number;
  readonly slowest: number;
}

export interface TimingOptions {
  /** Milliseconds of one burst. */
  readonly burst?: number;
  readonly rounds?: number;
  /** Milliseconds of warm-up per contestant. */
  readonly warmup?: number;
}

async function runFor(milliseconds: number, { step }: Contestant): Promise<number> {
  const start = performance.now();
  let steps = 0;
  do {
    const pending = step();
    if (pending !== undefined) await pending;
    steps++;
  } while (performance.now() - start < milliseconds);
  return (performance.now() - start) / steps;
}

/** Times contestants in turn; all in one process and one run. */
export async function compare(
  contestants: readonly Contestant[],
  { burst = 100, rounds = 9, warmup = 300 }: TimingOptions = {},
): Promise<Timing[]> {
  const times = contestants.map((): number[] => []);
  for (const contestant of contestants) await runFor(warmup, contestant);
  for (let round = 0; round < rounds; round++) {
    for (const [i, contestant] of contestants.entries()) {
      times[i]!.push(await runFor(burst, contestant));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  return contestants.map(({ name }, i) => {
    const sorted = times[i]!.toSorted((a, b) => a - b);
    return {
      name,
      median: sorted[sorted.length >> 1]!,
      fastest: sorted[0]!,
      slowest: sorted.at(-1)!,
    };
  });
}

const milliseconds = (value: number): string =>
  value < 0.1 ? `${(value * 1000).toFixed(2)} µs` : `${value.toFixed(2)} ms`;

/** Prints timings; the first is what the others are compared with. */
export function report(title: string, timings: readonly Timing[], note = ""): void {
  console.log(`\n${title}`);
  const [first] = timings;
  for (const timing of timings) {
    const ratio =
      timing === first ? "" : `  ${(timing.median / first!.median).toFixed(2)}× the first`;
    const range = `(${milliseconds(timing.fastest)} … ${milliseconds(timing.slowest)})`;
    console.log(
      `  ${timing.name.padEnd(28)} ${milliseconds(timing.median).padStart(10)}  ${range}${ratio}`,
    );
  }
  if (note) console.log(`  ${note}`);
}
