// Reading a factor of a matrix product: packing into panels from any strides, tables of offsets and types.
#pragma once
#include "matrix.h"
#include "micro.h"

namespace flambeau {

template <class T> struct TypeOf;
template <> struct TypeOf<float> { static constexpr WordType value = WordType::Float32; };
template <> struct TypeOf<double> { static constexpr WordType value = WordType::Float64; };
template <> struct TypeOf<int32_t> { static constexpr WordType value = WordType::Int32; };
template <> struct TypeOf<int64_t> { static constexpr WordType value = WordType::Int64; };

/** to[i * ldTo + p] = the factor's element (outer + i, k + p), converted to T; `base` is its element 0, 0. */
template <class T>
void readFactor(const Factor& factor, const char* base, int64_t outer, int64_t count, int64_t k, int64_t kCount,
                T* to, int64_t ldTo);

/** Packs panels of up to `height` outer neighbours, each kCount × its own height (of a: `isPadded` false) or
 * each kCount × height (of b). Only float and double. */
template <class T>
void packFactor(const Factor& factor, const char* base, int64_t outer, int64_t count, int64_t k, int64_t kCount,
                int64_t height, bool isPadded, T* to);

}  // namespace flambeau
