// The error function in double precision, which JavaScript's Math lacks.
// W. J. Cody, "Rational Chebyshev approximations for the error function", Math. Comp. 23 (1969).

export const small = {
  p: [3.16112374387056560, 113.864154151050156, 377.485237685302021, 3209.37758913846947],
  p4: 0.185777706184603153,
  q: [23.6012909523441209, 244.024637934444173, 1282.61652607737228, 2844.23683343917062],
}; // prettier-ignore
export const middle = {
  p: [
    0.564188496988670089, 8.88314979438837594, 66.1191906371416295, 298.635138197400131,
    881.952221241769090, 1712.04761263407058, 2051.07837782607147, 1230.33935479799725,
  ],
  p8: 2.15311535474403846e-8,
  q: [
    15.7449261107098347, 117.693950891312499, 537.181101862009858, 1621.38957456669019,
    3290.79923573345963, 4362.61909014324716, 3439.36767414372164, 1230.33935480374942,
  ],
}; // prettier-ignore
export const large = {
  p: [
    0.305326634961232344, 0.360344899949804439, 0.125781726111229246, 0.0160837851487422766,
    6.58749161529837803e-4,
  ],
  p5: 0.0163153871373020978,
  q: [
    2.56852019228982242, 1.87295284992346725, 0.527905102951428412, 0.0605183413124413191,
    0.00233520497626869185,
  ],
}; // prettier-ignore

/** erfc(y) for y > 0.46875. */
function complement(y: number): number {
  let r: number;
  if (y <= 4) {
    let num = middle.p8 * y;
    let den = y;
    for (let i = 0; i < 7; i++) {
      num = (num + middle.p[i]!) * y;
      den = (den + middle.q[i]!) * y;
    }
    r = (num + middle.p[7]!) / (den + middle.q[7]!);
  } else {
    const z = 1 / (y * y);
    let num = large.p5 * z;
    let den = z;
    for (let i = 0; i < 4; i++) {
      num = (num + large.p[i]!) * z;
      den = (den + large.q[i]!) * z;
    }
    r = (z * (num + large.p[4]!)) / (den + large.q[4]!);
    r = (1 / Math.sqrt(Math.PI) - r) / y;
  }
  // Splitting y keeps exp(-y²) accurate where y² is large.
  const head = Math.trunc(y * 16) / 16;
  return Math.exp(-head * head) * Math.exp(-(y - head) * (y + head)) * r;
}

/** erf(x), to about 1e-16. */
export function erf(x: number): number {
  const y = Math.abs(x);
  if (Number.isNaN(x)) return x;
  if (y > 6) return Math.sign(x);
  if (y > 0.46875) return Math.sign(x) * (1 - complement(y));
  const z = y > 1.11e-16 ? y * y : 0;
  let num = small.p4 * z;
  let den = z;
  for (let i = 0; i < 3; i++) {
    num = (num + small.p[i]!) * z;
    den = (den + small.q[i]!) * z;
  }
  return (x * (num + small.p[3]!)) / (den + small.q[3]!);
}
