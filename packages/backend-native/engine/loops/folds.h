// Folding rows of neighbours, and running folds. Included by moves.isa.cpp only, inside its anonymous
// namespace. Sums and products of integers are made on unsigned words, which wrap.

#if FLAMBEAU_ISA_NUMBER == 3
constexpr int kVectorBytes = 64;
#elif FLAMBEAU_ISA_NUMBER == 2
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif

template <class T> struct Vector {
  typedef T Type __attribute__((vector_size(kVectorBytes)));
  typedef T Unaligned __attribute__((vector_size(kVectorBytes), aligned(1), may_alias));
  static constexpr int lanes = kVectorBytes / sizeof(T);
};

/** NaN wins; of two zeros the positive one is the greater. */
template <Fold F> inline float joined(float a, float b) {
  if (F == Fold::Add) return a + b;
  if (F == Fold::Mul) return a * b;
  if (a != a || b != b) return a + b;
  if (a == b) return (F == Fold::Max) == (__builtin_signbit(a) != 0) ? b : a;
  return (F == Fold::Max) == (a > b) ? a : b;
}
template <Fold F> inline double joined(double a, double b) {
  if (F == Fold::Add) return a + b;
  if (F == Fold::Mul) return a * b;
  if (a != a || b != b) return a + b;
  if (a == b) return (F == Fold::Max) == (__builtin_signbit(a) != 0) ? b : a;
  return (F == Fold::Max) == (a > b) ? a : b;
}
template <Fold F, class T> inline T joined(T a, T b) {
  if (F == Fold::Add) return static_cast<T>(a + b);
  if (F == Fold::Mul) return static_cast<T>(a * b);
  return (F == Fold::Max) == (a > b) ? a : b;
}

template <Fold F, class T> struct Join {
  typedef typename Vector<T>::Type V;
  static V vectors(V a, V b) {
    if (F == Fold::Add) return a + b;
    if (F == Fold::Mul) return a * b;
    if (F == Fold::Max) return a > b ? a : b;
    return a < b ? a : b;
  }
};
template <Fold F, class T, class I> struct JoinFloats {
  typedef typename Vector<T>::Type V;
  typedef typename Vector<I>::Type W;
  static V vectors(V a, V b) {
    if (F == Fold::Add) return a + b;
    if (F == Fold::Mul) return a * b;
    const W isFirst = (F == Fold::Max ? a > b : a < b) | (a != a);
    const W bits = isFirst ? (W)a : (W)b;
    const W zeros = F == Fold::Max ? (W)a & (W)b : (W)a | (W)b;
    return (V)(a == b ? zeros : bits);
  }
};
template <Fold F> struct Join<F, float> : JoinFloats<F, float, int32_t> {};
template <Fold F> struct Join<F, double> : JoinFloats<F, double, int64_t> {};

template <class T> inline typename Vector<T>::Type loadVector(const T* from) {
  return *reinterpret_cast<const typename Vector<T>::Unaligned*>(from);
}

/** Lanes of a vector, or the first `count` of `values`, in a tree of halves. */
template <Fold F, class T> inline T foldLanes(T* values, int count) {
  while (count > 1) {
    const int half = (count + 1) / 2;
    for (int i = 0; i + half < count; i++) values[i] = joined<F>(values[i], values[i + half]);
    count = half;
  }
  return values[0];
}

template <Fold F, class T> inline T foldVector(typename Vector<T>::Type v) {
  constexpr int lanes = Vector<T>::lanes;
  T values[lanes];
#if FLAMBEAU_ISA_NUMBER == 2 || FLAMBEAU_ISA_NUMBER == 3
  typedef typename Vector<T>::Type V;
#endif
  // Halves meet as vectors while that is a shuffle away.
#if FLAMBEAU_ISA_NUMBER == 3
  v = Join<F, T>::vectors(v, (V)_mm512_shuffle_i64x2((__m512i)v, (__m512i)v, 0x4e));
  v = Join<F, T>::vectors(v, (V)_mm512_shuffle_i64x2((__m512i)v, (__m512i)v, 0xb1));
  v = Join<F, T>::vectors(v, (V)_mm512_shuffle_epi32((__m512i)v, (_MM_PERM_ENUM)0x4e));
  if (sizeof(T) <= 4) v = Join<F, T>::vectors(v, (V)_mm512_shuffle_epi32((__m512i)v, (_MM_PERM_ENUM)0xb1));
  memcpy(values, &v, sizeof values);
  return sizeof(T) >= 4 ? values[0] : foldLanes<F, T>(values, 4 / sizeof(T));
#elif FLAMBEAU_ISA_NUMBER == 2
  v = Join<F, T>::vectors(v, (V)_mm256_permute4x64_epi64((__m256i)v, 0x4e));
  v = Join<F, T>::vectors(v, (V)_mm256_shuffle_epi32((__m256i)v, 0x4e));
  if (sizeof(T) <= 4) v = Join<F, T>::vectors(v, (V)_mm256_shuffle_epi32((__m256i)v, 0xb1));
  memcpy(values, &v, sizeof values);
  return sizeof(T) >= 4 ? values[0] : foldLanes<F, T>(values, 4 / sizeof(T));
#else
  memcpy(values, &v, sizeof values);
  return foldLanes<F, T>(values, lanes);
#endif
}

/** What joins without effect. */
template <Fold F, class T> inline T neutral() {
  if (F == Fold::Add) return 0;
  if (F == Fold::Mul) return 1;
  const bool isFloating = T(0.5) != T(0);
  if (isFloating) return static_cast<T>(F == Fold::Max ? -__builtin_inf() : __builtin_inf());
  const bool isSigned = T(-1) < T(0);
  const uint64_t high = isSigned ? (uint64_t{1} << (8 * sizeof(T) - 1)) - 1 : ~uint64_t{0};
  return static_cast<T>(F == Fold::Max ? (isSigned ? ~high : 0) : high);
}

/** The first `count` of neighbours, fewer than a vector has, and neutral lanes after them. */
template <Fold F, class T> inline typename Vector<T>::Type loadSome(const T* from, int64_t count) {
  typedef typename Vector<T>::Type V;
  constexpr int lanes = Vector<T>::lanes;
  V all;
  for (int i = 0; i < lanes; i++) all[i] = neutral<F, T>();
#if FLAMBEAU_ISA_NUMBER == 3
  const uint64_t mask = (uint64_t{1} << count) - 1;
  if (sizeof(T) == 4) return (V)_mm512_mask_loadu_epi32((__m512i)all, static_cast<__mmask16>(mask), from);
  if (sizeof(T) == 8) return (V)_mm512_mask_loadu_epi64((__m512i)all, static_cast<__mmask8>(mask), from);
  return (V)_mm512_mask_loadu_epi8((__m512i)all, mask, from);
#else
#if FLAMBEAU_ISA_NUMBER == 2
  // Lanes of 4 bytes, of which an element of 8 has two.
  if (sizeof(T) >= 4) {
    const __m256i words = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i present = _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count * (sizeof(T) / 4))), words);
    const __m256i some = _mm256_maskload_epi32(reinterpret_cast<const int*>(from), present);
    return (V)_mm256_blendv_epi8((__m256i)all, some, present);
  }
#endif
  memcpy(&all, from, count * sizeof(T));
  return all;
#endif
}

/** Joins lanes fast; of floats it may lose NaN and the sign of zeros, which `Plain::isRight` finds out. */
template <Fold F, class T> struct Plain {
  typedef typename Vector<T>::Type V;
  struct Seen {};
  static V join(V a, V b, Seen&) { return Join<F, T>::vectors(a, b); }
  static void look(V, Seen&) {}
  static bool isRight(const Seen&, T) { return true; }
};
template <Fold F, class T, class I> struct PlainFloats {
  typedef typename Vector<T>::Type V;
  typedef typename Vector<I>::Type W;
  struct Seen {
    W bits = W{};
  };
  static void look(V v, Seen& seen) { seen.bits |= v != v; }
  static V join(V a, V b, Seen& seen) {
    look(b, seen);
#if FLAMBEAU_ISA_NUMBER == 3
    constexpr bool isMax = F == Fold::Max;
    if (sizeof(T) == 4) return (V)(isMax ? _mm512_max_ps((__m512)a, (__m512)b) : _mm512_min_ps((__m512)a, (__m512)b));
    return (V)(isMax ? _mm512_max_pd((__m512d)a, (__m512d)b) : _mm512_min_pd((__m512d)a, (__m512d)b));
#else
    return F == Fold::Max ? (a > b ? a : b) : (a < b ? a : b);
#endif
  }
  static bool isRight(const Seen& seen, T result) {
#if FLAMBEAU_ISA_NUMBER == 3
    const bool isNaN = _mm512_test_epi32_mask((__m512i)seen.bits, (__m512i)seen.bits) != 0;
#elif FLAMBEAU_ISA_NUMBER == 2
    const bool isNaN = _mm256_movemask_epi8((__m256i)seen.bits) != 0;
#else
    I any = 0;
    for (int i = 0; i < Vector<I>::lanes; i++) any |= seen.bits[i];
    const bool isNaN = any != 0;
#endif
    return !isNaN && result != 0;
  }
};
template <> struct Plain<Fold::Max, float> : PlainFloats<Fold::Max, float, int32_t> {};
template <> struct Plain<Fold::Min, float> : PlainFloats<Fold::Min, float, int32_t> {};
template <> struct Plain<Fold::Max, double> : PlainFloats<Fold::Max, double, int64_t> {};
template <> struct Plain<Fold::Min, double> : PlainFloats<Fold::Min, double, int64_t> {};

/** Four chains of vectors that meet at the end; lanes meet in halves. */
template <Fold F, class T> inline T foldRow(const T* row, int64_t columns) {
  constexpr int lanes = Vector<T>::lanes;
  typedef typename Vector<T>::Type V;
  typedef Plain<F, T> P;
  typename P::Seen seen;
  V a;
  int64_t at = lanes;
  if (columns < lanes) {
    a = loadSome<F, T>(row, columns);
    P::look(a, seen);
  } else {
    a = loadVector(row);
    P::look(a, seen);
    if (columns >= 4 * lanes) {
      V b = loadVector(row + lanes), c = loadVector(row + 2 * lanes), d = loadVector(row + 3 * lanes);
      P::look(b, seen);
      P::look(c, seen);
      P::look(d, seen);
      for (at = 4 * lanes; at + 4 * lanes <= columns; at += 4 * lanes) {
        a = P::join(a, loadVector(row + at), seen);
        b = P::join(b, loadVector(row + at + lanes), seen);
        c = P::join(c, loadVector(row + at + 2 * lanes), seen);
        d = P::join(d, loadVector(row + at + 3 * lanes), seen);
      }
      a = P::join(P::join(a, b, seen), P::join(c, d, seen), seen);
    }
    for (; at + lanes <= columns; at += lanes) a = P::join(a, loadVector(row + at), seen);
    if (at < columns) a = P::join(a, loadSome<F, T>(row + at, columns - at), seen);
  }
  const T result = foldVector<F, T>(a);
  if (P::isRight(seen, result)) return result;
  T exact = row[0];
  for (int64_t i = 1; i < columns; i++) exact = joined<F>(exact, row[i]);
  return exact;
}

template <Fold F, class T> void foldRows(void* out, const void* values, int64_t rows, int64_t columns) {
  const T* row = static_cast<const T*>(values);
  T* results = static_cast<T*>(out);
  for (int64_t i = 0; i < rows; i++, row += columns) results[i] = foldRow<F, T>(row, columns);
}

/** Σ (x - centre)², each square rounded, in chains as foldRow has them. */
template <class T> inline T squaresOfRow(const T* row, T centre, int64_t columns) {
  constexpr int lanes = Vector<T>::lanes;
  typedef typename Vector<T>::Type V;
  const auto square = [&](int64_t at) {
    const V distance = loadVector(row + at) - centre;
    return distance * distance;
  };
  V a = {}, b = {}, c = {}, d = {};
  int64_t at = 0;
  for (; at + 4 * lanes <= columns; at += 4 * lanes) {
    a += square(at);
    b += square(at + lanes);
    c += square(at + 2 * lanes);
    d += square(at + 3 * lanes);
  }
  for (; at + lanes <= columns; at += lanes) a += square(at);
  T result = foldVector<Fold::Add, T>((a + b) + (c + d)), rest = 0;
  for (; at < columns; at++) rest += (row[at] - centre) * (row[at] - centre);
  return result + rest;
}

template <class T>
void squareRows(void* out, const void* values, const void* centres, int64_t rows, int64_t columns) {
  const T *row = static_cast<const T*>(values), *middle = static_cast<const T*>(centres);
  T* results = static_cast<T*>(out);
  for (int64_t i = 0; i < rows; i++, row += columns) results[i] = squaresOfRow<T>(row, middle[i], columns);
}

template <Fold F, class T> void scanRows(void* out, void* state, const void* values, int64_t steps, int64_t lanes) {
  const T* row = static_cast<const T*>(values);
  T *results = static_cast<T*>(out), *states = static_cast<T*>(state);
  if (lanes == 1) {
    T running = *states;
    for (int64_t i = 0; i < steps; i++) results[i] = running = joined<F>(running, row[i]);
    *states = running;
    return;
  }
  constexpr int width = Vector<T>::lanes;
  typedef typename Vector<T>::Unaligned U;
  int64_t lane = 0;
  for (; lane + width <= lanes; lane += width) {
    typename Vector<T>::Type running = loadVector(states + lane);
    for (int64_t i = 0; i < steps; i++) {
      running = Join<F, T>::vectors(running, loadVector(row + i * lanes + lane));
      *reinterpret_cast<U*>(results + i * lanes + lane) = running;
    }
    *reinterpret_cast<U*>(states + lane) = running;
  }
  for (; lane < lanes; lane++) {
    T running = states[lane];
    for (int64_t i = 0; i < steps; i++) results[i * lanes + lane] = running = joined<F>(running, row[i * lanes + lane]);
    states[lane] = running;
  }
}
