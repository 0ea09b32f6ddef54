// Routines against the plainest code for the same: stable sorts and loops, on every element type, with ties,
// NaNs and zeros of both signs, for one thread and several. Attention: attention.test.cpp.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "../routines/routines.h"
#include "../runtime/threads.h"

using namespace flambeau;

namespace {

int passed = 0, failed = 0;

void check(bool isRight, const char* what, long a = 0, long b = 0, long c = 0) {
  if (isRight) passed++;
  else if (failed++ < 40) std::printf("%s is wrong: %ld %ld %ld\n", what, a, b, c);
}

std::mt19937_64 generator(20240601);
int64_t below(int64_t limit) { return static_cast<int64_t>(generator() % static_cast<uint64_t>(limit)); }

template <class T> constexpr WordType typeOf();
template <> constexpr WordType typeOf<uint8_t>() { return WordType::Uint8; }
template <> constexpr WordType typeOf<int8_t>() { return WordType::Int8; }
template <> constexpr WordType typeOf<int16_t>() { return WordType::Int16; }
template <> constexpr WordType typeOf<uint16_t>() { return WordType::Uint16; }
template <> constexpr WordType typeOf<int32_t>() { return WordType::Int32; }
template <> constexpr WordType typeOf<int64_t>() { return WordType::Int64; }
template <> constexpr WordType typeOf<float>() { return WordType::Float32; }
template <> constexpr WordType typeOf<double>() { return WordType::Float64; }

/** Few different values for many ties, or all sizes; floats with zeros, infinities and NaNs among them. */
template <class T> std::vector<T> values(int64_t count, bool isTied) {
  std::vector<T> result(static_cast<size_t>(count));
  for (T& x : result) {
    const uint64_t bits = generator();
    if constexpr (std::numeric_limits<T>::is_integer) {
      x = isTied ? static_cast<T>(bits % 5) : static_cast<T>(bits >> (bits & 31));
    } else {
      const T special[] = {T(0), T(-0.0), T(INFINITY), T(-INFINITY), std::numeric_limits<T>::quiet_NaN(), T(1)};
      x = bits % 7 == 0 ? special[bits / 7 % 6] : isTied ? T(bits % 5) - 2 : T(static_cast<int64_t>(bits)) / T(1e15);
    }
  }
  return result;
}

/** Equal as bits are: of NaNs and zeros too. */
template <class T> bool same(const T* a, const T* b, int64_t count) {
  return count == 0 || std::memcmp(a, b, static_cast<size_t>(count) * sizeof(T)) == 0;
}

/** Negative where x stands before y; NaN is greatest. */
template <class T> int compare(T x, T y) {
  return x < y ? -1 : x > y ? 1 : static_cast<int>(x != x) - static_cast<int>(y != y);
}

template <class T> std::vector<int32_t> orderOf(const T* row, int64_t length, bool isDescending) {
  std::vector<int32_t> order(static_cast<size_t>(length));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return (isDescending ? compare(row[b], row[a]) : compare(row[a], row[b])) < 0;
  });
  return order;
}

void run(const std::unique_ptr<Kernel>& kernel, const std::vector<const void*>& inputs,
         const std::vector<void*>& outputs) {
  std::vector<char*> from, to;
  for (const void* input : inputs) from.push_back(static_cast<char*>(const_cast<void*>(input)));
  for (void* output : outputs) to.push_back(static_cast<char*>(output));
  Call call;
  call.inputs = from.data();
  call.outputs = to.data();
  kernel->run(call);
}

template <class T> void testSort(int64_t rows, int64_t length, int64_t wanted, bool isDescending, bool isTied) {
  const std::vector<T> x = values<T>(rows * length, isTied);
  std::vector<T> sorted(static_cast<size_t>(rows * wanted + 1));
  std::vector<int32_t> indices(static_cast<size_t>(rows * wanted + 1), 77);
  RoutineSpec spec{"sort",
                   {{typeOf<T>(), {rows, length}}},
                   {{typeOf<T>(), {rows, wanted}}, {WordType::Int32, {rows, wanted}}},
                   {isDescending ? 1.0 : 0.0}};
  run(planSort(spec), {x.data()}, {sorted.data(), indices.data()});
  bool isRight = indices.back() == 77;
  for (int64_t row = 0; row < rows; row++) {
    const T* source = x.data() + row * length;
    const std::vector<int32_t> order = orderOf(source, length, isDescending);
    isRight = isRight && same(order.data(), &indices[static_cast<size_t>(row * wanted)], wanted);
    for (int64_t i = 0; i < wanted; i++) {
      isRight = isRight && same(source + order[size_t(i)], &sorted[size_t(row * wanted + i)], 1);
    }
  }
  check(isRight, "sort", byteSize(typeOf<T>()), length, wanted);
}

template <class T> void testSorts() {
  for (int64_t length : {0, 1, 2, 3, 17, 40, 159, 160, 161, 700, 2500, 9000}) {
    for (int64_t rows : {1, 3}) {
      for (int64_t wanted : {length, length / 2, length / 6, std::min<int64_t>(length, 1), int64_t(0)}) {
        testSort<T>(rows, length, wanted, wanted % 2 == 0, rows == 1);
        testSort<T>(rows, length, wanted, wanted % 2 == 1, rows == 3);
      }
    }
  }
  for (int threads : {1, 2, 5}) {
    setThreadCount(threads);
    for (int64_t wanted : {140001, 20000, 1000, 3}) testSort<T>(1, 140001, wanted, wanted == 1000, wanted == 3);
    testSort<T>(40, 300, 20, true, false);
  }
}

template <class T> void testStatistics(int64_t rows, int64_t length, bool isTied) {
  const std::vector<T> x = values<T>(rows * length, isTied);
  for (const char* name : {"kth", "median", "nanmedian", "mode"}) {
    const std::string statistic = name;
    const int64_t rank = below(length);
    std::vector<T> chosen(static_cast<size_t>(rows));
    std::vector<int32_t> indices(static_cast<size_t>(rows));
    RoutineSpec spec{name,
                     {{typeOf<T>(), {rows, length}}},
                     {{typeOf<T>(), {rows, 1}}, {WordType::Int32, {rows, 1}}},
                     {statistic == "kth" ? static_cast<double>(rank) : 0.0}};
    run(planStatistic(spec), {x.data()}, {chosen.data(), indices.data()});
    for (int64_t row = 0; row < rows; row++) {
      const T* source = x.data() + row * length;
      const std::vector<int32_t> order = orderOf(source, length, false);
      const int64_t ordinary = std::count_if(source, source + length, [](T v) { return v == v; });
      int64_t at = rank;
      if (statistic == "median") at = ordinary < length ? ordinary : (length - 1) / 2;
      if (statistic == "nanmedian") at = ordinary == 0 ? 0 : (ordinary - 1) / 2;
      if (statistic == "mode") {
        int64_t longest = 0;
        for (int64_t i = 0, from = 0; i < length; i++) {
          if (i > 0 && source[order[size_t(i)]] != source[order[size_t(i - 1)]]) from = i;
          const bool isLast = i + 1 == length || source[order[size_t(i)]] != source[order[size_t(i + 1)]];
          if (isLast && i - from + 1 > longest) longest = i - from + 1, at = i;
        }
      }
      const int32_t place = order[static_cast<size_t>(at)];
      const bool isRight = indices[size_t(row)] == place && same(source + place, &chosen[size_t(row)], 1);
      check(isRight, name, length, place, indices[size_t(row)]);
    }
  }
}

template <class T> void testSearch(int64_t sequences, int64_t length, int64_t width, bool hasSorter, bool isRight) {
  std::vector<T> sequence = values<T>(sequences * length, width % 2 == 0);
  std::vector<int32_t> sorter;
  for (int64_t row = 0; row < sequences; row++) {
    T* start = sequence.data() + row * length;
    const std::vector<int32_t> order = orderOf(start, length, false);
    if (hasSorter) sorter.insert(sorter.end(), order.begin(), order.end());
    else std::stable_sort(start, start + length, [](T a, T b) { return compare(a, b) < 0; });
  }
  const std::vector<T> wanted = values<T>(sequences * width, true);
  std::vector<int32_t> places(wanted.size());
  const bool isShared = sequences == 1;
  const std::vector<int64_t> shape = isShared ? std::vector<int64_t>{length} : std::vector<int64_t>{sequences, length};
  RoutineSpec spec{"searchsorted",
                   {{typeOf<T>(), shape}, {typeOf<T>(), {sequences, width}}},
                   {{WordType::Int32, {sequences, width}}},
                   {isRight ? 1.0 : 0.0}};
  if (hasSorter) spec.inputs.push_back({WordType::Int32, shape});
  run(planSearch(spec), {sequence.data(), wanted.data(), sorter.data()}, {places.data()});
  for (size_t i = 0; i < wanted.size(); i++) {
    const int64_t start = static_cast<int64_t>(i) / width * length;
    int64_t place = 0;
    // The elements behind, by C's comparison, are an end of the sequence.
    for (int64_t k = 0; k < length; k++) {
      const T element = sequence[size_t(start + (hasSorter ? sorter[size_t(start + k)] : k))];
      const bool isBehind = isRight ? element > wanted[i] : element >= wanted[i];
      if (!isBehind) place = k + 1;
    }
    // NaNs at the end hide what is behind from a loop, and partly from a search by halves.
    const auto isNaN = [](T v) { return v != v; };
    const bool hasNaN = isNaN(wanted[i]) || std::any_of(sequence.begin(), sequence.end(), isNaN);
    if (!hasNaN) check(places[i] == place, "search", length, place, places[i]);
    else check(places[i] >= 0 && places[i] <= length, "search beside NaN", length, places[i]);
  }
}

template <class T> void testNonzero(std::vector<int64_t> shape, int64_t size) {
  int64_t elements = 1;
  for (int64_t length : shape) elements *= length;
  const std::vector<T> x = values<T>(elements, true);
  const int64_t axes = static_cast<int64_t>(shape.size());
  std::vector<int32_t> out(static_cast<size_t>(size * axes)), expected(out.size(), -3);
  RoutineSpec spec{"nonzero", {{typeOf<T>(), shape}}, {{WordType::Int32, {size, axes}}}, {-3}};
  run(planNonzero(spec), {x.data()}, {out.data()});
  int64_t found = 0;
  for (int64_t i = 0; i < elements && found < size; i++) {
    if (x[size_t(i)] == 0) continue;
    for (int64_t axis = axes - 1, rest = i; axis >= 0; rest /= shape[size_t(axis)], axis--) {
      expected[size_t(found * axes + axis)] = static_cast<int32_t>(rest % shape[size_t(axis)]);
    }
    found++;
  }
  check(out == expected, "nonzero", elements, size);
}

template <class T> void testUnique(int64_t rows, int64_t width, int64_t size, bool isConsecutive) {
  const std::vector<T> x = values<T>(rows * width, true);
  std::vector<T> out(static_cast<size_t>(size * width) + 1, T(9)), expected(static_cast<size_t>(size * width), T(0));
  std::vector<int32_t> inverse(size_t(rows) + 1), expectedInverse(size_t(rows) + 1);
  std::vector<int64_t> counts(size_t(size) + 1), expectedCounts(size_t(size) + 1);
  int32_t count = -1, group = -1;
  RoutineSpec spec{"unique",
                   {{typeOf<T>(), {rows, width}}},
                   {{typeOf<T>(), {size, width}},
                    {WordType::Int32, {rows}},
                    {WordType::Int64, {size}},
                    {WordType::Int32, {}}},
                   {isConsecutive ? 1.0 : 0.0}};
  run(planUnique(spec), {x.data()}, {out.data(), inverse.data(), counts.data(), &count});
  std::vector<int32_t> order(static_cast<size_t>(rows));
  std::iota(order.begin(), order.end(), 0);
  const auto row = [&](int32_t i) { return x.data() + i * width; };
  if (!isConsecutive) {
    std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
      for (int64_t i = 0; i < width; i++) {
        if (const int sign = compare(row(a)[i], row(b)[i])) return sign < 0;
      }
      return false;
    });
  }
  for (size_t i = 0; i < order.size(); i++) {
    if (i == 0 || !std::equal(row(order[i]), row(order[i]) + width, row(order[i - 1]))) {
      group++;
      if (group < size) std::copy(row(order[i]), row(order[i]) + width, expected.begin() + group * width);
    }
    if (group < size) expectedCounts[size_t(group)]++;
    expectedInverse[size_t(order[i])] = group;
  }
  const bool isRight = count == group + 1 && inverse == expectedInverse && counts == expectedCounts;
  check(isRight && same(out.data(), expected.data(), size * width) && out.back() == T(9), "unique", rows, width, size);
}

template <class T> void testHistogram(int64_t count, int64_t bins, bool hasEdges, bool isUniform, bool hasWeights) {
  const std::vector<T> x = values<T>(count, false), weights = values<T>(count, true);
  std::vector<T> edges(static_cast<size_t>(bins) + 1), counts(static_cast<size_t>(bins)), written(edges.size());
  const double low = -3.5, high = 7.25, step = (high - low) / static_cast<double>(bins);
  for (int64_t i = 0; i <= bins; i++) {
    const double edge = 2 * i < bins + 1 ? low + step * double(i) : high - step * double(bins - i);
    edges[size_t(i)] = static_cast<T>(hasEdges ? edge * std::fabs(edge) : edge);
  }
  RoutineSpec spec{"histogram", {{typeOf<T>(), {count}}}, {{typeOf<T>(), {bins}}, {typeOf<T>(), {bins + 1}}},
                   {low, high, hasEdges ? 1.0 : 0.0, isUniform ? 1.0 : 0.0}};
  std::vector<const void*> inputs{x.data()};
  if (hasEdges) spec.inputs.push_back({typeOf<T>(), {bins + 1}}), inputs.push_back(edges.data());
  if (hasWeights) spec.inputs.push_back({typeOf<T>(), {count}}), inputs.push_back(weights.data());
  run(planHistogram(spec), inputs, {counts.data(), written.data()});
  std::vector<double> sums(static_cast<size_t>(bins));
  const double first = edges[0], last = edges.back();
  for (size_t i = 0; i < x.size(); i++) {
    if (!(x[i] >= first && x[i] <= last)) continue;
    int64_t bin = static_cast<int64_t>((x[i] - first) * double(bins) / (last - first));
    if (!isUniform) bin = std::upper_bound(edges.begin(), edges.end(), x[i]) - edges.begin() - 1;
    sums[size_t(std::min(bin, bins - 1))] += hasWeights ? static_cast<double>(weights[i]) : 1;
  }
  bool isRight = same(edges.data(), written.data(), bins + 1);
  for (size_t i = 0; i < sums.size(); i++) {
    const T expected = static_cast<T>(sums[i]);
    isRight = isRight && (counts[i] == expected || (expected != expected && counts[i] != counts[i]));
  }
  check(isRight, "histogram", count, bins);
}

void testPermutation(int64_t count) {
  std::vector<int32_t> words = values<int32_t>(count, false);
  std::vector<int64_t> out(static_cast<size_t>(count));
  run(planPermutation({"randomPermutation", {{WordType::Int32, {count}}}, {{WordType::Int64, {count}}}, {}}),
      {words.data()}, {out.data()});
  const std::vector<int32_t> order = orderOf(words.data(), count, false);
  check(std::equal(out.begin(), out.end(), order.begin()), "permutation", count);
}

template <class T> void testType() {
  testSorts<T>();
  for (int64_t length : {1, 2, 5, 64, 333, 5000}) {
    for (bool isTied : {false, true}) testStatistics<T>(4, length, isTied);
  }
  for (int64_t sequences : {1, 3}) {
    for (int64_t length : {0, 1, 7, 100}) {
      for (int kind = 0; kind < 4; kind++) testSearch<T>(sequences, length, 5 + kind, kind & 1, kind & 2);
    }
  }
  for (int64_t size : {0, 3, 60, 100}) testNonzero<T>({4, 5, 3}, size), testNonzero<T>({}, size % 2);
  testNonzero<T>({70001, 3}, 200000);
  testNonzero<T>({0, 3}, 2);
  for (bool isConsecutive : {false, true}) {
    testUnique<T>(200, 1, 200, isConsecutive), testUnique<T>(90, 2, 10, isConsecutive);
    testUnique<T>(5, 0, 5, isConsecutive), testUnique<T>(0, 1, 3, isConsecutive);
    testUnique<T>(150000, 1, 150000, isConsecutive);
  }
}

}  // namespace

int main() {
  testType<uint8_t>();
  testType<int8_t>();
  testType<int16_t>();
  testType<uint16_t>();
  testType<int32_t>();
  testType<int64_t>();
  testType<float>();
  testType<double>();
  for (int64_t count : {0, 1, 500, 100000}) {
    for (int kind = 0; kind < 8; kind++) {
      const bool hasEdges = kind & 1, isUniform = (kind & 2) && !hasEdges;
      testHistogram<float>(count, 1 + kind * 5, hasEdges, isUniform, kind & 4);
      testHistogram<double>(count, 1 + kind * 5, hasEdges, isUniform, kind & 4);
    }
    testPermutation(count);
  }
  testPermutation(200000);
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
