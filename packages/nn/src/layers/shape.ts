// Layers that only rearrange.
import type { Tensor } from "@flambeau/core";
import { Module } from "../module.ts";
import { showOptions } from "../outline.ts";

/** Returns its input. `torch.nn.Identity`. */
export class Identity extends Module {
  forward(x: Tensor): Tensor {
    return x;
  }
}

/** Joins the axes from `startAxis` to `endAxis`: [batch, …] → [batch, features]. `torch.nn.Flatten`. */
export class Flatten extends Module {
  readonly startAxis: number;
  readonly endAxis: number;

  constructor(startAxis = 1, endAxis = -1) {
    super();
    this.startAxis = startAxis;
    this.endAxis = endAxis;
  }

  forward(x: Tensor): Tensor {
    return x.flatten(this.startAxis, this.endAxis);
  }

  override extraRepr(): string {
    return showOptions({ startAxis: this.startAxis, endAxis: this.endAxis });
  }
}

/** Splits one axis into several: [batch, 6] → [batch, 2, 3]. `torch.nn.Unflatten`. */
export class Unflatten extends Module {
  readonly axis: number;
  readonly sizes: readonly number[];

  constructor(axis: number, sizes: readonly number[]) {
    super();
    this.axis = axis;
    this.sizes = sizes;
  }

  forward(x: Tensor): Tensor {
    const axis = this.axis < 0 ? this.axis + x.ndim : this.axis;
    return x.reshape([...x.shape.slice(0, axis), ...this.sizes, ...x.shape.slice(axis + 1)]);
  }

  override extraRepr(): string {
    return showOptions({ axis: this.axis, sizes: this.sizes });
  }
}
