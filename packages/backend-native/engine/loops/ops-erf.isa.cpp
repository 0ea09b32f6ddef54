// The error function. The polynomials are weighted minimax, fitted for this project.
#include "ops-exponent.h"
#include "ops-tables.h"

namespace flambeau {
namespace FLAMBEAU_ISA {

namespace {

#if FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_avx512

/** A polynomial for each 1/8, in the distance to its middle; up to 3/16 erf(x) = x + x · a polynomial in x². */
FLAMBEAU_INLINE Floats errorFunction(Floats x) {
  // Values in the middle, and what is multiplied with powers of the distance to it.
  static constexpr float c[5][32] = {
      {0.0f, 0.0f, 0.2763264f, 0.4041169f, 0.5204999f, 0.6232409f, 0.71115565f, 0.7840751f, 0.8427008f,
       0.8883882f, 0.92290014f, 0.94817007f, 0.96610516f, 0.97844374f, 0.9866717f, 0.99199003f, 0.9953223f,
       0.997346f, 0.9985373f, 0.99921703f, 0.999593f, 0.9997946f, 0.9998994f, 0.99995214f, 0.9999779f,
       0.9999901f, 0.9999957f, 0.9999982f, 0.9999993f, 0.9999997f, 0.9999999f, 1.0f},
      {0.12837917f, 0.12837917f, 1.0600138f, 0.9803526f, 0.8787826f, 0.7634997f, 0.64293134f, 0.52474535f,
       0.41510782f, 0.31827426f, 0.23652135f, 0.17035992f, 0.118930355f, 0.08047227f, 0.052774966f,
       0.033545773f, 0.020666923f, 0.012340761f, 7.1422686e-3f, 4.0064384e-3f, 2.1782552e-3f, 1.1478552e-3f,
       5.8626424e-4f, 2.902202e-4f, 1.3924827e-4f, 6.4755965e-5f, 2.918755e-5f, 1.2750971e-5f, 5.399041e-6f,
       2.2157344e-6f, 8.81346e-7f, 3.397839e-7f},
      {-0.37612632f, -0.37612632f, -0.26500145f, -0.3676312f, -0.43939075f, -0.47718698f, -0.48219827f,
       -0.45915204f, -0.4151077f, -0.35805845f, -0.29565167f, -0.23424494f, -0.17839563f, -0.13076755f,
       -0.09235633f, -0.062898465f, -0.041333973f, -0.026224228f, -0.01607019f, -9.515356e-3f,
       -5.4456843e-3f, -3.0131508e-3f, -1.6122464e-3f, -8.343952e-4f, -4.1775193e-4f, -2.0236643e-4f,
       -9.486173e-5f, -4.3035674e-5f, -1.8897223e-5f, -8.032318e-6f, -3.305179e-6f, -1.3167219e-6f},
      {0.11282994f, 0.11282994f, -0.3087915f, -0.23465927f, -0.14642976f, -0.055805337f, 0.026529584f,
       0.09259657f, 0.1380326f, 0.16215405f, 0.16730641f, 0.15778904f, 0.13867995f, 0.114830494f,
       0.09018925f, 0.067496896f, 0.048286807f, 0.033098362f, 0.021776536f, 0.013771283f, 8.379908e-3f,
       4.9109804e-3f, 2.7738148e-3f, 1.5108815e-3f, 7.940516e-4f, 4.0282955e-4f, 1.973378e-4f, 9.338045e-5f,
       4.2695374e-5f, 1.8866544e-5f, 8.05908e-6f, 3.3284682e-6f},
      {-0.02650188f, -0.02650188f, 0.12620308f, 0.16607885f, 0.18274039f, 0.17624831f, 0.1505856f,
       0.11239672f, 0.06926444f, 0.028105376f, -6.0044555e-3f, -0.03034942f, -0.044471424f, -0.049626753f,
       -0.048045002f, -0.042234898f, -0.03444247f, -0.026372079f, -0.01910137f, -0.013152668f,
       -8.6400015e-3f, -5.4285387e-3f, -3.268674e-3f, -1.8890521e-3f, -1.0491317e-3f, -5.604813e-4f,
       -2.8826593e-4f, -1.4283176e-4f, -6.821943e-5f, -3.1423842e-5f, -1.396577e-5f, -5.990834e-6f}};
  // Up to 63/16, where erf becomes 1.
  const Floats a = atMost(magnitude(x), 3.9374998f);
  constexpr float shift = 1572864;  // leaves eighths in the lowest bits
  const Floats shifted = a + shift;
  const Floats middle = shifted - shift;
  const __mmask16 isFar = _mm512_cmp_ps_mask(__m512(middle), _mm512_set1_ps(0.125f), _CMP_GT_OQ);
  const __mmask16 isNear = _knot_mask16(isFar);
  const Floats distance = Floats(_mm512_mask_sub_ps(__m512(a), isFar, __m512(a), __m512(middle)));
  const Floats power = Floats(_mm512_mask_mul_ps(__m512(distance), isNear, __m512(a), __m512(a)));
  Floats slope = chosen(c[4], shifted);
  slope = multiplyAdd(slope, power, chosen(c[3], shifted));
  slope = multiplyAdd(slope, power, chosen(c[2], shifted));
  slope = multiplyAdd(slope, power, chosen(c[1], shifted));
  const Floats start = Floats(_mm512_mask_mov_ps(__m512(a), isFar, __m512(chosen(c[0], shifted))));
  return withSignOf(x, multiplyAdd(slope, distance, start));
}

#else

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

#endif

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

namespace {

/** Rounded step by step, as if these were instructions of their own. */
FLAMBEAU_INLINE Floats gaussianUnit(Floats x) { return x * 0.5f * (1 + errorFunction(x * 0.70710678118654752f)); }
FLAMBEAU_INLINE Doubles gaussianUnit(Doubles x) { return x * 0.5 * (1 + errorFunction(x * 0.70710678118654752)); }

}  // namespace

FLAMBEAU_FLOAT_LANES(Gelu, gaussianUnit)
FLAMBEAU_DOUBLE_LANES(Gelu, gaussianUnit)
FLAMBEAU_FLOAT_LANES(Erf, errorFunction)
FLAMBEAU_DOUBLE_LANES(Erf, errorFunction)

}  // namespace FLAMBEAU_ISA
}  // namespace flambeau
