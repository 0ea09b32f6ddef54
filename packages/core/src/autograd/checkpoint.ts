// Trading time for memory: savedTensorsHooks, and checkpointing built on them.
import { AutogradError } from "../errors.ts";
import { enableGrad, modes } from "../modes.ts";
import { defaultGenerator } from "../random.ts";
import { defaultDevice } from "../runtime/device.ts";
import { requireSynchronous } from "../scope.ts";
import type { Tensor } from "../tensor.ts";
import type { SavedTensorsHooks } from "./saved.ts";

/**
 * Runs `body`; tensors that ops save for backward pass through `pack`, and come back through `unpack`.
 * `torch.autograd.graph.saved_tensors_hooks`.
 */
export function savedTensorsHooks<P, T>(hooks: SavedTensorsHooks<P>, body: () => T): T {
  const before = modes.saved;
  modes.saved = hooks as unknown as SavedTensorsHooks<unknown>;
  try {
    return requireSynchronous("savedTensorsHooks", body());
  } finally {
    modes.saved = before;
  }
}

/** What a second run saved, and how many of them the walk still wants. */
interface Second {
  readonly tensors: Tensor[];
  left: number;
}

/**
 * Runs `body` without keeping what its backward needs; the walk runs it again for that. Random
 * numbers of the default generator are drawn the same. `torch.utils.checkpoint`.
 */
export function checkpoint<I extends readonly unknown[], R>(
  body: (...inputs: I) => R,
  ...inputs: I
): R {
  const { state } = defaultGenerator(defaultDevice());
  const drawnFrom = state.withoutHistory();
  let saved = 0;
  let second: Second | undefined;

  const runAgain = (): Second => {
    const now = state.withoutHistory();
    const tensors: Tensor[] = [];
    state.assign(drawnFrom);
    try {
      const pack = (tensor: Tensor): undefined => void tensors.push(tensor);
      const unpack = (): never => {
        throw new AutogradError("checkpoint: the second run was walked by itself.");
      };
      enableGrad(() => savedTensorsHooks({ pack, unpack }, () => body(...inputs)));
    } finally {
      state.assign(now);
      now.dispose();
    }
    if (tensors.length !== saved) {
      throw new AutogradError(
        `checkpoint: the second run saved ${tensors.length} tensors, the first ${saved}. The function ` +
          `must do the same each time: check for state that it changes.`,
      );
    }
    return { tensors, left: saved };
  };

  const unpack = (position: number): Tensor => {
    second ??= runAgain();
    const tensor = second.tensors[position]!;
    if (--second.left === 0) second = undefined;
    return tensor;
  };
  return savedTensorsHooks({ pack: () => saved++, unpack }, () => body(...inputs));
}
