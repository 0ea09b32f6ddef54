// Matrix products of views at sizes where blocks, tiles and boxes matter: however the operands lie in
// memory the result is that of copies, and nothing beside it is touched.
import {
  type Tensor,
  expand,
  flip,
  manualSeed,
  matmul,
  randn,
  registerBackend,
  scope,
  setDefaultDevice,
  slice,
  transpose,
  zeros,
} from "@flambeau/core";
import { createWasmBackend } from "@flambeau/backend-wasm";
import fc from "fast-check";
import { expect, it } from "vitest";
import { lane } from "./devices.ts";
import { difference, readSync } from "./matchers.ts";

/** `[batch, rows, columns]` that lies in memory in another way. */
const placements: Record<string, (batch: number, rows: number, columns: number) => Tensor> = {
  copied: (b, r, c) => randn([b, r, c]),
  transposed: (b, r, c) => transpose(randn([b, c, r]), 1, 2),
  "batch inside": (b, r, c) => transpose(randn([r, b, c]), 0, 1),
  "far rows": (b, r, c) => slice(randn([b, r, 3 * c + 7]), 2, { start: 5, end: 5 + c }),
  "far rows, transposed": (b, r, c) =>
    transpose(slice(randn([b, c, r + 200]), 2, { end: r }), 1, 2),
  "every other column": (b, r, c) => slice(randn([b, r, 2 * c]), 2, { step: 2 }),
  flipped: (b, r, c) => flip(randn([b, r, c]), [1, 2]),
  "one number": (b, r, c) => expand(randn([]), [b, r, c]),
  "one row": (b, r, c) => expand(randn([b, 1, c]), [b, r, c]),
  "one column": (b, r, c) => expand(randn([b, r, 1]), [b, r, c]),
  "one matrix": (b, r, c) => expand(randn([1, r, c]), [b, r, c]),
};

const shapes = fc.record({
  batch: fc.integer({ min: 1, max: 6 }),
  m: fc.constantFrom(1, 3, 16, 64, 65, 130),
  k: fc.constantFrom(1, 9, 64, 100, 256, 300),
  n: fc.constantFrom(1, 8, 32, 33, 64, 200),
  left: fc.constantFrom(...Object.keys(placements)),
  right: fc.constantFrom(...Object.keys(placements)),
});

it("products of views are products of copies", () => {
  registerBackend("products", () => ({ ...createWasmBackend({ threads: 1 }), name: "products" }));
  setDefaultDevice("products");
  manualSeed(5);
  fc.assert(
    fc.property(shapes, ({ batch, m, k, n, left, right }) =>
      scope(() => {
        const a = placements[left]!(batch, m, k);
        const b = placements[right]!(batch, k, n);
        const expected = readSync(matmul(a.clone(), b.clone()));
        const beside = zeros([1 << 16]);
        const product = matmul(a, b);
        expect(difference(readSync(product), expected, { rtol: 1e-4, atol: 1e-3 })).toBeUndefined();
        expect(beside.abs().sum().itemSync()).toBe(0);
      }),
    ),
    { numRuns: lane === "full" ? 600 : 60, seed: 3 },
  );
});
