// exp, expm1, sinh, cosh, tanh and the logistic function.
#include "ops-exponent.h"
#include "ops-tables.h"

namespace flambeau {
namespace FLAMBEAU_ISA {

namespace {

// Below `lowest`, exp(x) - 1 is -1; above `highest` it is exp(x); from `flat` on tanh is 1; below `tiny`
// expm1(x) is x.
template <class V> struct Bounds;
template <> struct Bounds<Floats> { static constexpr float lowest = -20, highest = 88, flat = 10, tiny = 1e-8f; };
template <> struct Bounds<Doubles> { static constexpr double lowest = -40, highest = 709, flat = 20, tiny = 1e-17; };

template <class V> FLAMBEAU_INLINE V expMinusOne(V x) {
  using B = Bounds<V>;
  const V value = exponentialMinusOne(atMost(atLeast(x, B::lowest), B::highest));
  // Keeps -0 and the smallest numbers.
  const V exact = select(magnitude(x) < B::tiny, x, value);
  if (!any(x > B::highest)) return exact;
  return select(x > B::highest, exponential(x), exact);
}

template <class V, class T> FLAMBEAU_INLINE V exponentialOfDifference(V x, T y) { return exponential(x - y); }

/** t / (t + 2) for t = exp(2a) - 1. */
template <class V> FLAMBEAU_INLINE V hyperbolicTangent(V x) {
  const V a = magnitude(x);
  const V t = exponentialMinusOne(atMost(a, Bounds<V>::flat) * 2);
  return withSignOf(x, t / (t + 2));
}

#if FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_avx512
/** A polynomial for each quarter of an octave from 1/16 on, in the distance to its middle. */
FLAMBEAU_INLINE Floats hyperbolicTangent(Floats x) {
  // Middles, values there, and what is multiplied with powers of the distance; by the lowest bits of the exponent
  // and the two highest ones of the fraction. Number 11 is for all that lies below: its middle is 0.
  static constexpr float c[7][32] = {
      {2.25f, 2.75f, 3.25f, 3.75f, 4.5f, 5.5f, 6.5f, 7.5f, 8.5f, 0.0f, 0.0f, 0.0f, 0.0703125f, 0.0859375f,
       0.1015625f, 0.1171875f, 0.140625f, 0.171875f, 0.203125f, 0.234375f, 0.28125f, 0.34375f, 0.40625f,
       0.46875f, 0.5625f, 0.6875f, 0.8125f, 0.9375f, 1.125f, 1.375f, 1.625f, 1.875f},
      {0.9780261f, 0.99185973f, 0.99699765f, 0.99889445f, 0.99975324f, 0.9999666f, 0.99999547f, 0.9999994f,
       0.99999994f, 0.0f, 0.0f, 0.0f, 0.07019686f, 0.08572657f, 0.10121473f, 0.11665399f, 0.1397053f,
       0.17020231f, 0.20037672f, 0.2301757f, 0.2740616f, 0.33082113f, 0.38528398f, 0.43718877f, 0.50983f,
       0.59637356f, 0.6709671f, 0.7340715f, 0.8093011f, 0.8798267f, 0.9253462f, 0.95404524f},
      {0.043464918f, 0.01621429f, 5.995717e-3f, 2.2098932e-3f, 4.935317e-4f, 6.680653e-5f, 9.041542e-6f,
       1.2236445e-6f, 1.6559851e-7f, 0.0f, 0.0f, 1.0f, 0.9950724f, 0.9926509f, 0.9897556f, 0.98639184f,
       0.9804824f, 0.9710312f, 0.9598492f, 0.94701916f, 0.9248902f, 0.8905574f, 0.85155624f, 0.80886596f,
       0.7400734f, 0.6443386f, 0.5498032f, 0.461139f, 0.34503177f, 0.22590497f, 0.14373437f, 0.08979764f},
      {-0.04250861f, -0.01608138f, -5.977304e-3f, -2.2072885e-3f, -4.927939e-4f, -6.67203e-5f,
       -9.030122e-6f, -1.2221035e-6f, -1.6537878e-7f, 0.0f, 0.0f, 9.855138e-9f, -0.06985096f, -0.08509656f,
       -0.10017785f, -0.11506654f, -0.1369786f, -0.16527174f, -0.19233142f, -0.2179808f, -0.25347686f,
       -0.29461515f, -0.32809094f, -0.35362712f, -0.37731135f, -0.3842664f, -0.36889988f, -0.3385091f,
       -0.27923653f, -0.19875838f, -0.13300449f, -0.08567108f},
      {0.027087778f, 0.010546157f, 3.9609303e-3f, 1.4682674e-3f, 3.283436e-4f, 4.4473672e-5f, 6.019539e-6f,
       8.146685e-7f, 1.10352325e-7f, 0.0f, 0.0f, -0.33333474f, -0.32678747f, -0.3235886f, -0.31977904f,
       -0.3153743f, -0.30769086f, -0.29554743f, -0.281411f, -0.26549917f, -0.23882861f, -0.19938765f,
       -0.157444f, -0.11502027f, -0.054327402f, 0.014386291f, 0.064251706f, 0.094776824f, 0.110976174f,
       0.09957195f, 0.07516421f, 0.0518018f},
      {-0.012385469f, -5.1474595e-3f, -1.9778628e-3f, -7.3923066e-4f, -1.7194875e-4f, -2.3316363e-5f,
       -3.156363e-6f, -4.271826e-7f, -5.7907183e-8f, 0.0f, 0.0f, 5.9622704e-5f, 0.046220902f, 0.056103002f,
       0.06575587f, 0.07514167f, 0.088629186f, 0.10537434f, 0.120477386f, 0.13374877f, 0.14984845f,
       0.16406906f, 0.16993424f, 0.16808459f, 0.15326515f, 0.119445935f, 0.07989517f, 0.043355834f,
       3.6695306e-3f, -0.021113593f, -0.025128147f, -0.020850006f},
      {3.9767134e-3f, 1.9162942e-3f, 7.712356e-4f, 2.9294696e-4f, 6.8591115e-5f, 9.319009e-6f,
       1.2618547e-6f, 1.7078563e-7f, 2.269732e-8f, 0.0f, 0.0f, 0.13249023f, 0.12780268f, 0.12511861f,
       0.12193803f, 0.11828423f, 0.1119937f, 0.102182455f, 0.09101557f, 0.07878124f, 0.059181526f,
       0.03205701f, 6.008193e-3f, -0.017099539f, -0.04334224f, -0.061523583f, -0.06266978f, -0.053077754f,
       -0.03211207f, -9.551026e-3f, 1.3814605e-3f, 4.5971503e-3f}};
  const Floats a = atMost(magnitude(x), 9.02f);
  const Floats bits = Floats(bitsOf(atLeast(a, 0.0625f - 0x1p-9f)) >> 21);
  const Floats distance = a - chosen(c[0], bits);
  Floats slope = chosen(c[6], bits);
  FLAMBEAU_UNROLL
  for (int i = 5; i > 0; i--) slope = multiplyAdd(slope, distance, chosen(c[i], bits));
  return withSignOf(x, slope);
}
#endif

template <class V> FLAMBEAU_INLINE V hyperbolicCosine(V x) {
  const V half = halfExponential(magnitude(x));
  return half + 0.25 / half;
}

template <class V> FLAMBEAU_INLINE V hyperbolicSine(V x) {
  const V a = magnitude(x);
  const V t = exponentialMinusOne(a < 1 ? a : V{} + 1);
  const V near = (t + t / (t + 1)) / 2;
  const V half = halfExponential(a);
  return withSignOf(x, select(a < 1, near, half - 0.25 / half));
}

/** From z = exp(-|x|), which never overflows: 1 / (1 + z), or z / (1 + z). */
template <class V> FLAMBEAU_INLINE V logistic(V x) {
  const V z = exponential(-magnitude(x));
  return select(x < 0, z, V{} + 1) / (z + 1);
}

/** The same of exp(min(-x, limit)), which is to say of max(x, -limit). */
template <class V, class T> FLAMBEAU_INLINE V boundedLogistic(V x, T limit) {
  return logistic(atLeast(x, -limit));
}

}  // namespace

FLAMBEAU_FLOAT_LANES(Exp, exponential)
FLAMBEAU_DOUBLE_LANES(Exp, exponential)
FLAMBEAU_FLOAT_LANES(Expm1, expMinusOne)
FLAMBEAU_DOUBLE_LANES(Expm1, expMinusOne)
FLAMBEAU_FLOAT_LANES(Tanh, hyperbolicTangent)
FLAMBEAU_DOUBLE_LANES(Tanh, hyperbolicTangent)
FLAMBEAU_FLOAT_LANES(Cosh, hyperbolicCosine)
FLAMBEAU_DOUBLE_LANES(Cosh, hyperbolicCosine)
FLAMBEAU_FLOAT_LANES(Sinh, hyperbolicSine)
FLAMBEAU_DOUBLE_LANES(Sinh, hyperbolicSine)
FLAMBEAU_FLOAT_LANES(Sigmoid, logistic)
FLAMBEAU_DOUBLE_LANES(Sigmoid, logistic)
FLAMBEAU_SINGLE_LANES(BoundedSigmoid, Float32, float, boundedLogistic)
FLAMBEAU_SINGLE_LANES(BoundedSigmoid, Float64, double, boundedLogistic)
FLAMBEAU_SINGLE_LANES(ExpOfDifference, Float32, float, exponentialOfDifference)
FLAMBEAU_SINGLE_LANES(ExpOfDifference, Float64, double, exponentialOfDifference)

}  // namespace FLAMBEAU_ISA
}  // namespace flambeau
