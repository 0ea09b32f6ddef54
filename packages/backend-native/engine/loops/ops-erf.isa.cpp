// The error function. The polynomials are weighted minimax, fitted for this project.
#include "ops-exponent.h"

namespace flambeau {
namespace FLAMBEAU_ISA {

namespace {

/** Near 0 a polynomial in x², else 1 - exp of a polynomial. */
FLAMBEAU_INLINE Floats errorFunction(Floats x) {
  // erf(x)/x - 1 in x², up to 0.625.
  static constexpr float nearZero[] = {0.004456857983f, -0.0266102974f, 0.112802472f, -0.3761246541f, 0.1283791534f};
  // log(1 - erf(x)), from 0.625 to 3.95, where erf becomes 1.
  static constexpr float complement[] = {0.0002212053954f, -0.003276432898f, 0.02309833411f, -0.1056201742f,
                                         -0.6353906646f,   -1.128663804f,    2.603807435e-5f};
  const Floats a = magnitude(x);
  const Floats near = multiplyAdd(a, polynomial(a * a, nearZero), a);
  const Exponent<Floats> e = splitExponent(polynomial(atMost(a, 3.95f), complement));
  const Floats power = powerOfTwo(e);
  const Floats far = multiplyAdd(-power, e.fraction, 1 - power);
  return withSignOf(x, select(a < 0.625f, near, far));
}

/** Near 0 a polynomial in x², else 1 - exp(-x²) · a polynomial in (x - 5/2) / (x + 5/2). */
FLAMBEAU_INLINE Doubles errorFunction(Doubles x) {
  // erf(x)/x - 1 in x², up to 1.
  static constexpr double nearZero[] = {
      -7.7794684927242525456e-10, 1.3710980400133349266e-8,  -1.6206313758994718189e-7, 1.644713157134905203e-6,
      -1.4924712302016678456e-5,  1.2055293576901136863e-4,  -8.5483259293145193656e-4, 5.223977606118474457e-3,
      -2.6866170643111467305e-2,  1.128379167094418472e-1,   -3.7612638903183519539e-1, 1.2837916709551256565e-1};
  // exp(x²) · (1 - erf(x)), from 1 to 6, where erf becomes 1.
  static constexpr double complement[] = {
      1.0477979746581506755e-6,   1.0098239847457833727e-5,  1.9441806946389012073e-5,  -3.420676763351663464e-5,
      -1.2897602606253028112e-4,  2.2835642292712712408e-4,  8.7591603880741870676e-4,  -2.6423649316226368719e-3,
      -3.9937010535898930021e-3,  3.9922539067497658654e-2,  -1.2503305238068638399e-1, 2.5171319321741083391e-1,
      -3.7173673394896865234e-1,  2.1080636406114368866e-1};
  const Doubles a = atMost(magnitude(x), 6);
  const Doubles square = a * a;
  const Doubles near = multiplyAdd(a, polynomial(square, nearZero), a);
  const Doubles far = 1 - plainExponential(-square) * polynomial((a - 2.5) / (a + 2.5), complement);
  return withSignOf(x, select(a < 1, near, far));
}

}  // namespace

FLAMBEAU_FLOAT_LANES(Erf, errorFunction)
FLAMBEAU_DOUBLE_LANES(Erf, errorFunction)

}  // namespace FLAMBEAU_ISA
}  // namespace flambeau
