// Which elements each mode of interpolation takes, with which weights. Computed once for each pair of
// lengths and kept.
import { type Taps, turnedAround } from "./resample.ts";

export type AxisMode = "nearest" | "nearest-exact" | "linear" | "cubic";

export interface AxisSampling {
  readonly mode: AxisMode;
  /** Lengths before and after. */
  readonly from: number;
  readonly to: number;
  /** The factor that was asked for, where it counts in place of the lengths. */
  readonly factor: number | undefined;
  /** Whether corners are sampled at their centres, not at their edges. */
  readonly alignCorners: boolean;
  /** Widens the window where the axis shrinks. */
  readonly antialias: boolean;
}

/** Distance between samples, in elements. */
function stepOf({ from, to, factor, alignCorners }: AxisSampling): number {
  if (alignCorners) return to > 1 ? (from - 1) / (to - 1) : 0;
  return factor === undefined ? from / to : 1 / factor;
}

/** Weights of Keys' cubic convolution at a distance. */
function cubicWeight(distance: number, a: number): number {
  const d = Math.abs(distance);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
}

const limited = (place: number, length: number): number => Math.min(Math.max(place, 0), length - 1);

/** PyTorch computes these in float32, which decides ties. */
function nearestPlace({ mode, from, to, factor }: AxisSampling, at: number): number {
  const step = Math.fround(factor === undefined ? from / to : 1 / factor);
  const place = mode === "nearest" ? Math.fround(at * step) : Math.fround((at + 0.5) * step);
  return limited(Math.floor(place), from);
}

type Place = readonly [place: number, weight: number];

function placesAt(sampling: AxisSampling, at: number): Place[] {
  const { mode, from, alignCorners } = sampling;
  if (mode !== "linear" && mode !== "cubic") return [[nearestPlace(sampling, at), 1]];
  const step = stepOf(sampling);
  if (sampling.antialias) return widePlaces(sampling, at, step);
  const exact = alignCorners ? step * at : step * (at + 0.5) - 0.5;
  const position = mode === "linear" ? Math.max(exact, 0) : exact;
  const first = Math.min(Math.floor(position), mode === "linear" ? from - 1 : Infinity);
  const t = position - first;
  if (mode === "linear") {
    const share = Math.min(t, 1);
    return [[first, 1 - share], [limited(first + 1, from), share]]; // prettier-ignore
  }
  return [-1, 0, 1, 2].map((k) => [limited(first + k, from), cubicWeight(t - k, -0.75)]);
}

/** A window as wide as what one result covers; its weights add up to 1. */
function widePlaces({ mode, from }: AxisSampling, at: number, step: number): Place[] {
  const scale = Math.max(step, 1);
  const reach = (mode === "linear" ? 1 : 2) * scale;
  const centre = step * (at + 0.5);
  const start = Math.max(Math.trunc(centre - reach + 0.5), 0);
  const end = Math.min(Math.trunc(centre + reach + 0.5), from);
  const places = Array.from({ length: Math.max(end - start, 1) }, (_, k): Place => {
    const distance = (start + k - centre + 0.5) / scale;
    const weight = mode === "linear" ? Math.max(1 - Math.abs(distance), 0) : cubicWeight(distance, -0.5);
    return [limited(start + k, from), weight];
  });
  const total = places.reduce((sum, [, weight]) => sum + weight, 0);
  return places.map(([place, weight]) => [place, weight / total]);
} // prettier-ignore

function tapsOf(sampling: AxisSampling): Taps {
  const { to: count } = sampling;
  const lists = Array.from({ length: count }, (_, at) => placesAt(sampling, at));
  const taps = Math.max(1, ...lists.map((list) => list.length));
  const places = new Int32Array(taps * count);
  const weights = new Float64Array(taps * count);
  lists.forEach((list, at) =>
    list.forEach(([place, weight], tap) => {
      places[tap * count + at] = place;
      weights[tap * count + at] = weight;
    }),
  );
  return { places, weights, count };
}

interface BothWays {
  readonly taps: Taps;
  readonly turned: Taps;
}

const known = new Map<string, BothWays>();

/** The taps of an axis, and those of its gradient. */
export function interpolationTaps(sampling: AxisSampling): BothWays {
  const { mode, from, to, factor, alignCorners, antialias } = sampling;
  const key = `${mode} ${from} ${to} ${factor} ${alignCorners} ${antialias}`;
  let found = known.get(key);
  if (found === undefined) {
    const taps = tapsOf(sampling);
    found = { taps, turned: turnedAround(taps, from) };
    if (known.size >= 64) known.delete(known.keys().next().value!);
    known.set(key, found);
  }
  return found;
}
