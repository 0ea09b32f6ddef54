// Discrete Fourier transforms of one row of any length, in float64: Stockham's order with radix 4, 2, 3, 5
// and small primes; Bluestein's convolution where a large prime divides the length. No tensors here.

/** `x[k] = Σ x[t] · exp(-2πi·k·t/n)`, in place. */
export type Transform = (re: Float64Array, im: Float64Array) => void;

const plans = new Map<number, Transform>();
const planLimit = 64;
/** Primes above it go through Bluestein's convolution. */
const largestRadix = 31;

/** The transform of length `n`; tables are kept for the lengths used last. */
export function transformOf(n: number): Transform {
  let plan = plans.get(n);
  if (plan === undefined) {
    const radices = radicesOf(n);
    plan = radices === undefined ? convolved(n) : staged(n, radices);
    if (plans.size >= planLimit) plans.delete(plans.keys().next().value!);
    plans.set(n, plan);
  }
  return plan;
}

/** Small factors of `n`, or `undefined` where a large prime is among them. */
function radicesOf(n: number): number[] | undefined {
  const radices: number[] = [];
  let rest = n;
  for (const radix of [4, 2, 3, 5]) {
    for (; rest % radix === 0; rest /= radix) radices.push(radix);
  }
  for (let radix = 7; radix <= largestRadix; radix += 2) {
    for (; rest % radix === 0; rest /= radix) radices.push(radix);
  }
  return rest === 1 ? radices : undefined;
}

interface Circle {
  readonly cosines: Float64Array;
  readonly sines: Float64Array;
}

/** `exp(-2πi·k/n)` for k < n; angles are taken from the nearest eighth of a turn, where they are exact. */
function circle(n: number): Circle {
  const cosines = new Float64Array(n);
  const sines = new Float64Array(n);
  for (let k = 0; k < n; k++) {
    const eighth = Math.round((8 * k) / n);
    const angle = (2 * Math.PI * (8 * k - eighth * n)) / (8 * n);
    const isOdd = eighth % 2 === 1;
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    // cos and sin of angle + π/4, or of angle.
    let x = isOdd ? (c - s) * Math.SQRT1_2 : c;
    let y = isOdd ? (c + s) * Math.SQRT1_2 : s;
    for (let quarter = (eighth - (isOdd ? 1 : 0)) / 2; quarter > 0; quarter--) [x, y] = [-y, x];
    cosines[k] = x;
    sines[k] = -y;
  }
  return { cosines, sines };
}

/** What a stage reads and writes: parts of the row, before and after. */
interface Row {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

/** One stage after another; each leaves its results in the order that the next one reads. */
function staged(n: number, radices: readonly number[]): Transform {
  const turns = circle(n);
  const scratch = { re: new Float64Array(n), im: new Float64Array(n) };
  return (re, im) => {
    let from: Row = { re, im };
    let to: Row = scratch;
    let length = n;
    for (const radix of radices) {
      const stride = n / length;
      length /= radix;
      if (radix === 2) stage2(from, to, length, stride, turns);
      else if (radix === 4) stage4(from, to, length, stride, turns);
      else stage(from, to, length, stride, turns, radix);
      [from, to] = [to, from];
    }
    if (from.re === re) return;
    re.set(from.re);
    im.set(from.im);
  };
}

/** A stage of radix 2: `length` groups of `stride` pairs. */
function stage2(from: Row, to: Row, length: number, stride: number, turns: Circle): void {
  const half = length * stride;
  for (let p = 0; p < length; p++) {
    const c = turns.cosines[p * stride]!;
    const s = turns.sines[p * stride]!;
    for (let q = 0; q < stride; q++) {
      const a = q + stride * p;
      const target = q + stride * 2 * p;
      const re = from.re[a]! - from.re[a + half]!;
      const im = from.im[a]! - from.im[a + half]!;
      to.re[target] = from.re[a]! + from.re[a + half]!;
      to.im[target] = from.im[a]! + from.im[a + half]!;
      to.re[target + stride] = re * c - im * s;
      to.im[target + stride] = re * s + im * c;
    }
  }
}

/** A stage of radix 4. */
function stage4(from: Row, to: Row, length: number, stride: number, turns: Circle): void {
  const quarter = length * stride;
  const { re: x, im: y } = from;
  for (let p = 0; p < length; p++) {
    const at = p * stride;
    const c1 = turns.cosines[at]!;
    const s1 = turns.sines[at]!;
    const c2 = turns.cosines[2 * at]!;
    const s2 = turns.sines[2 * at]!;
    const c3 = turns.cosines[3 * at]!;
    const s3 = turns.sines[3 * at]!;
    for (let q = 0; q < stride; q++) {
      const a = q + at;
      const b = a + quarter;
      const c = b + quarter;
      const d = c + quarter;
      const evenRe = x[a]! + x[c]!;
      const evenIm = y[a]! + y[c]!;
      const evenRe2 = x[a]! - x[c]!;
      const evenIm2 = y[a]! - y[c]!;
      const oddRe = x[b]! + x[d]!;
      const oddIm = y[b]! + y[d]!;
      const oddRe2 = y[b]! - y[d]!; // -i · (b - d)
      const oddIm2 = x[d]! - x[b]!;
      const target = q + 4 * at;
      to.re[target] = evenRe + oddRe;
      to.im[target] = evenIm + oddIm;
      const re1 = evenRe2 + oddRe2;
      const im1 = evenIm2 + oddIm2;
      to.re[target + stride] = re1 * c1 - im1 * s1;
      to.im[target + stride] = re1 * s1 + im1 * c1;
      const re2 = evenRe - oddRe;
      const im2 = evenIm - oddIm;
      to.re[target + 2 * stride] = re2 * c2 - im2 * s2;
      to.im[target + 2 * stride] = re2 * s2 + im2 * c2;
      const re3 = evenRe2 - oddRe2;
      const im3 = evenIm2 - oddIm2;
      to.re[target + 3 * stride] = re3 * c3 - im3 * s3;
      to.im[target + 3 * stride] = re3 * s3 + im3 * c3;
    }
  }
}

/** A stage of an odd radix: pairs of terms that lie opposite each other are added and subtracted first. */
function stage(
  from: Row,
  to: Row,
  length: number,
  stride: number,
  turns: Circle,
  radix: number,
): void {
  const n = turns.cosines.length;
  const part = length * stride;
  const half = (radix - 1) / 2;
  const sums = { re: new Float64Array(half), im: new Float64Array(half) };
  const differences = { re: new Float64Array(half), im: new Float64Array(half) };
  const step = n / radix;
  for (let p = 0; p < length; p++) {
    for (let q = 0; q < stride; q++) {
      const first = q + stride * p;
      const target = q + stride * radix * p;
      const [re0, im0] = [from.re[first]!, from.im[first]!];
      let [totalRe, totalIm] = [re0, im0];
      for (let t = 0; t < half; t++) {
        const a = first + (t + 1) * part;
        const b = first + (radix - 1 - t) * part;
        sums.re[t] = from.re[a]! + from.re[b]!;
        sums.im[t] = from.im[a]! + from.im[b]!;
        differences.re[t] = from.re[a]! - from.re[b]!;
        differences.im[t] = from.im[a]! - from.im[b]!;
        totalRe += sums.re[t]!;
        totalIm += sums.im[t]!;
      }
      to.re[target] = totalRe;
      to.im[target] = totalIm;
      for (let u = 1; u <= half; u++) {
        let [evenRe, evenIm, oddRe, oddIm] = [re0, im0, 0, 0];
        for (let t = 0; t < half; t++) {
          const at = step * (((t + 1) * u) % radix);
          const c = turns.cosines[at]!;
          const s = turns.sines[at]!;
          evenRe += c * sums.re[t]!;
          evenIm += c * sums.im[t]!;
          oddRe -= s * differences.im[t]!;
          oddIm += s * differences.re[t]!;
        }
        put(to, target + u * stride, evenRe + oddRe, evenIm + oddIm, turns, p * u * stride);
        const other = radix - u;
        put(to, target + other * stride, evenRe - oddRe, evenIm - oddIm, turns, p * other * stride);
      }
    }
  }
}

/** Writes a number turned by an angle of the table. */
function put(to: Row, at: number, re: number, im: number, turns: Circle, angle: number): void {
  const c = turns.cosines[angle]!;
  const s = turns.sines[angle]!;
  to.re[at] = re * c - im * s;
  to.im[at] = re * s + im * c;
}

/** Bluestein: `k·t = (k² + t² - (k - t)²) / 2` makes a convolution of any length, done at a power of two. */
function convolved(n: number): Transform {
  const size = 2 ** Math.ceil(Math.log2(2 * n - 1));
  const transform = transformOf(size);
  const double = circle(2 * n);
  // exp(-πi·t²/n)
  const chirp = { re: new Float64Array(n), im: new Float64Array(n) };
  for (let t = 0; t < n; t++) {
    // t² mod 2n without leaving the safe integers.
    const at = Number((BigInt(t) * BigInt(t)) % BigInt(2 * n));
    chirp.re[t] = double.cosines[at]!;
    chirp.im[t] = double.sines[at]!;
  }
  const filter = { re: new Float64Array(size), im: new Float64Array(size) };
  for (let t = 0; t < n; t++) {
    for (const at of t === 0 ? [0] : [t, size - t]) {
      filter.re[at] = chirp.re[t]!;
      filter.im[at] = -chirp.im[t]!;
    }
  }
  transform(filter.re, filter.im);
  const x = new Float64Array(size);
  const y = new Float64Array(size);
  return (re, im) => {
    x.fill(0);
    y.fill(0);
    for (let t = 0; t < n; t++) {
      x[t] = re[t]! * chirp.re[t]! - im[t]! * chirp.im[t]!;
      y[t] = re[t]! * chirp.im[t]! + im[t]! * chirp.re[t]!;
    }
    transform(x, y);
    // The product, conjugated, so that the forward transform leads back.
    for (let k = 0; k < size; k++) {
      const a = x[k]!;
      const b = y[k]!;
      x[k] = a * filter.re[k]! - b * filter.im[k]!;
      y[k] = -(a * filter.im[k]! + b * filter.re[k]!);
    }
    transform(x, y);
    for (let k = 0; k < n; k++) {
      const a = x[k]! / size;
      const b = -y[k]! / size;
      re[k] = a * chirp.re[k]! - b * chirp.im[k]!;
      im[k] = a * chirp.im[k]! + b * chirp.re[k]!;
    }
  };
}
