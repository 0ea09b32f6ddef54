// Layers that pad the last one, two or three axes. Widths count from the last axis: left and right, then
// top and bottom, then front and back; one number serves all sides.
import { ShapeError, type Tensor, pad } from "@flambeau/core";
import { Module } from "../module.ts";
import { showOptions } from "../outline.ts";

type Mode = "constant" | "reflect" | "replicate" | "circular";

/** One width for all sides, or two for each axis, last axis first. */
export type PaddingWidths = number | readonly number[];

abstract class Padding extends Module {
  readonly padding: readonly number[];
  readonly #mode: Mode;
  readonly #value: number | undefined;

  constructor(padding: PaddingWidths, axes: number, mode: Mode, value?: number) {
    super();
    this.padding =
      typeof padding === "number" ? new Array<number>(2 * axes).fill(padding) : padding;
    this.#mode = mode;
    this.#value = value;
    if (this.padding.length === 2 * axes) return;
    throw new ShapeError(
      `${new.target.name}: expected one width or ${2 * axes} of them, got [${this.padding.join(", ")}].`,
    );
  }

  forward(x: Tensor): Tensor {
    return pad(x, this.padding, { mode: this.#mode, value: this.#value });
  }

  override extraRepr(): string {
    return showOptions({ padding: this.padding, value: this.#value });
  }
}

/** Pads with a value: […, length]. `torch.nn.ConstantPad1d`. */
export class ConstantPad1d extends Padding {
  constructor(padding: PaddingWidths, value: number) {
    super(padding, 1, "constant", value);
  }
}

/** Pads with a value: […, height, width]. `torch.nn.ConstantPad2d`. */
export class ConstantPad2d extends Padding {
  constructor(padding: PaddingWidths, value: number) {
    super(padding, 2, "constant", value);
  }
}

/** Pads with a value: […, depth, height, width]. `torch.nn.ConstantPad3d`. */
export class ConstantPad3d extends Padding {
  constructor(padding: PaddingWidths, value: number) {
    super(padding, 3, "constant", value);
  }
}

/** Pads with zeros: […, length]. `torch.nn.ZeroPad1d`. */
export class ZeroPad1d extends Padding {
  constructor(padding: PaddingWidths) {
    super(padding, 1, "constant");
  }
}

/** Pads with zeros: […, height, width]. `torch.nn.ZeroPad2d`. */
export class ZeroPad2d extends Padding {
  constructor(padding: PaddingWidths) {
    super(padding, 2, "constant");
  }
}

/** Pads with zeros: […, depth, height, width]. `torch.nn.ZeroPad3d`. */
export class ZeroPad3d extends Padding {
  constructor(padding: PaddingWidths) {
    super(padding, 3, "constant");
  }
}

/** Pads with the mirror image, without the border itself: […, length]. `torch.nn.ReflectionPad1d`. */
export class ReflectionPad1d extends Padding {
  constructor(padding: PaddingWidths) {
    super(padding, 1, "reflect");
  }
}

/** Pads with the mirror image, without the border itself: […, height, width]. `torch.nn.ReflectionPad2d`. */
export class ReflectionPad2d extends Padding {
  constructor(padding: PaddingWidths) {
    super(padding, 2, "reflect");
  }
}

/** Pads with the mirror image, without the border itself: […, depth, height, width]. `torch.nn.ReflectionPad3d`. */
export class ReflectionPad3d extends Padding {
  constructor(padding: PaddingWidths) {
    super(padding, 3, "reflect");
  }
}

/** Pads with the border: […, length]. `torch.nn.ReplicationPad1d`. */
export class ReplicationPad1d extends Padding {
  constructor(padding: PaddingWidths) {
    super(padding, 1, "replicate");
  }
}

/** Pads with the border: […, height, width]. `torch.nn.ReplicationPad2d`. */
export class ReplicationPad2d extends Padding {
  constructor(padding: PaddingWidths) {
    super(padding, 2, "replicate");
  }
}

/** Pads with the border: […, depth, height, width]. `torch.nn.ReplicationPad3d`. */
export class ReplicationPad3d extends Padding {
  constructor(padding: PaddingWidths) {
    super(padding, 3, "replicate");
  }
}

/** Pads with the other end: […, length]. `torch.nn.CircularPad1d`. */
export class CircularPad1d extends Padding {
  constructor(padding: PaddingWidths) {
    super(padding, 1, "circular");
  }
}

/** Pads with the other end: […, height, width]. `torch.nn.CircularPad2d`. */
export class CircularPad2d extends Padding {
  constructor(padding: PaddingWidths) {
    super(padding, 2, "circular");
  }
}

/** Pads with the other end: […, depth, height, width]. `torch.nn.CircularPad3d`. */
export class CircularPad3d extends Padding {
  constructor(padding: PaddingWidths) {
    super(padding, 3, "circular");
  }
}
