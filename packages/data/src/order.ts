// The order in which an epoch visits its samples: a pure function of seed and epoch, so a loader can
// continue in the middle of one without having stored the order.
import { threefry } from "@flambeau/core/extension";

/** The numbers from 0 to `length - 1`, shuffled. */
export function shuffledOrder(length: number, seed: number, epoch: number): Uint32Array {
  const order = Uint32Array.from({ length }, (_, i) => i);
  for (let i = length - 1; i > 0; i--) {
    const [word] = threefry(seed, Math.floor(seed / 2 ** 32), i, epoch);
    // Maps 32 random bits to 0…i; the bias is below i / 2^32.
    const j = Math.floor(((word >>> 0) / 2 ** 32) * (i + 1));
    const swapped = order[i]!;
    order[i] = order[j]!;
    order[j] = swapped;
  }
  return order;
}
