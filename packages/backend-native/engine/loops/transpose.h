// Transposing tiles in registers. Included by moves.isa.cpp only, inside its anonymous namespace.
#if FLAMBEAU_ISA_NUMBER == 3

inline __m512i quarters(__m512i a, __m512i b, int low) {
  return low ? _mm512_shuffle_i64x2(a, b, 0x88) : _mm512_shuffle_i64x2(a, b, 0xdd);
}

constexpr int kTile4 = 16;
/** 16 × 16 words of 4 bytes: column j of the source (contiguous) becomes row … of the destination. */
inline void transposeTile4(char* to, int64_t toStride, const char* from, int64_t fromStride) {
  __m512i r[16], t[16];
  for (int i = 0; i < 16; i++) r[i] = _mm512_loadu_si512(from + i * fromStride);
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  for (int i = 0; i < 4; i++) {
    const __m512i a = quarters(r[i], r[i + 4], 1), b = quarters(r[i], r[i + 4], 0);
    const __m512i c = quarters(r[i + 8], r[i + 12], 1), d = quarters(r[i + 8], r[i + 12], 0);
    _mm512_storeu_si512(to + (i)*toStride, quarters(a, c, 1));
    _mm512_storeu_si512(to + (i + 8) * toStride, quarters(a, c, 0));
    _mm512_storeu_si512(to + (i + 4) * toStride, quarters(b, d, 1));
    _mm512_storeu_si512(to + (i + 12) * toStride, quarters(b, d, 0));
  }
}

constexpr int kTile8 = 8;
inline void transposeTile8(char* to, int64_t toStride, const char* from, int64_t fromStride) {
  __m512i r[8], t[8];
  for (int i = 0; i < 8; i++) r[i] = _mm512_loadu_si512(from + i * fromStride);
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm512_unpacklo_epi64(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi64(r[i], r[i + 1]);
  }
  for (int i = 0; i < 2; i++) {
    const __m512i a = quarters(t[i], t[i + 2], 1), b = quarters(t[i], t[i + 2], 0);
    const __m512i c = quarters(t[i + 4], t[i + 6], 1), d = quarters(t[i + 4], t[i + 6], 0);
    _mm512_storeu_si512(to + i * toStride, quarters(a, c, 1));
    _mm512_storeu_si512(to + (i + 4) * toStride, quarters(a, c, 0));
    _mm512_storeu_si512(to + (i + 2) * toStride, quarters(b, d, 1));
    _mm512_storeu_si512(to + (i + 6) * toStride, quarters(b, d, 0));
  }
}

#elif FLAMBEAU_ISA_NUMBER == 2

constexpr int kTile4 = 8;
inline void transposeTile4(char* to, int64_t toStride, const char* from, int64_t fromStride) {
  __m256 r[8], t[8];
  for (int i = 0; i < 8; i++) r[i] = _mm256_loadu_ps(reinterpret_cast<const float*>(from + i * fromStride));
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  }
  for (int i = 0; i < 8; i += 4) {
    r[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
    r[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
    r[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    r[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
  for (int i = 0; i < 4; i++) {
    _mm256_storeu_ps(reinterpret_cast<float*>(to + i * toStride), _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
    _mm256_storeu_ps(reinterpret_cast<float*>(to + (i + 4) * toStride), _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
  }
}

constexpr int kTile8 = 4;
inline void transposeTile8(char* to, int64_t toStride, const char* from, int64_t fromStride) {
  __m256d r[4], t[4];
  for (int i = 0; i < 4; i++) r[i] = _mm256_loadu_pd(reinterpret_cast<const double*>(from + i * fromStride));
  for (int i = 0; i < 4; i += 2) {
    t[i] = _mm256_unpacklo_pd(r[i], r[i + 1]);
    t[i + 1] = _mm256_unpackhi_pd(r[i], r[i + 1]);
  }
  for (int i = 0; i < 2; i++) {
    _mm256_storeu_pd(reinterpret_cast<double*>(to + i * toStride), _mm256_permute2f128_pd(t[i], t[i + 2], 0x20));
    _mm256_storeu_pd(reinterpret_cast<double*>(to + (i + 2) * toStride), _mm256_permute2f128_pd(t[i], t[i + 2], 0x31));
  }
}

#else

template <class T, int N>
inline void transposeSmall(char* to, int64_t toStride, const char* from, int64_t fromStride) {
  T words[N][N];
  for (int i = 0; i < N; i++) memcpy(words[i], from + i * fromStride, sizeof words[i]);
  for (int j = 0; j < N; j++) {
    T row[N];
    for (int i = 0; i < N; i++) row[i] = words[i][j];
    memcpy(to + j * toStride, row, sizeof row);
  }
}
constexpr int kTile4 = 4;
inline void transposeTile4(char* to, int64_t toStride, const char* from, int64_t fromStride) {
  transposeSmall<uint32_t, 4>(to, toStride, from, fromStride);
}
constexpr int kTile8 = 4;
inline void transposeTile8(char* to, int64_t toStride, const char* from, int64_t fromStride) {
  transposeSmall<uint64_t, 4>(to, toStride, from, fromStride);
}

#endif
