// Modified Bessel functions of the first kind as expressions, on float32 and float64. The series were
// computed for this project in 40 digits.
import { type Scalar, s } from "./instruction.ts";
import { chebyshev } from "./polynomial.ts";

/** e⁻ˣ·I₀(x) in x/4 - 1, for x in [0, 8]. */
const i0Near = [
  0.33839763720473803, -0.3046826723431984, 0.17162090152220877, -0.09490109704804764,
  0.04930528423967071, -0.02373741480589947, 0.010546460394594998, -0.004324309995050576,
  0.0016394756169413357, -0.0005763755745385824, 0.00018850288509584165, -5.754195010082104e-5,
  1.6448448070728896e-5, -4.4167383584587505e-6, 1.1173875391201037e-6, -2.670793853940612e-7,
  6.046995022541919e-8, -1.300025009986248e-8, 2.6598237246823866e-9, -5.189795601635263e-10,
  9.675809035373237e-11, -1.726826291441556e-11, 2.95505266312964e-12, -4.856446783111929e-13,
  7.676185498604936e-14, -1.1685332877993451e-14, 1.715391285555133e-15, -2.431279846547955e-16,
  3.3307945188222384e-17, -4.4153416464793395e-18,
]; // prettier-ignore
/** √x·e⁻ˣ·I₀(x) in 16/x - 1, for x >= 8. */
const i0Far = [
  0.4022452055070544, 0.0033691164782556943, 6.889758346916825e-5, 2.8913705208347567e-6,
  2.0489185894690638e-7, 2.266668990498178e-8, 3.3962320257083865e-9, 4.94060238822497e-10,
  1.1889147107846439e-11, -3.1499165279632416e-11, -1.3215811840447713e-11,
  -1.7941785315068062e-12, 7.180124451383666e-13, 3.8527783827421426e-13, 1.54008621752141e-14,
  -4.150569347287222e-14, -9.554846698828307e-15, 3.8116806693526224e-15, 1.7725601330565263e-15,
  -3.425485619677219e-16, -2.8276239805165836e-16, 3.461222867697461e-17, 4.46562142029676e-17,
  -4.830504485944182e-18, -7.233180487874754e-18,
]; // prettier-ignore
/** e⁻ˣ·I₁(x)/x in x/4 - 1, for x in [0, 8]. */
const i1Near = [
  0.12629359322181682, -0.17641651835783406, 0.1026436586898471, -0.05294598120809499,
  0.024726449030626516, -0.010564084894626197, 0.004156422944312888, -0.0015135724506312532,
  0.0005122859561685758, -0.00016176081582589674, 4.781565107550054e-5, -1.3273163656039436e-5,
  3.4702513081376785e-6, -8.568720264695455e-7, 2.0032947535521353e-7, -4.445059128796328e-8,
  9.381537386495773e-9, -1.8872497517228294e-9, 3.625590281552117e-10, -6.663489723502027e-11,
  1.1736186298890901e-11, -1.9839743977649436e-12, 3.223793365945575e-13, -5.042185504727912e-14,
  7.600684294735408e-15, -1.1055969477353862e-15, 1.5536319577362005e-16, -2.111421214358166e-17,
  2.7779141127610464e-18,
]; // prettier-ignore
/** √x·e⁻ˣ·I₁(x) in 16/x - 1, for x >= 8. */
const i1Far = [
  0.38928811750914005, -0.009761097491361469, -0.00011058893876262371, -3.882564808877691e-6,
  -2.512236237870209e-7, -2.6314688468895196e-8, -3.835380385964237e-9, -5.589743462196584e-10,
  -1.8974958123505413e-11, 3.2526035830154884e-11, 1.4125807436613782e-11, 2.0356285441470896e-12,
  -7.198551776245908e-13, -4.0835511110921974e-13, -2.1015418427726643e-14, 4.272440016711951e-14,
  1.0420276984128802e-14, -3.8144030724370075e-15, -1.8803547755107825e-15,
  3.3082023109209285e-16, 2.96262899764595e-16, -3.209525921993424e-17, -4.6503053684893586e-17,
  4.414348323071708e-18, 7.517296310842105e-18,
]; // prettier-ignore

/** Values for |x| up to 8 and beyond, each from arguments that are safe for it. */
function parts(x: Scalar, near: readonly number[], far: readonly number[]) {
  const y = s.abs(x);
  const isNear = s.le(y, 8);
  const small = s.select(isNear, y, 8);
  const large = s.select(isNear, 8, y);
  return {
    isNear,
    small,
    near: chebyshev(s.sub(s.div(small, 4), 1), near),
    far: s.div(chebyshev(s.sub(s.div(16, large), 1), far), s.sqrt(large)),
  };
}

/** `e^-|x|·I₀(x)`. */
export function i0e(x: Scalar): Scalar {
  const { isNear, near, far } = parts(x, i0Near, i0Far);
  return s.select(isNear, near, far);
}

/** `e^-|x|·I₁(x)`. */
export function i1e(x: Scalar): Scalar {
  const { isNear, small, near, far } = parts(x, i1Near, i1Far);
  const value = s.select(isNear, s.mul(small, near), far);
  return s.select(s.lt(x, 0), s.neg(value), s.select(s.eq(x, 0), x, value));
}

/** eˣ in two factors, so that it does not overflow before its product. */
const grown = (x: Scalar, value: Scalar): Scalar => {
  const half = s.exp(s.mul(0.5, s.abs(x)));
  return s.mul(s.mul(half, value), half);
};

/** `I₀(x)`; NaN at ±∞, as in PyTorch. */
export const i0 = (x: Scalar): Scalar => grown(x, i0e(x));

/** `I₁(x)`; NaN at ±∞, as in PyTorch. */
export const i1 = (x: Scalar): Scalar => grown(x, i1e(x));

/** `I₁(x)/x`, which is 1/2 at 0, times `e^-|x|`. */
export function i1eOverX(x: Scalar): Scalar {
  const { isNear, near, far } = parts(x, i1Near, i1Far);
  return s.select(isNear, near, s.div(far, s.max(s.abs(x), 8)));
}
