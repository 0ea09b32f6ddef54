// asin, acos, atan and atan2, in float64 (float32 too: it is then right but for near ties). Rational and
// polynomial approximations of FreeBSD's msun.
#include "ops-lanes.h"

namespace flambeau {
namespace FLAMBEAU_ISA {

namespace {

constexpr double kHalfPi = 1.57079632679489655800e+00, kHalfPiLow = 6.12323399573676603587e-17;
constexpr double kPi = 3.1415926535897931160e+00, kPiLow = 1.2246467991473531772e-16;

/** asin(x)/x - 1 for x² = z <= 1/4. */
FLAMBEAU_INLINE Doubles arcTail(Doubles z) {
  static constexpr double p[] = {3.47933107596021167570e-05, 7.91534994289814532176e-04, -4.00555345006794114027e-02,
                                 2.01212532134862925881e-01, -3.25565818622400915405e-01,
                                 1.66666666666666657415e-01};
  static constexpr double q[] = {7.70381505559019352791e-02, -6.88283971605453293030e-01,
                                 2.02094576023350569471e+00, -2.40339491173441421878e+00, 1.0};
  return z * polynomial(z, p) / polynomial(z, q);
}

FLAMBEAU_INLINE Doubles arcSine(Doubles x) {
  const Doubles a = magnitude(x);
  // Beyond 1/2 by the half angle: asin a = π/2 - 2 asin √((1 - a)/2).
  const Doubles z = a < 0.5 ? a * a : (1 - a) * 0.5;
  const Doubles side = a < 0.5 ? a : root(z);
  const Doubles arc = multiplyAdd(side, arcTail(z), side);
  return withSignOf(x, magnitude(select(a < 0.5, arc, kHalfPi - (arc * 2 - kHalfPiLow))));
}

FLAMBEAU_INLINE Doubles arcCosine(Doubles x) {
  const Doubles a = magnitude(x);
  const Doubles z = a < 0.5 ? a * a : (1 - a) * 0.5;
  const Doubles side = a < 0.5 ? x : root(z);
  const Doubles tail = side * arcTail(z);
  const Doubles middle = kHalfPi - (side - (kHalfPiLow - tail));
  const Doubles twice = (side + tail) * 2;
  const Doubles outer = select(x < 0, kPi - (twice - kPiLow), twice);
  return select(a < 0.5, middle, outer);
}

/** Of x >= 0: by the nearest of the angles whose tangents are 0, 1/2, 1, 3/2 and infinity. */
FLAMBEAU_INLINE Doubles arcTangentOfPositive(Doubles x) {
  static constexpr double even[] = {1.62858201153657823623e-02, 4.97687799461593236017e-02, 6.66107313738753120669e-02,
                                    9.09088713343650656196e-02, 1.42857142725034663711e-01, 3.33333333333329318027e-01};
  static constexpr double odd[] = {-3.65315727442169155270e-02, -5.83357013379057348645e-02,
                                   -7.69187620504482999495e-02, -1.11111104054623557880e-01,
                                   -1.99999999998764832476e-01};
  const auto above0 = x >= 0.4375, above1 = x >= 0.6875, above2 = x >= 1.1875, above3 = x >= 2.4375;
  Doubles tangent = select(above0, 0.5, Doubles{});
  tangent = select(above1, 1.0, tangent);
  tangent = select(above2, 1.5, tangent);
  Doubles angle = select(above0, 4.63647609000806093515e-01, Doubles{});
  angle = select(above1, 7.85398163397448278999e-01, angle);
  angle = select(above2, 9.82793723247329054082e-01, angle);
  angle = select(above3, kHalfPi, angle);
  Doubles angleLow = select(above0, 2.26987774529616870924e-17, Doubles{});
  angleLow = select(above1, 3.06161699786838301793e-17, angleLow);
  angleLow = select(above2, 1.39033110312309984516e-17, angleLow);
  angleLow = select(above3, kHalfPiLow, angleLow);
  const Doubles over = select(above3, -1.0, x - tangent);
  const Doubles under = select(above3, x, multiplyAdd(x, tangent, 1.0));
  const Doubles t = over / under, z = t * t, w = z * z;
  const Doubles sum = z * polynomial(w, even) + w * polynomial(w, odd);
  return angle - ((t * sum - angleLow) - t);
}

FLAMBEAU_INLINE Doubles arcTangent(Doubles x) { return withSignOf(x, arcTangentOfPositive(magnitude(x))); }

/** The angle of (x, y). */
FLAMBEAU_INLINE Doubles arcTangent2(Doubles y, Doubles x) {
  const Doubles up = magnitude(y), across = magnitude(x);
  Doubles ratio = up / across;
  // 0/0 counts as 0, ∞/∞ as 1.
  ratio = select((up == 0) & (across == 0), 0.0, ratio);
  ratio = select((up == across) & (up == __builtin_inf()), 1.0, ratio);
  const Doubles right = arcTangentOfPositive(ratio);
  const Doubles left = kPi - (right - kPiLow);
  return withSignOf(y, select(Longs(x) < 0, left, right));
}

}  // namespace

FLAMBEAU_WIDE_LANES(Asin, arcSine)
FLAMBEAU_DOUBLE_LANES(Asin, arcSine)
FLAMBEAU_WIDE_LANES(Acos, arcCosine)
FLAMBEAU_DOUBLE_LANES(Acos, arcCosine)
FLAMBEAU_WIDE_LANES(Atan, arcTangent)
FLAMBEAU_DOUBLE_LANES(Atan, arcTangent)
FLAMBEAU_WIDE_PAIRS(Atan2, arcTangent2)
FLAMBEAU_DOUBLE_PAIRS(Atan2, arcTangent2)

}  // namespace FLAMBEAU_ISA
}  // namespace flambeau
