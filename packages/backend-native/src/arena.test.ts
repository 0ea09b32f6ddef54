// Where temporaries lie: those that are alive together never overlap.
import { describe, expect, it } from "vitest";
import { planArena } from "./arena.ts";

describe("planArena", () => {
  it("lets bytes be used again", () => {
    const [bytes, early, late] = [1000, { first: 0, last: 1 }, { first: 2, last: 3 }];
    const plan = planArena([
      { bytes, ...early },
      { bytes, ...late },
      { bytes: 64, first: 1, last: 2 },
    ]);
    expect(plan).toEqual({ bytes: 1088, offsets: [0, 0, 1024] });
    expect(planArena([])).toEqual({ bytes: 0, offsets: [] });
  });

  it("keeps apart what is alive together", () => {
    let seed = 7;
    const random = (below: number) => (seed = (seed * 48271) % 2147483647) % below;
    for (let round = 0; round < 200; round++) {
      const lifetimes = Array.from({ length: random(30) }, () => {
        const first = random(20);
        return { bytes: random(3) === 0 ? 0 : random(5000), first, last: first + random(6) };
      });
      const { bytes, offsets } = planArena(lifetimes);
      lifetimes.forEach((a, i) => {
        expect(offsets[i]! % 64).toBe(0);
        expect(offsets[i]! + a.bytes).toBeLessThanOrEqual(bytes);
        lifetimes.slice(0, i).forEach((b, j) => {
          const together = a.first <= b.last && b.first <= a.last && a.bytes > 0 && b.bytes > 0;
          const apart =
            offsets[i]! + a.bytes <= offsets[j]! || offsets[j]! + b.bytes <= offsets[i]!;
          if (together) expect(apart).toBe(true);
        });
      });
    }
  });
});
