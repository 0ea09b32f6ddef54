// Layers that bring activations to zero mean and unit variance.
import {
  type Parameter,
  ShapeError,
  type Tensor,
  Variable,
  batchNorm,
  groupNorm,
  instanceNorm,
  layerNorm,
  localResponseNorm,
  noGrad,
  rmsNorm,
  scope,
} from "@flambeau/core";
import * as init from "../init.ts";
import { Module } from "../module.ts";
import { showOptions } from "../outline.ts";
import { type LayerOptions, parameter, stateOf, zerosFor } from "./parameter.ts";

export interface RunningNormOptions extends LayerOptions {
  /** Added to the variance. Default 1e-5. */
  readonly eps?: number;
  /** How fast running statistics follow; null (batch norm only) averages all batches. Default 0.1. */
  readonly momentum?: number | null;
  /** Whether there are a weight and a bias. */
  readonly affine?: boolean;
  /** Whether statistics are kept for evaluation. */
  readonly trackRunningStats?: boolean;
}

interface Kind extends RunningNormOptions {
  /** Numbers of axes that the input may have. */
  readonly ndims: readonly number[];
}

/** What batch and instance normalization share: parameters, and statistics that are kept. */
abstract class RunningNorm extends Module {
  readonly numFeatures: number;
  readonly eps: number;
  readonly momentum: number | null;
  readonly weight: Parameter | undefined; // [numFeatures]
  readonly bias: Parameter | undefined; // [numFeatures]
  readonly runningMean: Variable | undefined; // [numFeatures]
  readonly runningVar: Variable | undefined; // [numFeatures]
  readonly numBatchesTracked: Variable | undefined; // []
  readonly #ndims: readonly number[];

  constructor(numFeatures: number, options: Kind) {
    super();
    const { eps = 1e-5, momentum = 0.1, ndims } = options;
    this.numFeatures = numFeatures;
    this.eps = eps;
    this.momentum = momentum;
    this.#ndims = ndims;
    const shape = [numFeatures];
    if (options.affine) {
      this.weight = init.ones(parameter(shape, options));
      this.bias = parameter(shape, options);
    }
    if (!options.trackRunningStats) return;
    this.runningMean = stateOf(() => new Variable(zerosFor(shape, options)));
    this.runningVar = init.ones(stateOf(() => new Variable(zerosFor(shape, options))));
    const { device } = this.runningMean;
    const dtype = device.backend.dtypes.has("int64") ? "int64" : "int32";
    this.numBatchesTracked = stateOf(() => new Variable(zerosFor([], { dtype, device })));
  }

  abstract override forward(x: Tensor): Tensor;

  protected requireInput(x: Tensor): void {
    if (this.#ndims.includes(x.ndim)) return;
    throw new ShapeError(
      `${this.constructor.name}: expected an input of ${this.#ndims.join(" or ")} axes, got shape ` +
        `[${x.shape.join(", ")}].`,
    );
  }

  override extraRepr(): string {
    const { numFeatures, eps, momentum } = this;
    const affine = this.weight !== undefined;
    const trackRunningStats = this.runningMean !== undefined;
    return `${numFeatures}, ${showOptions({ eps, momentum, affine, trackRunningStats })}`;
  }
}

/** Statistics of the batch in training, running ones in evaluation. Ioffe and Szegedy, 2015. */
abstract class BatchNorm extends RunningNorm {
  constructor(numFeatures: number, options: Kind) {
    super(numFeatures, { affine: true, trackRunningStats: true, ...options });
  }

  override forward(x: Tensor): Tensor {
    this.requireInput(x);
    const { runningMean, runningVar, weight, bias, eps } = this;
    // Without running statistics, the batch's own serve in evaluation, too.
    const training = this.training || runningMean === undefined;
    const run = (momentum: number): Tensor =>
      batchNorm(x, runningMean, runningVar, { weight, bias, training, momentum, eps });
    const counter = this.numBatchesTracked;
    if (!training || counter === undefined) return run(this.momentum ?? 0);
    noGrad(() => scope(() => void counter.assign(counter.add(1))));
    if (this.momentum !== null) return run(this.momentum);
    // The average of all batches: the newest counts 1 / n. Elementwise ops take 0-d tensors for numbers.
    const share = noGrad(() => scope(() => counter.to(x.dtype).reciprocal()));
    const y = run(share as unknown as number);
    share.dispose();
    return y;
  }
}

/** [batch, features] or [batch, features, length]. `torch.nn.BatchNorm1d`. */
export class BatchNorm1d extends BatchNorm {
  constructor(numFeatures: number, options: RunningNormOptions = {}) {
    super(numFeatures, { ...options, ndims: [2, 3] });
  }
}

/** [batch, features, height, width]. `torch.nn.BatchNorm2d`. */
export class BatchNorm2d extends BatchNorm {
  constructor(numFeatures: number, options: RunningNormOptions = {}) {
    super(numFeatures, { ...options, ndims: [4] });
  }
}

/** [batch, features, depth, height, width]. `torch.nn.BatchNorm3d`. */
export class BatchNorm3d extends BatchNorm {
  constructor(numFeatures: number, options: RunningNormOptions = {}) {
    super(numFeatures, { ...options, ndims: [5] });
  }
}

/** Each image's own statistics, unless it tracks running ones and evaluates. Ulyanov et al., 2016. */
abstract class InstanceNorm extends RunningNorm {
  override forward(x: Tensor): Tensor {
    this.requireInput(x);
    const { runningMean, runningVar, weight, bias, eps } = this;
    const useInputStats = this.training || runningMean === undefined;
    const momentum = this.momentum ?? 0;
    const options = { weight, bias, useInputStats, momentum, eps };
    return instanceNorm(x, runningMean, runningVar, options);
  }
}

/** [batch, features, length]. `torch.nn.InstanceNorm1d`. */
export class InstanceNorm1d extends InstanceNorm {
  constructor(numFeatures: number, options: RunningNormOptions = {}) {
    super(numFeatures, { ...options, ndims: [3] });
  }
}

/** [batch, features, height, width]. `torch.nn.InstanceNorm2d`. */
export class InstanceNorm2d extends InstanceNorm {
  constructor(numFeatures: number, options: RunningNormOptions = {}) {
    super(numFeatures, { ...options, ndims: [4] });
  }
}

/** [batch, features, depth, height, width]. `torch.nn.InstanceNorm3d`. */
export class InstanceNorm3d extends InstanceNorm {
  constructor(numFeatures: number, options: RunningNormOptions = {}) {
    super(numFeatures, { ...options, ndims: [5] });
  }
}

export interface LayerNormOptions extends LayerOptions {
  /** Default 1e-5. */
  readonly eps?: number;
  /** Whether there is a weight, and with it a bias. Default true. */
  readonly elementwiseAffine?: boolean;
  /** Default true. */
  readonly bias?: boolean;
}

const shapeOf = (size: number | readonly number[]): readonly number[] =>
  typeof size === "number" ? [size] : size;

/** Over the last axes, whose lengths are given. Ba et al., 2016. `torch.nn.LayerNorm`. */
export class LayerNorm extends Module {
  readonly normalizedShape: readonly number[];
  readonly eps: number;
  readonly weight: Parameter | undefined; // normalizedShape
  readonly bias: Parameter | undefined; // normalizedShape

  constructor(normalizedShape: number | readonly number[], options: LayerNormOptions = {}) {
    super();
    const { eps = 1e-5, elementwiseAffine = true, bias = true } = options;
    this.normalizedShape = shapeOf(normalizedShape);
    this.eps = eps;
    if (!elementwiseAffine) return;
    this.weight = init.ones(parameter(this.normalizedShape, options));
    if (bias) this.bias = parameter(this.normalizedShape, options);
  }

  forward(x: Tensor): Tensor {
    const { normalizedShape, weight, bias, eps } = this;
    return layerNorm(x, normalizedShape, { weight, bias, eps });
  }

  override extraRepr(): string {
    const { normalizedShape, eps, weight } = this;
    return `[${normalizedShape.join(", ")}], ${showOptions({ eps, elementwiseAffine: weight !== undefined })}`;
  }
}

export interface RMSNormOptions extends LayerOptions {
  /** Default: the distance from 1 to the next number of the input's dtype. */
  readonly eps?: number;
  /** Whether there is a weight. Default true. */
  readonly elementwiseAffine?: boolean;
}

/** Divides by the root mean square over the last axes. Zhang and Sennrich, 2019. `torch.nn.RMSNorm`. */
export class RMSNorm extends Module {
  readonly normalizedShape: readonly number[];
  readonly eps: number | undefined;
  readonly weight: Parameter | undefined; // normalizedShape

  constructor(normalizedShape: number | readonly number[], options: RMSNormOptions = {}) {
    super();
    this.normalizedShape = shapeOf(normalizedShape);
    this.eps = options.eps;
    if (options.elementwiseAffine === false) return;
    this.weight = init.ones(parameter(this.normalizedShape, options));
  }

  forward(x: Tensor): Tensor {
    return rmsNorm(x, this.normalizedShape, { weight: this.weight, eps: this.eps });
  }

  override extraRepr(): string {
    const { normalizedShape, eps, weight } = this;
    return `[${normalizedShape.join(", ")}], ${showOptions({ eps, elementwiseAffine: weight !== undefined })}`;
  }
}

export interface GroupNormOptions extends LayerOptions {
  /** Default 1e-5. */
  readonly eps?: number;
  /** Whether there are a weight and a bias. Default true. */
  readonly affine?: boolean;
}

/** Over groups of channels of each image: [batch, channels, …]. Wu and He, 2018. `torch.nn.GroupNorm`. */
export class GroupNorm extends Module {
  readonly numGroups: number;
  readonly numChannels: number;
  readonly eps: number;
  readonly weight: Parameter | undefined; // [numChannels]
  readonly bias: Parameter | undefined; // [numChannels]

  constructor(numGroups: number, numChannels: number, options: GroupNormOptions = {}) {
    super();
    this.numGroups = numGroups;
    this.numChannels = numChannels;
    this.eps = options.eps ?? 1e-5;
    if (options.affine === false) return;
    this.weight = init.ones(parameter([numChannels], options));
    this.bias = parameter([numChannels], options);
  }

  forward(x: Tensor): Tensor {
    const { numGroups, weight, bias, eps } = this;
    return groupNorm(x, numGroups, { weight, bias, eps });
  }

  override extraRepr(): string {
    const { numGroups, numChannels, eps } = this;
    return `${numGroups}, ${numChannels}, ${showOptions({ eps, affine: this.weight !== undefined })}`;
  }
}

export interface LocalResponseNormOptions {
  /** Default 1e-4. */
  readonly alpha?: number;
  /** Default 0.75. */
  readonly beta?: number;
  /** Default 1. */
  readonly k?: number;
}

/** Across `size` neighbouring channels. Krizhevsky et al., 2012. `torch.nn.LocalResponseNorm`. */
export class LocalResponseNorm extends Module {
  readonly size: number;
  readonly options: LocalResponseNormOptions;

  constructor(size: number, options: LocalResponseNormOptions = {}) {
    super();
    this.size = size;
    this.options = { alpha: 1e-4, beta: 0.75, k: 1, ...options };
  }

  forward(x: Tensor): Tensor {
    return localResponseNorm(x, this.size, this.options);
  }

  override extraRepr(): string {
    return `${this.size}, ${showOptions({ ...this.options })}`;
  }
}
