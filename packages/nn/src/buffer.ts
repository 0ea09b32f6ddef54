// Buffers: state of a module that no optimizer changes.
import { Parameter, type Tensor, Variable, noGrad, scope } from "@flambeau/core";

/**
 * A variable that moves and is saved with its module, such as running statistics. Any Variable in a
 * field is a buffer; this class adds `persistent: false`, for those that checkpoints leave out.
 * `torch.nn.Buffer`.
 */
export class Buffer extends Variable {
  readonly persistent: boolean;

  constructor(value: Tensor, options: { readonly persistent?: boolean } = {}) {
    super(value);
    this.persistent = options.persistent ?? true;
  }
}

export const isPersistent = (variable: Variable): boolean =>
  !(variable instanceof Buffer) || variable.persistent;

/** A new variable of the same kind whose value is converted. */
export function convert(old: Variable, change: (x: Tensor) => Tensor): Variable {
  return noGrad(() =>
    scope(() => {
      const value = change(old.detach());
      const next =
        old instanceof Parameter
          ? new Parameter(value, { requiresGrad: old.requiresGrad })
          : old instanceof Buffer
            ? new Buffer(value, old)
            : new Variable(value, { requiresGrad: old.requiresGrad });
      if (old.heldGradient !== undefined) next.grad = change(old.heldGradient);
      return next;
    }),
  );
}
