// The inner loops of convolution, compiled once for each SIMD target.

#if defined(RUSHLIGHT_KERNELS_CPU_CONV_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RUSHLIGHT_KERNELS_CPU_CONV_INL_H_
#undef RUSHLIGHT_KERNELS_CPU_CONV_INL_H_
#else
#define RUSHLIGHT_KERNELS_CPU_CONV_INL_H_
#endif

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
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) acc[r][v] = hn::Zero(d);
  }
#pragma GCC unroll 2
  for (int64_t kk = 0; kk < k; ++kk) {
    const T* row = b + offsets[kk];
    Vec<T> bv[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) bv[v] = hn::LoadU(d, row + v * N);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const auto av = hn::Set(d, a[r]);
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) acc[r][v] = hn::MulAdd(av, bv[v], acc[r][v]);
    }
    a += R;
  }
  store_tile<T, R, V>(acc, columns, out, i, j);
}

template <class T>
using IndirectTile = void (*)(int64_t, const T*, const T*, const int64_t*, int, const Output<T>&, int64_t,
                              int64_t);

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
  const bool thin = panels.rows == 1;  // one row of a: more vectors instead, to keep the multipliers busy
  const int64_t step = (thin ? 4 : 2) * N;
  Output<T> row = out;
  for (int64_t i = 0; i < height; ++i, row.c += out_row) {
    for (int64_t j = 0; j < width; j += step) {
      const int columns = static_cast<int>(width - j < step ? width - j : step);
      const T* b = image + i * image_row + j;
      if (thin && columns > 3 * N) {
        indirect_tile<T, 1, 4>(k, a, b, offsets, columns, row, 0, j);
        continue;
      }
      for (int64_t p = begin; p < end; ++p) {
        const int64_t r = panels.start(p);
        const int count = static_cast<int>(panels.height(p));
        for (int part = 0; part < columns; part += 2 * N) {
          const int rest = columns - part < 2 * N ? columns - part : 2 * N;
          find_indirect_tile<T>(count, rest > N ? 2 : 1, rows)(k, a + r * k, b + part, offsets, rest, row, r,
                                                               j + part);
        }
      }
    }
  }
}

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
  Vec<T> acc[R];
  for (int r = 0; r < R; ++r) acc[r] = hn::Zero(d);
  for (int64_t i = 0; i < height; ++i, image += image_row, b += b_row) {
    for (int64_t j = 0; j < whole; j += N) {
      const auto bv = hn::LoadU(d, b + j);
      for (int r = 0; r < R; ++r) acc[r] = hn::MulAdd(bv, hn::LoadU(d, image + offsets[r] + j), acc[r]);
    }
    if (rest > 0) {
      const auto bv = load_partial(b + whole, rest);
      for (int r = 0; r < R; ++r)
        acc[r] = hn::MulAdd(bv, load_partial(image + offsets[r] + whole, rest), acc[r]);
    }
  }
  for (int r = 0; r < R; ++r) c[r * c_stride] += hn::GetLane(hn::SumOfLanes(d, acc[r]));
}

template <class T>
void weight_dots(int64_t m, int64_t height, int64_t width, int64_t image_row, const T* image,
                 const int64_t* offsets, const T* b, int64_t b_row, T* c, int64_t c_stride) {
  int64_t r = 0;
  for (; r + 3 <= m; r += 3)
    dot_tile_2d<T, 3>(height, width, image_row, image, offsets + r, b, b_row, c + r * c_stride, c_stride);
  for (; r < m; ++r)
    dot_tile_2d<T, 1>(height, width, image_row, image, offsets + r, b, b_row, c + r * c_stride, c_stride);
}

template <class T>
const ConvKernels<T>* conv_table() {
  static constexpr ConvKernels<T> kTable = {correlate<T>, weight_products<T>, weight_dots<T>};
  return &kTable;
}

}  // namespace HWY_NAMESPACE
}  // namespace rushlight::cpu
HWY_AFTER_NAMESPACE();

#endif  // RUSHLIGHT_KERNELS_CPU_CONV_INL_H_
