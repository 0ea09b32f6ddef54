// Images of another size, by interpolation along each axis. Sampling at any place is grid-sample.ts.
import { isFloat } from "../dtype.ts";
import { DTypeError, FlambeauError, ShapeError, showShape } from "../errors.ts";
import type { Tensor } from "../tensor.ts";
import { adaptiveAvgPool1d, adaptiveAvgPool2d, adaptiveAvgPool3d } from "./adaptive.ts";
import { type Op, composite } from "./define.ts";
import { type AxisMode, type AxisSampling, interpolationTaps } from "./interpolation-taps.ts";
import { resample } from "./resample.ts";
import { type PerAxis, spatialNames } from "./window.ts";

export type InterpolateMode =
  | "nearest"
  | "nearest-exact"
  | "linear"
  | "bilinear"
  | "bicubic"
  | "trilinear"
  | "area";

export interface InterpolateOptions {
  /** Lengths of the spatial axes; this or `scaleFactor`. */
  readonly size?: PerAxis;
  /** Factors of the spatial axes; lengths are rounded down. */
  readonly scaleFactor?: PerAxis;
  /** Default `nearest`. `linear` is for one spatial axis, `bilinear` and `bicubic` for two, `trilinear` three. */
  readonly mode?: InterpolateMode;
  /** Samples the centres of the corners, not their edges. For linear and cubic modes. Default false. */
  readonly alignCorners?: boolean;
  /** Takes the factor from the rounded lengths, not as given. Default false. */
  readonly recomputeScaleFactor?: boolean;
  /** Averages where images shrink; for `bilinear` and `bicubic`. Default false. */
  readonly antialias?: boolean;
}

const axisModes: { readonly [M in InterpolateMode]: { readonly mode?: AxisMode; readonly spatial: readonly number[] } } = {
  nearest: { mode: "nearest", spatial: [1, 2, 3] },
  "nearest-exact": { mode: "nearest-exact", spatial: [1, 2, 3] },
  linear: { mode: "linear", spatial: [1] },
  bilinear: { mode: "linear", spatial: [2] },
  bicubic: { mode: "cubic", spatial: [2] },
  trilinear: { mode: "linear", spatial: [3] },
  area: { spatial: [1, 2, 3] },
}; // prettier-ignore

function perSpatialAxis(option: string, value: PerAxis, spatial: number): number[] {
  const list = typeof value === "number" ? new Array<number>(spatial).fill(value) : [...value];
  if (list.length === spatial && list.every((n) => n > 0 && Number.isFinite(n))) return list;
  throw new ShapeError(
    `interpolate: ${option} is one positive number or ${spatial} of them (${spatialNames(spatial)}), got ` +
      `${typeof value === "number" ? value : showShape(value)}.`,
  );
}

function requireMode(x: Tensor, mode: InterpolateMode, options: InterpolateOptions): void {
  const known = Object.hasOwn(axisModes, mode) ? axisModes[mode] : undefined;
  if (known === undefined) {
    throw new FlambeauError(
      `interpolate: mode is one of ${Object.keys(axisModes).join(", ")}, got ${JSON.stringify(mode)}.`,
    );
  }
  const spatial = x.ndim - 2;
  if (!known.spatial.includes(spatial)) {
    const wanted = known.spatial.map((n) => `[batch, channels, ${spatialNames(n)}]`).join(" or ");
    throw new ShapeError(
      `interpolate: mode "${mode}" expects an input ${wanted}, got shape ${showShape(x.shape)}.`,
    );
  }
  const isSmooth = known.mode === "linear" || known.mode === "cubic";
  if (options.alignCorners && !isSmooth) {
    throw new FlambeauError(`interpolate: alignCorners is for linear and cubic modes, not "${mode}".`);
  }
  if (options.antialias && mode !== "bilinear" && mode !== "bicubic") {
    throw new FlambeauError(`interpolate: antialias is for bilinear and bicubic, not "${mode}".`);
  }
  if (mode === "nearest" || mode === "nearest-exact" || isFloat(x.dtype)) return;
  throw new DTypeError(`interpolate: mode "${mode}" expects floats, got ${x.dtype}. Cast with to("float32").`);
} // prettier-ignore

function lengthsOf(x: Tensor, { size, scaleFactor }: InterpolateOptions) {
  const spatial = x.ndim - 2;
  if ((size === undefined) === (scaleFactor === undefined)) {
    throw new FlambeauError("interpolate: pass either size or scaleFactor.");
  }
  if (size !== undefined) {
    const lengths = perSpatialAxis("size", size, spatial);
    if (lengths.every(Number.isInteger)) return { lengths };
    throw new ShapeError(`interpolate: size holds integers, got ${showShape(lengths)}.`);
  }
  const factors = perSpatialAxis("scaleFactor", scaleFactor!, spatial);
  const lengths = factors.map((factor, i) => Math.floor(x.shape[i + 2]! * factor));
  if (lengths.every((n) => n > 0)) return { lengths, factors };
  throw new ShapeError(
    `interpolate: scaleFactor ${showShape(factors)} leaves nothing of shape ${showShape(x.shape)}.`,
  );
}

const areas = [adaptiveAvgPool1d, adaptiveAvgPool2d, adaptiveAvgPool3d] as const;

/**
 * Resizes the spatial axes of `x` `[batch, channels, …]`. `area` averages;
 * `torch.nn.functional.interpolate`.
 */
export const interpolate: Op<(x: Tensor, options: InterpolateOptions) => Tensor> =
  /* @__PURE__ */ composite(
    "interpolate",
    (x: Tensor, options: InterpolateOptions): Tensor => {
      const { mode = "nearest", alignCorners = false, antialias = false } = options;
      requireMode(x, mode, options);
      const { lengths, factors } = lengthsOf(x, options);
      const axisMode = axisModes[mode].mode;
      if (axisMode === undefined) return areas[x.ndim - 3]!(x, lengths);
      if (x.shape.slice(2).includes(0)) {
        throw new ShapeError(`interpolate: nothing to interpolate in shape ${showShape(x.shape)}.`);
      }
      let result = x;
      lengths.forEach((to, i) => {
        const from = x.shape[i + 2]!;
        const factor = options.recomputeScaleFactor ? undefined : factors?.[i];
        if (from === to && (factor === undefined || factor === 1)) return;
        const sampling: AxisSampling = { mode: axisMode, from, to, factor, alignCorners, antialias };
        const { taps, turned } = interpolationTaps(sampling);
        result = resample(result, i + 2, taps, turned);
      });
      return result;
    },
    {
      samples: [
        (make) => [make([1, 2, 3]), { size: 5 }],
        (make) => [make([1, 1, 3, 4]), { scaleFactor: [2, 0.6], mode: "nearest-exact" }],
        (make) => [make([2, 1, 4]), { scaleFactor: 1.7, mode: "linear" }],
        (make) => [make([1, 2, 3, 2]), { size: [5, 3], mode: "bilinear", alignCorners: true }],
        (make) => [make([1, 1, 7, 6]), { size: 3, mode: "bilinear", antialias: true }],
        (make) => [make([1, 1, 3, 4]), { scaleFactor: 1.5, mode: "bicubic", recomputeScaleFactor: true }],
        (make) => [make([1, 1, 12, 3]), { size: [2, 5], mode: "bicubic", antialias: true }],
        (make) => [make([1, 1, 2, 3, 2]), { scaleFactor: 2, mode: "trilinear" }],
        (make) => [make([1, 1, 5, 4]), { size: [3, 2], mode: "area" }],
      ],
      dtypes: ["float32", "float64"],
    },
  ); // prettier-ignore
