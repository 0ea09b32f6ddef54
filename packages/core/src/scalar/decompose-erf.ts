// The error function as arithmetic and exp. float64 repeats erf.ts step by step; float32 uses
// polynomials fitted (weighted minimax) for this project.
import { exp } from "./decompose-exp.ts";
import { type Scalar, s } from "./instruction.ts";
import { large, middle, small } from "./erf.ts";
import { polynomial } from "./polynomial.ts";

/** erf(x)/x - 1 in x², up to 0.9. */
const nearZero = [
  -0.0006111296091628681, 0.005016229192079321, -0.02678195748983415, 0.11282229978057097,
  -0.3761253244678762, 0.12837915531939526,
]; // prettier-ignore
/** -log(1 - erf(x)), from 0.9 to 4. */
const complementLog = [
  -0.0001980795292242457, 0.0030641964022784405, -0.02231036785843412, 0.10410425315635308,
  0.6369861396503198, 1.1277916565782231, 0.00016771129648139745,
]; // prettier-ignore

/** erf of a float32 x >= 0. */
export function erfSingle(x: Scalar): Scalar {
  const near = s.add(x, s.mul(x, polynomial(s.mul(x, x), nearZero)));
  const far = s.sub(1, exp(s.neg(polynomial(s.min(x, 4), complementLog))));
  return s.select(s.lt(x, 0.9), near, far);
}

/** `(first·z + p[0])·z + …` over `(z + q[0])·z + …`, leaving out the last addition of both. */
function quotient(z: Scalar, first: number, p: readonly number[], q: readonly number[]) {
  let over = s.mul(z, first);
  let under = z;
  for (let i = 0; i < p.length - 1; i++) {
    over = s.mul(s.add(over, p[i]!), z);
    under = s.mul(s.add(under, q[i]!), z);
  }
  return { over: s.add(over, p.at(-1)!), under: s.add(under, q.at(-1)!) };
}

/** erf on float64. */
export function erfDouble(x: Scalar): Scalar {
  const y = s.abs(x);
  const near = quotient(s.select(s.gt(y, 1.11e-16), s.mul(y, y), 0), small.p4, small.p, small.q);
  const between = quotient(y, middle.p8, middle.p, middle.q);
  const z = s.div(1, s.mul(y, y));
  const beyond = quotient(z, large.p5, large.p, large.q);
  const tail = s.div(s.sub(1 / Math.sqrt(Math.PI), s.div(s.mul(z, beyond.over), beyond.under)), y);
  const ratio = s.select(s.le(y, 4), s.div(between.over, between.under), tail);
  const head = s.div(s.trunc(s.mul(y, 16)), 16);
  const complement = s.mul(
    s.mul(s.exp(s.mul(s.neg(head), head)), s.exp(s.mul(s.neg(s.sub(y, head)), s.add(y, head)))),
    ratio,
  );
  const sign = s.sign(x);
  const inside = s.select(
    s.gt(y, 0.46875),
    s.mul(sign, s.sub(1, complement)),
    s.div(s.mul(x, near.over), near.under),
  );
  return s.select(s.gt(y, 6), sign, inside);
}
