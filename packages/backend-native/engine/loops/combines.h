// Stores that meet what is there, element by element and in order. Included by moves.isa.cpp only, inside
// its anonymous namespace.

template <class T> inline T product(T a, T b) { return static_cast<T>(a * b); }
// As int, it could overflow.
inline uint16_t product(uint16_t a, uint16_t b) { return static_cast<uint16_t>(uint32_t{a} * b); }

/** What is left where `before` was. `T`: the memory's type, unsigned where sums may wrap. */
template <Combine C, class T> inline T met(T before, T value) {
  if (C == Combine::Add) return static_cast<T>(before + value);
  if (C == Combine::Mul) return product(before, value);
  const bool wins = C == Combine::Max ? value > before : value < before;
  return wins || value != value ? value : before;
}

template <Combine C, class T> void combineRun(char* to, int64_t stride, const char* values, int64_t count) {
  typedef T Any __attribute__((aligned(1), may_alias));
  const Any* from = reinterpret_cast<const Any*>(values);
  if (stride == sizeof(T)) {
    Any* at = reinterpret_cast<Any*>(to);
    constexpr int64_t kTogether = 64 / sizeof(T);
    int64_t i = 0;
    for (; i + kTogether <= count; i += kTogether) {
      T block[kTogether];
      for (int j = 0; j < kTogether; j++) block[j] = met<C>(T(at[i + j]), T(from[i + j]));
      memcpy(at + i, block, sizeof block);
    }
    for (; i < count; i++) at[i] = met<C>(T(at[i]), T(from[i]));
    return;
  }
  for (int64_t i = 0; i < count; i++) {
    Any* at = reinterpret_cast<Any*>(to + i * stride);
    *at = met<C>(T(*at), T(from[i]));
  }
}

template <Combine C, class T>
void combineOffsets(char* to, const int64_t* offsets, const char* values, int64_t count) {
  typedef T Any __attribute__((aligned(1), may_alias));
  const Any* from = reinterpret_cast<const Any*>(values);
  for (int64_t i = 0; i < count; i++) {
    if (offsets[i] == kMissing) continue;
    Any* at = reinterpret_cast<Any*>(to + offsets[i]);
    *at = met<C>(T(*at), T(from[i]));
  }
}
