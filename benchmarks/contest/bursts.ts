// A contestant's side of peer.ts: reads cases from stdin, times bursts of them, answers on stdout.
import { createInterface } from "node:readline";

export type Step = () => unknown;

/** Nanoseconds per step over at least `milliseconds`. */
function burst(step: Step, milliseconds: number): number {
  // Short steps are timed in groups: reading the clock must not count.
  let group = 1;
  const start = process.hrtime.bigint();
  for (let steps = 0; ; group = Math.min(group * 2, 1024)) {
    for (let i = 0; i < group; i++) step();
    steps += group;
    const elapsed = Number(process.hrtime.bigint() - start);
    if (elapsed >= milliseconds * 1e6) return elapsed / steps;
    if (elapsed / steps > 1e6) group = 1;
  }
}

/** Answers until stdin ends. `prepare` makes the step of a case, or `undefined` where it has none. */
export async function serve(prepare: (name: string) => Step | undefined): Promise<never> {
  const answer = (line: string) => void process.stdout.write(`${line}\n`);
  let current = "";
  let step: Step | undefined;
  answer("ready");
  for await (const line of createInterface({ input: process.stdin })) {
    const { name, milliseconds } = JSON.parse(line) as { name: string; milliseconds: number };
    if (name !== current) step = prepare((current = name));
    const nanoseconds = step === undefined ? null : burst(step, milliseconds);
    const peak = process.resourceUsage().maxRSS * 1024;
    answer(JSON.stringify({ nanoseconds, peak }));
  }
  process.exit(0);
}
