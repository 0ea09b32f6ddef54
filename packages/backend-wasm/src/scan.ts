// Scans that run from the end become scans from the start: the emitter knows only those.
import { type Access, type Scalar, type ScanKernel, leaf, s, substitute } from "@flambeau/core/extension"; // prettier-ignore

/** The same scan with the last axis counted from its end. */
export function forwardScan(kernel: ScanKernel): ScanKernel {
  if (!kernel.isReversed) return kernel;
  const last = kernel.axes.length - 1;
  const end = kernel.axes[last]! - 1;
  const negated = (steps: readonly number[]) => steps.map((n, axis) => (axis === last ? -n : n));
  const mirrored = <A extends Access>(access: A): A => ({
    ...access,
    offset: access.offset + access.strides[last]! * end,
    strides: negated(access.strides),
    guards: access.guards?.map((guard) => ({
      ...guard,
      base: guard.base + guard.coefficients[last]! * end,
      coefficients: negated(guard.coefficients),
    })),
  });
  const turned = (e: Scalar): Scalar =>
    substitute(e, "index", (axis) => {
      const index = leaf("index", axis, "int32");
      return axis === last ? s.sub(end, index) : index;
    });
  return {
    ...kernel,
    isReversed: false,
    loads: kernel.loads.map(mirrored),
    states: kernel.states.map((state) => ({ ...state, step: turned(state.step) })),
    stores: kernel.stores.map((store) => ({ ...mirrored(store), value: turned(store.value) })),
  };
}
