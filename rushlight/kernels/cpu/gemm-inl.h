// Micro-kernels and packers of gemm, compiled once for each SIMD target.

#if defined(RUSHLIGHT_KERNELS_CPU_GEMM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RUSHLIGHT_KERNELS_CPU_GEMM_INL_H_
#undef RUSHLIGHT_KERNELS_CPU_GEMM_INL_H_
#else
#define RUSHLIGHT_KERNELS_CPU_GEMM_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdlib>
#include <cstring>
#include <type_traits>
#include <utility>

#include "rushlight/kernels/cpu/gemm_kernels.h"

HWY_BEFORE_NAMESPACE();
namespace rushlight::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class T>
using Wide = hn::ScalableTag<T>;
template <class T>
using Vec = hn::Vec<Wide<T>>;

template <class T>
constexpr int lanes() {
  return static_cast<int>(HWY_MAX_BYTES / sizeof(T));
}

// A tile is kTileRows x 2 vectors: as many accumulators as the registers hold beside two vectors of b and one
// of a.
constexpr int kTileRows = HWY_MAX_BYTES == 64 ? 14 : 6;
constexpr int kTileVectors = 2;
// Of operands as they lie the rows need a register each for their addresses, of which there are sixteen.
constexpr int kStridedRows = HWY_MAX_BYTES == 64 ? 8 : kTileRows;

template <class T>
constexpr int tile_columns() {
  return kTileVectors * lanes<T>();
}

// ---- Storing a tile
// -------------------------------------------------------------------------------------------------

template <class T>
HWY_INLINE Vec<T> relu(Vec<T> x) {
  const Wide<T> d;
  return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Zero(d), x);  // keeps NaN
}

// May masked loads fault on what the mask leaves out? Highway answers for all widths; those of AVX2 for 32
// and 64 bits do not.
#undef RL_MASKED_LOADS_FAULT
#define RL_MASKED_LOADS_FAULT (HWY_MEM_OPS_MIGHT_FAULT && HWY_TARGET != HWY_AVX2)

// The first `count` lanes, 0 < count < lanes, from or to memory that may end behind them. Masked stores are
// slow before AVX-512 (and missing in SSE), a copy in binary pieces is not.
template <class T, int Piece = lanes<T>() / 2>
HWY_INLINE void copy_partial(T* HWY_RESTRICT to, const T* HWY_RESTRICT from, int count) {
  if constexpr (Piece > 0) {
    if (count & Piece) {
      std::memcpy(to, from, Piece * sizeof(T));
      to += Piece;
      from += Piece;
    }
    copy_partial<T, Piece / 2>(to, from, count);
  }
}
template <class T>
HWY_INLINE Vec<T> load_partial(const T* p, int count) {
  const Wide<T> d;
#if RL_MASKED_LOADS_FAULT
  HWY_ALIGN T lane[lanes<T>()] = {};
  copy_partial(lane, p, count);
  return hn::Load(d, lane);
#else
  return hn::MaskedLoad(hn::FirstN(d, static_cast<size_t>(count)), d, p);
#endif
}
template <class T>
HWY_INLINE void store_partial(Vec<T> x, T* p, int count) {
  const Wide<T> d;
#if HWY_MAX_BYTES == 64
  hn::BlendedStore(x, hn::FirstN(d, static_cast<size_t>(count)), d, p);
#else
  HWY_ALIGN T lane[lanes<T>()];
  hn::Store(x, d, lane);
  copy_partial(p, lane, count);
#endif
}

// What Output says of one vector, or of the first `count` lanes of it: x is the sum, p its place in c.
template <class T>
HWY_INLINE Vec<T> finish(Vec<T> x, const Output<T>& out, const T* p, int count, int64_t i, int64_t j) {
  const Wide<T> d;
  const auto load = [&](const T* from) HWY_ATTR {
    return count == lanes<T>() ? hn::LoadU(d, from) : load_partial(from, count);
  };
  x = hn::Mul(x, hn::Set(d, out.alpha));
  if (out.beta != T(0)) x = hn::MulAdd(hn::Set(d, out.beta), load(p), x);
  if (out.row_bias) x = hn::Add(x, hn::Set(d, out.row_bias[i]));
  if (out.col_bias) x = hn::Add(x, load(out.col_bias + j));
  return out.relu ? relu<T>(x) : x;
}

// The general road for the rows of a tile, laid out in `values`: any strides, any width. Not inlined: it
// would be most of every kernel.
template <class T>
HWY_NOINLINE void store_values(int rows, int columns, const T* values, int pitch, const Output<T>& to,
                               int64_t i, int64_t j) {
  constexpr int N = lanes<T>();
  const Wide<T> d;
  const Output<T> out = to;  // nothing that is stored changes it
  for (int r = 0; r < rows; ++r, ++i, values += pitch) {
    T* c = out.c + i * out.row_stride + j * out.col_stride;
    for (int s = 0; s < columns; s += N) {
      const int count = columns - s < N ? columns - s : N;
      const auto x = hn::Load(d, values + s);
      if (out.col_stride != 1) {
        HWY_ALIGN T lane[N] = {};
        for (int l = 0; l < count; ++l) lane[l] = c[(s + l) * out.col_stride];
        hn::Store(finish(x, out, lane, count, i, j + s), d, lane);
        for (int l = 0; l < count; ++l) c[(s + l) * out.col_stride] = lane[l];
      } else if (count == N) {
        hn::StoreU(finish(x, out, c + s, N, i, j + s), d, c + s);
      } else {
        store_partial(finish(x, out, c + s, count, i, j + s), c + s, count);
      }
    }
  }
}

// A tile in registers goes to rows i.. and columns j.. of the output. What Output asks for is done in the
// registers, for all vectors at once: a tile of a small product is not much work.
template <class T, int R, int V>
HWY_INLINE void store_tile(Vec<T> (&acc)[R][V], int columns, const Output<T>& out, int64_t i, int64_t j) {
  const Wide<T> d;
  constexpr int N = lanes<T>();
  const auto each = [&](const auto& f) HWY_ATTR {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) acc[r][v] = f(acc[r][v], r, v * N);
    }
  };
  if (HWY_UNLIKELY(out.col_stride != 1 || columns != V * N)) {
    HWY_ALIGN T values[R * V * N];
    each([&](Vec<T> x, int r, int s) HWY_ATTR {
      hn::Store(x, d, values + r * V * N + s);
      return x;
    });
    return store_values<T>(R, columns, values, V * N, out, i, j);
  }
  const int64_t stride = out.row_stride;
  T* c = out.c + i * stride + j;
  if (out.alpha != T(1)) {
    const auto alpha = hn::Set(d, out.alpha);
    each([&](Vec<T> x, int, int) HWY_ATTR { return hn::Mul(x, alpha); });
  }
  if (out.beta != T(0)) {
    const auto beta = hn::Set(d, out.beta);
    each([&](Vec<T> x, int r, int s)
             HWY_ATTR { return hn::MulAdd(beta, hn::LoadU(d, c + r * stride + s), x); });
  }
  if (out.row_bias)
    each([&](Vec<T> x, int r, int) HWY_ATTR { return hn::Add(x, hn::Set(d, out.row_bias[i + r])); });
  if (out.col_bias)
    each([&](Vec<T> x, int, int s) HWY_ATTR { return hn::Add(x, hn::LoadU(d, out.col_bias + j + s)); });
  if (out.relu) each([&](Vec<T> x, int, int) HWY_ATTR { return relu<T>(x); });
  each([&](Vec<T> x, int r, int s) HWY_ATTR {
    hn::StoreU(x, d, c + r * stride + s);
    return x;
  });
}

// ---- Micro-kernels
// --------------------------------------------------------------------------------------------------

// One tile of packed operands: a[kk * R + r], b[kk * b_stride + j]. `columns` are stored.
template <class T, int R, int V>
void packed_tile(int64_t k, const T* HWY_RESTRICT a, const T* HWY_RESTRICT b, int columns,
                 const Output<T>& out, int64_t i, int64_t j) {
  const Wide<T> d;
  constexpr int N = lanes<T>();
  Vec<T> acc[R][V];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) acc[r][v] = hn::Zero(d);
  }
  if (out.col_stride == 1) {
    for (int r = 0; r < R; ++r) __builtin_prefetch(out.c + (i + r) * out.row_stride + j, 1);
  }
#pragma GCC unroll 4
  for (int64_t kk = 0; kk < k; ++kk) {
    Vec<T> bv[V];
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) bv[v] = hn::LoadU(d, b + v * N);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const auto av = hn::Set(d, a[r]);
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) acc[r][v] = hn::MulAdd(av, bv[v], acc[r][v]);
    }
    a += R;
    b += tile_columns<T>();
  }
  store_tile<T, R, V>(acc, columns, out, i, j);
}

// How a tile reads a row of b: whole vectors, the last one under a mask, or whole ones that it also leaves in
// a panel, for the tiles below.
enum class Right : uint8_t { Whole, Masked, Pack };

// One tile of operands as they lie, b with unit column stride. Like that, a costs no more to read than
// packed: its rows lie in the caches, and each has its address in a register.
template <class T, int R, int V, Right kRight>
void strided_tile(int64_t k, const T* HWY_RESTRICT a, int64_t a_row_stride, int64_t a_col_stride,
                  const T* HWY_RESTRICT b, int64_t b_row_stride, T* HWY_RESTRICT panel, int columns,
                  const Output<T>& out, int64_t i, int64_t j) {
  const Wide<T> d;
  constexpr int N = lanes<T>();
  const auto mask = hn::FirstN(d, static_cast<size_t>(columns - (V - 1) * N));
  Vec<T> acc[R][V];
  const T* row[R];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    row[r] = a + r * a_row_stride;
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) acc[r][v] = hn::Zero(d);
  }
  if (out.col_stride == 1) {
    for (int r = 0; r < R; ++r) __builtin_prefetch(out.c + (i + r) * out.row_stride + j, 1);
  }
  int64_t at = 0;
#pragma GCC unroll 4
  for (int64_t kk = 0; kk < k; ++kk, at += a_col_stride, b += b_row_stride) {
    Vec<T> bv[V];
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v)
      bv[v] = kRight == Right::Masked && v == V - 1 ? hn::MaskedLoad(mask, d, b + v * N)
                                                    : hn::LoadU(d, b + v * N);
    if constexpr (kRight == Right::Pack) {
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) hn::Store(bv[v], d, panel + v * N);
      panel += tile_columns<T>();
      __builtin_prefetch(b + 2 * tile_columns<T>() - 1, 0, 2);  // the next columns of this row
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const auto av = hn::Set(d, row[r][at]);
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) acc[r][v] = hn::MulAdd(av, bv[v], acc[r][v]);
    }
  }
  store_tile<T, R, V>(acc, columns, out, i, j);
}

template <class T>
using PackedTile = void (*)(int64_t, const T*, const T*, int, const Output<T>&, int64_t, int64_t);
template <class T>
using StridedTile = void (*)(int64_t, const T*, int64_t, int64_t, const T*, int64_t, T*, int,
                             const Output<T>&, int64_t, int64_t);

// Tables of the kernels by height (and vectors, and mask).
template <class T, int... R>
PackedTile<T> find_packed_tile(int rows, int vectors, std::integer_sequence<int, R...>) {
  static constexpr PackedTile<T> kOne[] = {packed_tile<T, R + 1, 1>...};
  static constexpr PackedTile<T> kTwo[] = {packed_tile<T, R + 1, 2>...};
  return (vectors == 1 ? kOne : kTwo)[rows - 1];
}
template <class T, int... R>
StridedTile<T> find_strided_tile(int rows, int vectors, Right right, std::integer_sequence<int, R...>) {
  static constexpr StridedTile<T> kTable[][sizeof...(R)] = {{strided_tile<T, R + 1, 1, Right::Whole>...},
                                                            {strided_tile<T, R + 1, 2, Right::Whole>...},
                                                            {strided_tile<T, R + 1, 1, Right::Masked>...},
                                                            {strided_tile<T, R + 1, 2, Right::Masked>...}};
  return kTable[2 * static_cast<int>(right) + vectors - 1][rows - 1];
}
template <class T, int... R>
StridedTile<T> find_packing_tile(int rows, std::integer_sequence<int, R...>) {
  static constexpr StridedTile<T> kTable[] = {strided_tile<T, R + 1, 2, Right::Pack>...};
  return kTable[rows - 1];
}

// ---- Products
// -------------------------------------------------------------------------------------------------------

template <class T>
void block(const Panels& panels, int64_t begin, int64_t end, int64_t n, int64_t k, const T* a, const T* b,
           const Output<T>& out) {
  constexpr int64_t kColumns = tile_columns<T>(), kLine = 64 / sizeof(T);
  const int64_t top = panels.start(begin);
  for (int64_t j = 0; j < n; j += kColumns) {
    const int columns = static_cast<int>(n - j < kColumns ? n - j : kColumns);
    const int vectors = columns > lanes<T>() ? 2 : 1;
    // The next panel of b comes near while this one is at work: each tile asks for its share.
    const bool more = n - j > kColumns;
    const T* next = b + (j + kColumns) * k;
    const int64_t share = (kColumns * k + end - begin - 1) / (end - begin);
    int64_t i = 0;
    for (int64_t p = begin; p < end; ++p) {
      if (more) {
        for (int64_t q = 0; q < share; q += kLine) __builtin_prefetch(next + (p - begin) * share + q);
      }
      const int rows = static_cast<int>(panels.height(p));
      find_packed_tile<T>(rows, vectors, std::make_integer_sequence<int, kTileRows>())(
          k, a + i * k, b + j * k, columns, out, top + i, j);
      i += rows;
    }
  }
}

// ---- Packing
// --------------------------------------------------------------------------------------------------------

// Transposes a square of 16-byte vectors: dst[kk * dst_stride + w] = src[w * src_stride + kk].
#if HWY_TARGET == HWY_SCALAR
template <class T>
HWY_INLINE void transpose_square(const T* src, int64_t src_stride, T* dst, int64_t dst_stride) {
  constexpr int64_t kSide = 16 / sizeof(T);
  for (int64_t w = 0; w < kSide; ++w) {
    for (int64_t kk = 0; kk < kSide; ++kk) dst[kk * dst_stride + w] = src[w * src_stride + kk];
  }
}
template <class T>
HWY_INLINE void transpose_pair(const T* src, int64_t src_stride, T* dst, int64_t dst_stride) {
  for (int64_t kk = 0; kk < static_cast<int64_t>(16 / sizeof(T)); ++kk) {
    dst[kk * dst_stride] = src[kk];
    dst[kk * dst_stride + 1] = src[src_stride + kk];
  }
}
#else
HWY_INLINE void transpose_square(const float* HWY_RESTRICT src, int64_t src_stride, float* HWY_RESTRICT dst,
                                 int64_t dst_stride) {
  const hn::FixedTag<float, 4> d;
  const hn::FixedTag<double, 2> pairs;
  const auto r0 = hn::LoadU(d, src), r1 = hn::LoadU(d, src + src_stride);
  const auto r2 = hn::LoadU(d, src + 2 * src_stride), r3 = hn::LoadU(d, src + 3 * src_stride);
  const auto lo01 = hn::BitCast(pairs, hn::InterleaveLower(d, r0, r1)),
             lo23 = hn::BitCast(pairs, hn::InterleaveLower(d, r2, r3));
  const auto hi01 = hn::BitCast(pairs, hn::InterleaveUpper(d, r0, r1)),
             hi23 = hn::BitCast(pairs, hn::InterleaveUpper(d, r2, r3));
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, lo01, lo23)), d, dst);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, lo01, lo23)), d, dst + dst_stride);
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, hi01, hi23)), d, dst + 2 * dst_stride);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, hi01, hi23)), d, dst + 3 * dst_stride);
}
HWY_INLINE void transpose_square(const double* HWY_RESTRICT src, int64_t src_stride, double* HWY_RESTRICT dst,
                                 int64_t dst_stride) {
  const hn::FixedTag<double, 2> d;
  const auto r0 = hn::LoadU(d, src), r1 = hn::LoadU(d, src + src_stride);
  hn::StoreU(hn::InterleaveLower(d, r0, r1), d, dst);
  hn::StoreU(hn::InterleaveUpper(d, r0, r1), d, dst + dst_stride);
}

// The same for two rows alone.
HWY_INLINE void transpose_pair(const float* HWY_RESTRICT src, int64_t src_stride, float* HWY_RESTRICT dst,
                               int64_t dst_stride) {
  const hn::FixedTag<float, 4> d;
  const hn::Half<decltype(d)> half;
  const auto r0 = hn::LoadU(d, src), r1 = hn::LoadU(d, src + src_stride);
  const auto lower = hn::InterleaveLower(d, r0, r1), upper = hn::InterleaveUpper(d, r0, r1);
  hn::StoreU(hn::LowerHalf(half, lower), half, dst);
  hn::StoreU(hn::UpperHalf(half, lower), half, dst + dst_stride);
  hn::StoreU(hn::LowerHalf(half, upper), half, dst + 2 * dst_stride);
  hn::StoreU(hn::UpperHalf(half, upper), half, dst + 3 * dst_stride);
}
HWY_INLINE void transpose_pair(const double* HWY_RESTRICT src, int64_t src_stride, double* HWY_RESTRICT dst,
                               int64_t dst_stride) {
  transpose_square(src, src_stride, dst, dst_stride);
}
#endif

// Unit stride along k, up to the last whole square: squares of vectors, a pair of rows (six are a panel),
// then what is left over.
template <class T>
void transpose_rows(int64_t width, int64_t padded, int64_t k_full, const T* src, int64_t stride_w, T* dst) {
  constexpr int64_t kSide = 16 / sizeof(T);
  for (int64_t kk = 0; kk < k_full; kk += kSide) {
    int64_t w = 0;
    for (; w + kSide <= width; w += kSide)
      transpose_square(src + w * stride_w + kk, stride_w, dst + kk * padded + w, padded);
    if (w + 2 <= width) {
      transpose_pair(src + w * stride_w + kk, stride_w, dst + kk * padded + w, padded);
      w += 2;
    }
    for (; w < width; ++w) {
      for (int64_t i = kk; i < kk + kSide; ++i) dst[i * padded + w] = src[w * stride_w + i];
    }
  }
}
// The same for a whole panel. Its width is known: this loop is little else than addresses.
template <class T, int kWidth>
void transpose_panel(int64_t k_full, const T* HWY_RESTRICT src, int64_t stride_w, T* HWY_RESTRICT dst) {
  constexpr int kSide = 16 / sizeof(T);
  static_assert(kWidth % kSide == 0 || kWidth % kSide == 2);
  for (int64_t kk = 0; kk < k_full; kk += kSide, src += kSide, dst += kSide * kWidth) {
    const T* row = src;
#pragma GCC unroll 8
    for (int w = 0; w + kSide <= kWidth; w += kSide, row += kSide * stride_w)
      transpose_square(row, stride_w, dst + w, kWidth);
    if constexpr (kWidth % kSide == 2) transpose_pair(row, stride_w, dst + kWidth - 2, kWidth);
  }
}

template <class T>
void pack_transposed(int64_t width, int64_t padded, int64_t k, const T* src, int64_t stride_w, T* dst) {
  constexpr int kColumns = tile_columns<T>();
  const int64_t k_full = k - k % static_cast<int64_t>(16 / sizeof(T));
  if (width == padded && width == kTileRows) transpose_panel<T, kTileRows>(k_full, src, stride_w, dst);
  else if (width == padded && width == kColumns) transpose_panel<T, kColumns>(k_full, src, stride_w, dst);
  else transpose_rows(width, padded, k_full, src, stride_w, dst);
  for (int64_t kk = k_full; kk < k; ++kk) {
    for (int64_t w = 0; w < width; ++w) dst[kk * padded + w] = src[w * stride_w + kk];
  }
}

// A whole panel of a left operand whose rows are adjacent: short copies of a known length.
template <class T, int kWidth>
void copy_panel(int64_t k, const T* HWY_RESTRICT src, int64_t stride_k, T* HWY_RESTRICT dst) {
  for (int64_t kk = 0; kk < k; ++kk, src += stride_k, dst += kWidth)
    std::memcpy(dst, src, kWidth * sizeof(T));
}

// Not along k: the closer elements first, which share cache lines.
template <class T>
void pack_strided(int64_t width, int64_t padded, int64_t k, const T* src, int64_t stride_w, int64_t stride_k,
                  T* dst) {
  constexpr int64_t kColumns = tile_columns<T>(), kAtOnce = 64;
  if (stride_w == 1 && width == padded) {
    if (width == kTileRows) return copy_panel<T, kTileRows>(k, src, stride_k, dst);
    if (width == kTileRows - 1) return copy_panel<T, kTileRows - 1>(k, src, stride_k, dst);
  }
  if (std::abs(stride_k) < std::abs(stride_w) && width <= kColumns) {
    HWY_ALIGN T rows[kColumns * kAtOnce];
    for (int64_t begin = 0; begin < k; begin += kAtOnce) {
      const int64_t count = k - begin < kAtOnce ? k - begin : kAtOnce;
      for (int64_t w = 0; w < width; ++w) {
        const T* row = src + w * stride_w + begin * stride_k;
        for (int64_t kk = 0; kk < count; ++kk) rows[w * kAtOnce + kk] = row[kk * stride_k];
      }
      pack_transposed<T>(width, padded, count, rows, kAtOnce, dst + begin * padded);
    }
    return;
  }
  if (width == kColumns && padded == kColumns) {  // a known width: the loop is unrolled
    for (int64_t kk = 0; kk < k; ++kk, src += stride_k, dst += kColumns) {
#pragma GCC unroll 16
      for (int64_t w = 0; w < kColumns; ++w) dst[w] = src[w * stride_w];
    }
    return;
  }
  for (int64_t kk = 0; kk < k; ++kk) {
    for (int64_t w = 0; w < width; ++w) dst[kk * padded + w] = src[kk * stride_k + w * stride_w];
  }
}

template <class T, class Source>
void pack(int64_t width, int64_t padded, int64_t k, const Source* src, int64_t stride_w, int64_t stride_k,
          T* dst) {
  constexpr int64_t kColumns = tile_columns<T>();
  if (width < padded) {
    for (int64_t kk = 0; kk < k; ++kk) {
      for (int64_t w = width; w < padded; ++w) dst[kk * padded + w] = T(0);
    }
  }
  if (stride_w == 1 && width == kColumns) {
    for (int64_t kk = 0; kk < k; ++kk) {
      for (int64_t w = 0; w < kColumns; ++w) dst[kk * kColumns + w] = static_cast<T>(src[kk * stride_k + w]);
    }
  } else if constexpr (std::is_same_v<T, Source>) {
    if (stride_k == 1 && stride_w != 1) return pack_transposed<T>(width, padded, k, src, stride_w, dst);
    pack_strided<T>(width, padded, k, src, stride_w, stride_k, dst);
  } else {
    for (int64_t w = 0; w < width; ++w) {
      for (int64_t kk = 0; kk < k; ++kk)
        dst[kk * padded + w] = static_cast<T>(src[kk * stride_k + w * stride_w]);
    }
  }
}

// Whole panels of a right operand with unit column stride, several in one pass over its rows: longer reads,
// fewer pages.
template <class T>
void pack_rows(int64_t panels, int64_t k, const T* src, int64_t stride_k, T* dst) {
  constexpr int64_t kColumns = tile_columns<T>(), kAtOnce = 8;
  const Wide<T> d;
  for (int64_t p = 0; p < panels; p += kAtOnce) {
    const int64_t count = panels - p < kAtOnce ? panels - p : kAtOnce;
    for (int64_t kk = 0; kk < k; ++kk) {
      const T* row = src + kk * stride_k + p * kColumns;
      T* target = dst + (p * k + kk) * kColumns;
      for (int64_t q = 0; q < count; ++q, row += kColumns, target += k * kColumns) {
        for (int64_t w = 0; w < kColumns; w += lanes<T>()) hn::StoreU(hn::LoadU(d, row + w), d, target + w);
      }
    }
  }
}

// ---- Right operands as they lie, and left ones
// -------------------------------------------------------------------------------------------------------

// Columns [j, j + columns) of out. Right::Pack holds for the first rows.
template <class T>
HWY_INLINE void strided_columns(const Panels& rows, int64_t k, const Matrix<const T>& a, const T* b,
                                int64_t b_row_stride, Right right, T* panel, int columns,
                                const Output<T>& out, int64_t j) {
  const auto heights = std::make_integer_sequence<int, kStridedRows>();
  const int vectors = columns > lanes<T>() ? 2 : 1;
  for (int64_t p = 0; p < rows.count; ++p) {
    const int64_t i = rows.start(p);
    const int height = static_cast<int>(rows.height(p));
    const auto tile = right == Right::Pack ? find_packing_tile<T>(height, heights)
                                           : find_strided_tile<T>(height, vectors, right, heights);
    tile(k, a.data + i * a.row_stride, a.row_stride, a.col_stride, b, b_row_stride, panel, columns, out, i,
         j);
    if (right != Right::Pack) continue;
    right = Right::Whole;
    b = panel;
    b_row_stride = tile_columns<T>();
  }
}

template <class T>
void strided(int64_t m, int64_t n, int64_t k, const Matrix<const T>& a, const Matrix<const T>& b, T* panel,
             const Output<T>& out) {
  constexpr int64_t kColumns = tile_columns<T>();
  const Panels rows(m, kStridedRows);
  for (int64_t j = 0; j < n; j += kColumns) {
    const int columns = static_cast<int>(n - j < kColumns ? n - j : kColumns);
    const T* right = b.data + j * b.col_stride;
    const bool masked = columns % lanes<T>() != 0;
    if (b.col_stride != 1 || (RL_MASKED_LOADS_FAULT && masked)) {
      pack<T, T>(columns, kColumns, k, right, b.col_stride, b.row_stride, panel);
      strided_columns<T>(rows, k, a, panel, kColumns, Right::Whole, panel, columns, out, j);
    } else {
      const Right kind = masked                                  ? Right::Masked
                         : columns == kColumns && rows.count > 1 ? Right::Pack
                                                                 : Right::Whole;
      strided_columns<T>(rows, k, a, right, b.row_stride, kind, panel, columns, out, j);
    }
  }
}

template <class T>
void block_rows(const Panels& panels, int64_t begin, int64_t end, int64_t n, int64_t k, const T* a,
                const T* b, int64_t b_row_stride, T* panel, const Output<T>& out) {
  constexpr int64_t kColumns = tile_columns<T>();
  const auto heights = std::make_integer_sequence<int, kTileRows>();
  const int64_t top = panels.start(begin);
  for (int64_t j = 0; j < n; j += kColumns) {
    const int columns = static_cast<int>(n - j < kColumns ? n - j : kColumns);
    int64_t p = begin;
    if (columns == kColumns) {
      const int rows = static_cast<int>(panels.height(p++));
      find_packing_tile<T>(rows, heights)(k, a, 1, rows, b + j, b_row_stride, panel, columns, out, top, j);
    } else {
      pack<T, T>(columns, kColumns, k, b + j, 1, b_row_stride, panel);
    }
    for (; p < end; ++p) {
      const int64_t i = panels.start(p) - top;
      find_packed_tile<T>(static_cast<int>(panels.height(p)), columns > lanes<T>() ? 2 : 1, heights)(
          k, a + i * k, panel, columns, out, top + i, j);
    }
  }
}

template <class T>
void strided_left(int64_t m, int64_t n, int64_t k, const Matrix<const T>& a, const T* b,
                  const Output<T>& out) {
  constexpr int64_t kColumns = tile_columns<T>();
  const Panels rows(m, kStridedRows);
  for (int64_t j = 0; j < n; j += kColumns) {
    const int columns = static_cast<int>(n - j < kColumns ? n - j : kColumns);
    strided_columns<T>(rows, k, a, b + j * k, kColumns, Right::Whole, nullptr, columns, out, j);
  }
}

// ---- Matrix by vector
// -----------------------------------------------------------------------------------------------

// R dot products with the same x, each in V independent sums.
template <class T, int R, int V>
HWY_INLINE void dot_tile(int64_t k, const T* a, int64_t row_stride, const T* x, T* y) {
  const Wide<T> d;
  constexpr int N = lanes<T>();
  Vec<T> acc[R][V];
  for (int r = 0; r < R; ++r) {
    for (int v = 0; v < V; ++v) acc[r][v] = hn::Zero(d);
  }
  int64_t kk = 0;
  for (; kk + V * N <= k; kk += V * N) {
    for (int v = 0; v < V; ++v) {
      const auto xv = hn::LoadU(d, x + kk + v * N);
      for (int r = 0; r < R; ++r)
        acc[r][v] = hn::MulAdd(xv, hn::LoadU(d, a + r * row_stride + kk + v * N), acc[r][v]);
    }
  }
  for (; kk + N <= k; kk += N) {
    const auto xv = hn::LoadU(d, x + kk);
    for (int r = 0; r < R; ++r) acc[r][0] = hn::MulAdd(xv, hn::LoadU(d, a + r * row_stride + kk), acc[r][0]);
  }
  for (int r = 0; r < R; ++r) {
    auto sum = acc[r][0];
    for (int v = 1; v < V; ++v) sum = hn::Add(sum, acc[r][v]);
    T total = hn::GetLane(hn::SumOfLanes(d, sum));
    for (int64_t i = kk; i < k; ++i) total += a[r * row_stride + i] * x[i];
    y[r] = total;
  }
}

template <class T>
void dot_rows(int64_t m, int64_t k, const T* a, int64_t row_stride, const T* x, T* y) {
  int64_t i = 0;
  for (; i + 4 <= m; i += 4) dot_tile<T, 4, 2>(k, a + i * row_stride, row_stride, x, y + i);
  for (; i < m; ++i) dot_tile<T, 1, 2>(k, a + i * row_stride, row_stride, x, y + i);
}

// y += x[0] * row 0 + ... + x[R - 1] * row R - 1.
template <class T, int R>
HWY_INLINE void add_rows(int64_t n, const T* x, const T* b, int64_t row_stride, T* y) {
  const Wide<T> d;
  constexpr int N = lanes<T>();
  Vec<T> xv[R];
  for (int r = 0; r < R; ++r) xv[r] = hn::Set(d, x[r]);
  int64_t j = 0;
  for (; j + N <= n; j += N) {
    auto sum = hn::LoadU(d, y + j);
    for (int r = 0; r < R; ++r) sum = hn::MulAdd(xv[r], hn::LoadU(d, b + r * row_stride + j), sum);
    hn::StoreU(sum, d, y + j);
  }
  for (; j < n; ++j) {
    T sum = y[j];
    for (int r = 0; r < R; ++r) sum += x[r] * b[r * row_stride + j];
    y[j] = sum;
  }
}

template <class T>
void sum_rows(int64_t k, int64_t n, const T* x, const T* b, int64_t row_stride, T* y) {
  for (int64_t j = 0; j < n; ++j) y[j] = T(0);
  int64_t kk = 0;
  // Eight rows at a time: as many streams as the processor fetches ahead, and y is read and stored less
  // often.
  for (; kk + 8 <= k; kk += 8) add_rows<T, 8>(n, x + kk, b + kk * row_stride, row_stride, y);
  for (; kk < k; ++kk) add_rows<T, 1>(n, x + kk, b + kk * row_stride, row_stride, y);
}

template <class T>
const GemmKernels<T>* kernel_table() {
  static constexpr GemmKernels<T> kTable = [] {
    GemmKernels<T> k{.mr = kTileRows,
                     .nr = tile_columns<T>(),
                     .pack = pack<T, T>,
                     .pack_half = nullptr,
                     .pack_bfloat16 = nullptr,
                     .pack_rows = pack_rows<T>,
                     .block = block<T>,
                     .block_rows = block_rows<T>,
                     .strided = strided<T>,
                     .strided_left = strided_left<T>,
                     .dot_rows = dot_rows<T>,
                     .sum_rows = sum_rows<T>};
    if constexpr (std::is_same_v<T, float>) k.pack_half = pack<T, Half>, k.pack_bfloat16 = pack<T, BFloat16>;
    return k;
  }();
  return &kTable;
}

}  // namespace HWY_NAMESPACE
}  // namespace rushlight::cpu
HWY_AFTER_NAMESPACE();

#endif  // RUSHLIGHT_KERNELS_CPU_GEMM_INL_H_
