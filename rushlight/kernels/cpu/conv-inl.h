// The inner loops of convolution, compiled once for each SIMD target.

#if defined(RUSHLIGHT_KERNELS_CPU_CONV_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RUSHLIGHT_KERNELS_CPU_CONV_INL_H_
#undef RUSHLIGHT_KERNELS_CPU_CONV_INL_H_
#else
#define RUSHLIGHT_KERNELS_CPU_CONV_INL_H_
#endif

#include <algorithm>

#include "rushlight/core/ceil_div.h"
#include "rushlight/kernels/cpu/conv_kernels.h"
#include "rushlight/kernels/cpu/gemm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rushlight::cpu {
namespace HWY_NAMESPACE {

// gemm's micro-kernel with the right operand left in place: row kk begins at b + offsets[kk]. Reads whole
// vectors.
template <class T, int R, int V>
void indirect_tile(int64_t k, const T* HWY_RESTRICT a, const T* HWY_RESTRICT b,
                   const int64_t* HWY_RESTRICT offsets, int columns, const Output<T>& out, int64_t i,
                   int64_t j) {
  const Wide<T> d;
  constexpr int N = lanes<T>();
  Vec<T> acc[R][V];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) acc[r][v] = hn::Zero(d);
  }
  // The next columns of these rows come near: there may be more rows than the processor follows by itself.
  if (out.col_stride == 1) {
    for (int r = 0; r < R; ++r) __builtin_prefetch(out.c + (i + r) * out.row_stride + j + V * N, 1);
  }
#pragma GCC unroll 2
  for (int64_t kk = 0; kk < k; ++kk) {
    const T* row = b + offsets[kk];
    Vec<T> bv[V];
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) bv[v] = hn::LoadU(d, row + v * N);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const auto av = hn::Set(d, a[r]);
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) acc[r][v] = hn::MulAdd(av, bv[v], acc[r][v]);
    }
    a += R;
  }
  store_tile<T, R, V>(acc, columns, out, i, j);
}

template <class T>
using IndirectTile = void (*)(int64_t, const T*, const T*, const int64_t*, int, const Output<T>&, int64_t,
                              int64_t);

// One row of a wants more vectors instead, to keep the multipliers busy; as one multiplication reads one
// vector, eight of them also make the reads of weights and offsets few.
constexpr int kThinVectors = 8;
template <class T, int... V>
IndirectTile<T> find_thin_tile(int64_t vectors, std::integer_sequence<int, V...>) {
  static constexpr IndirectTile<T> kTable[] = {indirect_tile<T, 1, V + 1>...};
  return kTable[vectors - 1];
}
template <class T, int... R>
IndirectTile<T> find_indirect_tile(int rows, int vectors, std::integer_sequence<int, R...>) {
  static constexpr IndirectTile<T> kOne[] = {indirect_tile<T, R + 1, 1>...};
  static constexpr IndirectTile<T> kTwo[] = {indirect_tile<T, R + 1, 2>...};
  return (vectors == 1 ? kOne : kTwo)[rows - 1];
}

template <class T>
void correlate(const Panels& panels, int64_t begin, int64_t end, int64_t k, const T* a, const T* image,
               const int64_t* offsets, int64_t height, int64_t width, int64_t image_row, const Output<T>& out,
               int64_t out_row) {
  constexpr int N = lanes<T>();
  const auto rows = std::make_integer_sequence<int, kTileRows>();
  const bool thin = panels.rows == 1;
  const int64_t step = (thin ? kThinVectors : 2) * N;
  Output<T> row = out;
  for (int64_t i = 0; i < height; ++i, row.c += out_row) {
    for (int64_t j = 0; j < width; j += step) {
      const int columns = static_cast<int>(width - j < step ? width - j : step);
      const T* b = image + i * image_row + j;
      if (thin) {
        find_thin_tile<T>(ceil_div(columns, N), std::make_integer_sequence<int, kThinVectors>())(
            k, a, b, offsets, columns, row, 0, j);
        continue;
      }
      for (int64_t p = begin; p < end; ++p) {
        const int64_t r = panels.start(p);
        find_indirect_tile<T>(static_cast<int>(panels.height(p)), columns > N ? 2 : 1, rows)(
            k, a + r * k, b, offsets, columns, row, r, j);
      }
    }
  }
}

#if !RL_MASKED_LOADS_FAULT
// A vector of columns from `first` on, of output rows [begin, end). Each input row is read once for each
// column of taps, and adds to three output rows.
template <class T>
HWY_INLINE void depthwise_columns(const Depthwise3x3& p, const T* in, const Vec<T> (&w)[9], Vec<T> bias,
                                  int64_t first, int64_t next, T* out) {
  const Wide<T> d;
  constexpr int N = lanes<T>();
  const int64_t left = first + p.left, count = p.out_w - first < N ? p.out_w - first : N;
  const auto column = hn::Iota(d, static_cast<T>(left)), width = hn::Set(d, static_cast<T>(p.in_w));
  hn::Mask<Wide<T>> inside[3];
#pragma GCC unroll 3
  for (int j = 0; j < 3; ++j) {
    const auto read = hn::Add(column, hn::Set(d, static_cast<T>(j)));
    inside[j] = hn::And(hn::Ge(read, hn::Zero(d)), hn::Lt(read, width));
  }
  Vec<T> sum[3] = {hn::Zero(d), hn::Zero(d), hn::Zero(d)};
  for (int64_t q = 0; q < p.out_h + 2; ++q, next += N) {
    __builtin_prefetch(in + p.in_h * p.in_w + next, 0, 2);
    __builtin_prefetch(out + p.out_h * p.out_w + next, 1, 2);
    const int64_t row = p.top + q;
    if (row >= 0 && row < p.in_h) {
      const T* src = in + row * p.in_w + left;
#pragma GCC unroll 3
      for (int j = 0; j < 3; ++j) {
        const auto x = hn::MaskedLoad(inside[j], d, src + j);
#pragma GCC unroll 3
        for (int i = 0; i < 3; ++i) sum[i] = hn::MulAdd(w[3 * i + j], x, sum[i]);
      }
    }
    if (q >= 2) {
      const auto result = hn::Add(sum[2], bias);
      const int64_t at = (q - 2) * p.out_w + first;
      if (at + N <= p.out_h * p.out_w) hn::StoreU(result, d, out + at);
      else store_partial(result, out + at, static_cast<int>(count));
    }
    sum[2] = sum[1], sum[1] = sum[0], sum[0] = hn::Zero(d);
  }
}

// The last columns first: what they store too much, in the next row, is overwritten by the ones before them.
template <class T>
void depthwise_3x3(const Depthwise3x3& p, const T* in, const T* weight, T bias, T* out) {
  const Wide<T> d;
  constexpr int N = lanes<T>();
  Vec<T> w[9];
#pragma GCC unroll 9
  for (int t = 0; t < 9; ++t) w[t] = hn::Set(d, weight[p.place[t]]);
  const auto added = hn::Set(d, bias);
  int64_t next = 0;
  for (int64_t first = (p.out_w - 1) / N * N; first >= 0; first -= N, next += (p.out_h + 2) * N)
    depthwise_columns<T>(p, in, w, added, first, next, out);
}
#endif

// c[r][j] += sum over the positions of image[offsets[r] + position] * b[position][j].
template <class T, int R, int V>
void weight_tile(int64_t height, int64_t width, int64_t image_row, const T* HWY_RESTRICT image,
                 const int64_t* HWY_RESTRICT offsets, const T* HWY_RESTRICT b, T* HWY_RESTRICT c,
                 int64_t c_stride) {
  const Wide<T> d;
  constexpr int N = lanes<T>();
  Vec<T> acc[R][V];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) acc[r][v] = hn::Zero(d);
  }
  for (int64_t i = 0; i < height; ++i, image += image_row) {
    const T* row[R];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) row[r] = image + offsets[r];
#pragma GCC unroll 2
    for (int64_t j = 0; j < width; ++j) {
      Vec<T> bv[V];
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) bv[v] = hn::LoadU(d, b + v * N);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        const auto av = hn::Set(d, row[r][j]);
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) acc[r][v] = hn::MulAdd(av, bv[v], acc[r][v]);
      }
      b += tile_columns<T>();
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) {
      T* p = c + r * c_stride + v * N;
      hn::StoreU(hn::Add(acc[r][v], hn::LoadU(d, p)), d, p);
    }
  }
}

template <class T>
using WeightTile = void (*)(int64_t, int64_t, int64_t, const T*, const int64_t*, const T*, T*, int64_t);
template <class T, int... R>
WeightTile<T> find_weight_tile(int rows, int vectors, std::integer_sequence<int, R...>) {
  static constexpr WeightTile<T> kOne[] = {weight_tile<T, R + 1, 1>...};
  static constexpr WeightTile<T> kTwo[] = {weight_tile<T, R + 1, 2>...};
  return (vectors == 1 ? kOne : kTwo)[rows - 1];
}

template <class T>
void weight_products(int64_t m, int64_t n, int64_t height, int64_t width, int64_t image_row, const T* image,
                     const int64_t* offsets, const T* b, T* c, int64_t c_stride) {
  const Panels panels(m, kTileRows);
  constexpr int64_t kColumns = tile_columns<T>();
  for (int64_t j = 0; j < n; j += kColumns) {
    const int vectors = n - j > lanes<T>() ? 2 : 1;
    for (int64_t p = 0; p < panels.count; ++p) {
      const int64_t r = panels.start(p);
      find_weight_tile<T>(static_cast<int>(panels.height(p)), vectors,
                          std::make_integer_sequence<int, kTileRows>())(height, width, image_row, image,
                                                                        offsets + r, b + j * height * width,
                                                                        c + r * c_stride + j, c_stride);
    }
  }
}

// c[r * c_stride] += sum over the positions of image[offsets[r] + position] * b[position], for R neighbours.
template <class T, int R>
HWY_INLINE void dot_tile_2d(int64_t height, int64_t width, int64_t image_row, const T* image,
                            const int64_t* offsets, const T* b, int64_t b_row, T* c, int64_t c_stride) {
  const Wide<T> d;
  constexpr int N = lanes<T>();
  const int64_t whole = width - width % N;
  const int rest = static_cast<int>(width - whole);
  const auto mask = hn::FirstN(d, static_cast<size_t>(rest));
  Vec<T> acc[R];
#pragma GCC unroll 9
  for (int r = 0; r < R; ++r) acc[r] = hn::Zero(d);
  for (int64_t i = 0; i < height; ++i, image += image_row, b += b_row) {
    for (int64_t j = 0; j < whole; j += N) {
      const auto bv = hn::LoadU(d, b + j);
#pragma GCC unroll 9
      for (int r = 0; r < R; ++r) acc[r] = hn::MulAdd(bv, hn::LoadU(d, image + offsets[r] + j), acc[r]);
    }
    if (rest > 0) {
      const auto bv = load_partial(b + whole, rest);
#pragma GCC unroll 9
      for (int r = 0; r < R; ++r) {
        const auto image_rest = hn::LoadU(d, image + offsets[r] + whole);
        acc[r] = hn::MulAdd(bv, hn::IfThenElseZero(mask, image_rest), acc[r]);
      }
    }
  }
#pragma GCC unroll 9
  for (int r = 0; r < R; ++r) c[r * c_stride] += hn::GetLane(hn::SumOfLanes(d, acc[r]));
}

template <class T>
void weight_dots(int64_t m, int64_t height, int64_t width, int64_t image_row, const T* image,
                 const int64_t* offsets, const T* b, int64_t b_row, T* c, int64_t c_stride) {
  int64_t r = 0;
  for (; r + 9 <= m; r += 9)  // the taps of a 3x3 kernel
    dot_tile_2d<T, 9>(height, width, image_row, image, offsets + r, b, b_row, c + r * c_stride, c_stride);
  for (; r + 3 <= m; r += 3)
    dot_tile_2d<T, 3>(height, width, image_row, image, offsets + r, b, b_row, c + r * c_stride, c_stride);
  for (; r < m; ++r)
    dot_tile_2d<T, 1>(height, width, image_row, image, offsets + r, b, b_row, c + r * c_stride, c_stride);
}

// ---- Positions
// ------------------------------------------------------------------------------------------------------

// Every Step-th element. Reads whole vectors.
template <class T, int Step>
HWY_INLINE Vec<T> load_every(const T* p) {
  const Wide<T> d;
  if constexpr (Step == 1) return hn::LoadU(d, p);
  else return hn::ConcatEven(d, hn::LoadU(d, p + lanes<T>()), hn::LoadU(d, p));
}

// A vector of each row of the image that is packed.
struct VectorMove {
  int64_t source, target;
};

// In ascending order, each overwriting what the last one of its panel stored too much.
template <class T, int Step>
void move_vectors(int64_t k, const T* image, const int64_t* offsets, int count, const VectorMove* move,
                  T* dst) {
  const Wide<T> d;
  for (int64_t kk = 0; kk < k; ++kk, dst += tile_columns<T>()) {
    const T* src = image + offsets[kk];
#pragma GCC unroll 2
    for (int i = 0; i < count; ++i)
      hn::StoreU(load_every<T, Step>(src + move[i].source), d, dst + move[i].target);
  }
}

template <class T, int Step>
void pack_every(int64_t k, const T* image, const int64_t* offsets, int runs, const PositionRun* run, T* dst,
                int64_t panel_stride) {
  constexpr int N = lanes<T>(), kColumns = tile_columns<T>();
  VectorMove move[kPanelsPacked * kColumns], last[kPanelsPacked * kColumns];
  int count = 0, end = 0;
  for (int i = 0; i < runs; ++i) {
    for (int c = 0, length; c < run[i].count; c += length, ++count) {
      const int column = run[i].column + c, place = column % kColumns;
      length = std::min({N, run[i].count - c, kColumns - place});
      move[count] = {run[i].source + Step * c, column / kColumns * panel_stride + place};
      last[count] = {run[i].source + Step * c, column / kColumns * 2 * kColumns + place};
    }
    end = run[i].column + run[i].count;
  }
  const int panels = ceil_div(end, kColumns);
  if (end < panels * kColumns)
    std::memset(dst + (panels - 1) * panel_stride, 0, static_cast<size_t>(k) * kColumns * sizeof(T));
  move_vectors<T, Step>(k - 1, image, offsets, count, move, dst);
  // Nothing may be stored behind a panel.
  HWY_ALIGN T rows[kPanelsPacked][2 * kColumns] = {};
  move_vectors<T, Step>(1, image, offsets + k - 1, count, last, rows[0]);
  for (int p = 0; p < panels; ++p)
    std::memcpy(dst + p * panel_stride + (k - 1) * kColumns, rows[p], kColumns * sizeof(T));
}

template <class T>
void pack_positions(int64_t k, const T* image, const int64_t* offsets, int step, int runs,
                    const PositionRun* run, T* dst, int64_t panel_stride) {
  (step == 1 ? pack_every<T, 1> : pack_every<T, 2>)(k, image, offsets, runs, run, dst, panel_stride);
}

// ---- Rows
// -----------------------------------------------------------------------------------------------------------

template <class T>
void copy_rows(int64_t rows, int64_t count, const T* src, int64_t src_row, T* dst, int64_t dst_row) {
  const Wide<T> d;
  constexpr int N = lanes<T>();
  const int64_t whole = count - count % N;
  const int rest = static_cast<int>(count - whole);
  for (int64_t i = 0; i < rows; ++i, src += src_row, dst += dst_row) {
    for (int64_t j = 0; j < whole; j += N) hn::StoreU(hn::LoadU(d, src + j), d, dst + j);
    if (rest > 0) hn::StoreU(load_partial(src + whole, rest), d, dst + whole);
  }
}

template <class T>
void store_rows(int64_t rows, int64_t count, const T* src, int64_t src_row, T* dst, int64_t dst_row) {
  const Wide<T> d;
  constexpr int N = lanes<T>();
  if (count < N) {
    for (int64_t i = 0; i < rows; ++i)
      copy_partial<T>(dst + i * dst_row, src + i * src_row, static_cast<int>(count));
    return;
  }
  for (int64_t i = 0; i < rows; ++i, src += src_row, dst += dst_row) {
    for (int64_t j = 0; j + N <= count; j += N) hn::StoreU(hn::LoadU(d, src + j), d, dst + j);
    hn::StoreU(hn::LoadU(d, src + count - N), d, dst + count - N);
  }
}

template <class T>
HWY_INLINE void deal_vectors(Vec<T> low, Vec<T> high, T* even, T* odd) {
  const Wide<T> d;
  hn::StoreU(hn::ConcatEven(d, high, low), d, even);
  hn::StoreU(hn::ConcatOdd(d, high, low), d, odd);
}

template <class T>
void deal_rows(int64_t rows, int64_t count, const T* src, int64_t src_row, T* even, T* odd, int64_t dst_row) {
  const Wide<T> d;
  constexpr int N = lanes<T>();
  const int64_t whole = count - count % (2 * N);
  const int rest = static_cast<int>(count - whole);
  for (int64_t i = 0; i < rows; ++i, src += src_row, even += dst_row, odd += dst_row) {
    for (int64_t j = 0; j < whole; j += 2 * N) {
      deal_vectors<T>(hn::LoadU(d, src + j), hn::LoadU(d, src + j + N), even + j / 2, odd + j / 2);
    }
    const T* last = src + whole;
    if (rest > N) {
      deal_vectors<T>(hn::LoadU(d, last), load_partial(last + N, rest - N), even + whole / 2,
                      odd + whole / 2);
    } else if (rest > 0) {
      const auto low = rest == N ? hn::LoadU(d, last) : load_partial(last, rest);
      deal_vectors<T>(low, hn::Zero(d), even + whole / 2, odd + whole / 2);
    }
  }
}

template <class T>
void merge_rows(int64_t rows, int64_t count, const T* even, int64_t even_row, const T* odd, int64_t odd_row,
                T* dst, int64_t dst_row) {
  const Wide<T> d;
  constexpr int N = lanes<T>();
  const int64_t whole = count - count % (2 * N);
  for (int64_t i = 0; i < rows; ++i, even += even_row, odd += odd_row, dst += dst_row) {
    for (int64_t j = 0; j < whole; j += 2 * N)
      hn::StoreInterleaved2(hn::LoadU(d, even + j / 2), hn::LoadU(d, odd + j / 2), d, dst + j);
    if (whole < count) {
      HWY_ALIGN T merged[2 * N];
      hn::StoreInterleaved2(hn::LoadU(d, even + whole / 2), hn::LoadU(d, odd + whole / 2), d, merged);
      copy_partial<T, N>(dst + whole, merged, static_cast<int>(count - whole));
    }
  }
}

template <class T>
const ConvKernels<T>* conv_table() {
#if RL_MASKED_LOADS_FAULT
  constexpr decltype(ConvKernels<T>::depthwise_3x3) kDepthwise = nullptr;
#else
  constexpr auto kDepthwise = depthwise_3x3<T>;
#endif
  static constexpr ConvKernels<T> kTable = {correlate<T>,   kDepthwise,        weight_products<T>,
                                            weight_dots<T>, pack_positions<T>, copy_rows<T>,
                                            store_rows<T>,  deal_rows<T>,      merge_rows<T>};
  return &kTable;
}

}  // namespace HWY_NAMESPACE
}  // namespace rushlight::cpu
HWY_AFTER_NAMESPACE();

#endif  // RUSHLIGHT_KERNELS_CPU_CONV_INL_H_
