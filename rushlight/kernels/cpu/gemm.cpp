#include "rushlight/kernels/cpu/gemm.h"

#include <algorithm>
#include <cstdlib>
#include <tuple>
#include <type_traits>
#include <utility>

#include "rushlight/core/ceil_div.h"
#include "rushlight/core/thread_pool.h"
#include "rushlight/kernels/cpu/gemm_kernels.h"
#include "rushlight/kernels/cpu/gemm_packed.h"

#ifndef RUSHLIGHT_KERNELS_CPU_GEMM_INTEGERS
#define RUSHLIGHT_KERNELS_CPU_GEMM_INTEGERS
namespace rushlight::cpu {
// sum[j] += a[kk * a_col_stride] * b[kk * b_row_stride + j] over all kk < k, for j < n.
template <class T>
using IntegerRows = void (*)(int64_t n, int64_t k, const T* a, int64_t a_col_stride, const T* b,
                             int64_t b_row_stride, T* sum);
using IntegerKernels =
    std::tuple<IntegerRows<uint8_t>, IntegerRows<uint16_t>, IntegerRows<uint32_t>, IntegerRows<uint64_t>>;
}  // namespace rushlight::cpu
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rushlight/kernels/cpu/gemm.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "rushlight/kernels/cpu/gemm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rushlight::cpu {
namespace HWY_NAMESPACE {

const GemmKernels<float>* float_kernels() { return kernel_table<float>(); }
const GemmKernels<double>* double_kernels() { return kernel_table<double>(); }

// Integers are rare: rows of b, added up in blocks that stay in the first cache. `Product` is unsigned and no
// narrower than int, so that nothing overflows.
template <class T, class Product>
void integer_rows(int64_t n, int64_t k, const T* a, int64_t a_col_stride, const T* b, int64_t b_row_stride,
                  T* sum) {
  for (int64_t kk = 0; kk < k; ++kk) {
    const Product x = a[kk * a_col_stride];
    const T* row = b + kk * b_row_stride;
    for (int64_t j = 0; j < n; ++j) sum[j] = static_cast<T>(sum[j] + x * row[j]);
  }
}
const IntegerKernels* integer_kernels() {
  static constexpr IntegerKernels kTable = {integer_rows<uint8_t, uint32_t>, integer_rows<uint16_t, uint32_t>,
                                            integer_rows<uint32_t, uint32_t>,
                                            integer_rows<uint64_t, uint64_t>};
  return &kTable;
}

}  // namespace HWY_NAMESPACE
}  // namespace rushlight::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rushlight::cpu {

HWY_EXPORT(float_kernels);
HWY_EXPORT(double_kernels);
HWY_EXPORT(integer_kernels);

template <>
const GemmKernels<float>& gemm_kernels<float>() {
  static const GemmKernels<float>* table = HWY_DYNAMIC_DISPATCH(float_kernels)();
  return *table;
}
template <>
const GemmKernels<double>& gemm_kernels<double>() {
  static const GemmKernels<double>* table = HWY_DYNAMIC_DISPATCH(double_kernels)();
  return *table;
}

namespace {

// Below these many multiplications a is not packed, however it lies, and (kGemmSerialWork) no thread is
// woken.
constexpr int64_t kSmallWork = 40 * 40 * 40;
constexpr int64_t kSerialWork = kGemmSerialWork;

// The product of sizes saturates instead of overflowing: sizes may be huge when a stride is zero.
int64_t work(int64_t m, int64_t n, int64_t k) {
  const double product = static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  return product < 1e18 ? m * n * k : int64_t{1} << 60;
}

template <class T>
Output<T> output(Matrix<T> c, const Epilogue<T>& e) {
  Output<T> out{c.data, c.row_stride, c.col_stride, e.alpha, e.beta};
  (e.bias_axis == BiasAxis::PerRow ? out.row_bias : out.col_bias) = e.bias;
  out.relu = e.activation == Activation::Relu;
  return out;
}

template <class T>
Output<T> transposed(Output<T> out) {
  std::swap(out.row_stride, out.col_stride);
  std::swap(out.row_bias, out.col_bias);
  return out;
}

template <class T>
T finish(const Output<T>& out, T sum, const T* c, int64_t i, int64_t j) {
  T x = out.alpha * sum;
  if (out.beta != T(0)) x += out.beta * *c;
  if (out.row_bias) x += out.row_bias[i];
  if (out.col_bias) x += out.col_bias[j];
  return out.relu && x < T(0) ? T(0) : x;
}

template <class T>
void store_products(int64_t m, int64_t n, const T* sums, const Output<T>& out) {
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      T* c = out.c + i * out.row_stride + j * out.col_stride;
      *c = finish(out, sums ? sums[i * n + j] : T(0), c, i, j);
    }
  }
}

// ---- Matrix by vector
// -----------------------------------------------------------------------------------------------

// One column of output: y = a @ x. Each thread takes whole outputs.
template <class T>
void matrix_vector(int64_t m, int64_t k, Matrix<const T> a, const T* x, int64_t x_stride,
                   const Output<T>& out) {
  const GemmKernels<T>& kernels = gemm_kernels<T>();
  // Outputs at a time; of a wide matrix so many that a row's share is longer than a page, which the processor
  // fetches ahead.
  constexpr int64_t kWideChunk = 2048;
  const int64_t chunk = a.row_stride != 1 ? 64 : m >= 2 * kWideChunk ? kWideChunk : 512;
  const int64_t grain = std::max<int64_t>(1, kSerialWork / (chunk * k + 1));
  if (x_stride != 1) {
    T* copy = ThreadScratch::get<T>(Slot::Vector, k);
    for (int64_t i = 0; i < k; ++i) copy[i] = x[i * x_stride];
    x = copy;
  }
  parallel_for(0, ceil_div(m, chunk), grain, [&](int64_t begin, int64_t end) {
    alignas(64) T y[kWideChunk];
    for (int64_t i = begin * chunk; i < std::min(m, end * chunk); i += chunk) {
      const int64_t count = std::min(chunk, m - i);
      if (a.row_stride == 1) {
        kernels.sum_rows(k, count, x, a.data + i, a.col_stride, y);
      } else {
        kernels.dot_rows(count, k, a.data + i * a.row_stride, a.row_stride, x, y);
      }
      const Output<T> part = out.at(i, 0);
      for (int64_t r = 0; r < count; ++r)
        part.c[r * part.row_stride] = finish(part, y[r], part.c + r * part.row_stride, r, 0);
    }
  });
}

// ---- Operands as they lie
// -----------------------------------------------------------------------------------------------

// A step's panel of b fills a first cache, and the rows of a block stay in the second one beside it. Then a
// is read as fast as it would be packed, and the first rows of a block pack b at no cost.
constexpr int64_t kStridedDepth = 512, kStridedHeight = kGemmTileHeight;
constexpr int64_t kStridedMostLeft = 512 * 512,
                  kStridedMostRight = int64_t{1} << 21;  // elements; a few caches

template <class T>
void strided_product(int64_t m, int64_t n, int64_t k, Matrix<const T> a, Matrix<const T> b,
                     const Output<T>& out) {
  const GemmKernels<T>& kernels = gemm_kernels<T>();
  const int64_t step = ceil_div(k, ceil_div(k, kStridedDepth)), panels = ceil_div(n, kernels.nr);
  const bool is_serial = work(m, n, k) <= kSerialWork;
  const int64_t down = ceil_div(m, kStridedHeight),
                across = is_serial ? 1 : std::min(panels, ceil_div(kGemmTasks, down));
  parallel_for(0, down * across, is_serial ? INT64_MAX : 1, [&](int64_t begin, int64_t end) {
    T* panel = ThreadScratch::get<T>(Slot::PackedB, step * kernels.nr);
    for (int64_t task = begin; task < end; ++task) {
      const int64_t row = task / across, column = task % across;
      const int64_t i = row * m / down, j = column * panels / across * kernels.nr;
      const int64_t height = (row + 1) * m / down - i,
                    width = std::min(n, (column + 1) * panels / across * kernels.nr) - j;
      for (int64_t q = 0; q < k; q += step) {
        const int64_t depth = std::min(step, k - q);
        kernels.strided(height, width, depth, a.at(i, q), b.at(q, j), panel,
                        step_of(out.at(i, j), q == 0, q + depth == k));
      }
    }
  });
}

// A product that is over sooner than threads and blocks are set up.
template <class T>
void small_product(int64_t m, int64_t n, int64_t k, const Matrix<const T>& a, const Matrix<const T>& b,
                   const Output<T>& out) {
  constexpr int64_t kMost = 4096;
  const GemmKernels<T>& kernels = gemm_kernels<T>();
  alignas(64) T local[kMost];
  T* panel = k <= kMost / kernels.nr ? local : ThreadScratch::get<T>(Slot::PackedB, k * kernels.nr);
  kernels.strided(m, n, k, a, b, panel, out);
}

// Of columns of a, each element of a sum takes another cache line: they must be fewer.
template <class T>
bool lies_close(int64_t m, int64_t k, const Matrix<const T>& a) {
  constexpr int64_t kColumns = 128 * 128, kStride = 4 * kColumns;
  if (a.col_stride == 1) return m <= kStridedMostLeft / k;
  return a.row_stride == 1 && m <= kColumns / k && std::abs(a.col_stride) <= kStride / k;
}

template <class T>
void one_product(int64_t m, int64_t n, int64_t k, Matrix<const T> a, Matrix<const T> b,
                 const Output<T>& out) {
  if (lies_close(m, k, a) && n <= kStridedMostRight / k) strided_product(m, n, k, a, b, out);
  else packed_product(m, n, k, StridedLeft<T, T>{a}, StridedRight<T, T>{b}, out);
}

// ---- Long sums of few products
// -----------------------------------------------------------------------------------------------

// Tiles of a small c are too few to share, and its threads would wait for each other at every step. So the
// sums are cut instead: each part is a product of its own, on one thread, and the parts are added up in
// order.
constexpr int64_t kLongSum = 4 * kGemmBlockDepth, kFewProducts = 128 * 128;

template <class T>
void long_product(int64_t m, int64_t n, int64_t k, Matrix<const T> a, Matrix<const T> b,
                  const Output<T>& out) {
  T* sums = ThreadScratch::get<T>(Slot::PartialSums, kGemmTasks * m * n);
  parallel_for(0, kGemmTasks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; ++part) {
      const int64_t from = part * k / kGemmTasks, to = (part + 1) * k / kGemmTasks;
      one_product(m, n, to - from, a.at(0, from), b.at(from, 0), Output<T>{sums + part * m * n, n, 1});
    }
  });
  for (int64_t part = 1; part < kGemmTasks; ++part)
    for (int64_t i = 0; i < m * n; ++i) sums[i] += sums[part * m * n + i];
  store_products(m, n, sums, out);
}

// ---- float and double
// -----------------------------------------------------------------------------------------------

template <class T>
void product(int64_t m, int64_t n, int64_t k, Matrix<const T> a, Matrix<const T> b, const Output<T>& out) {
  if (n == 1 && (a.col_stride == 1 || a.row_stride == 1))
    return matrix_vector(m, k, a, b.data, b.row_stride, out);
  if (m == 1 && (b.col_stride == 1 || b.row_stride == 1)) {
    return matrix_vector(n, k, b.transposed(), a.data, a.col_stride, transposed(out));
  }
  // The kernels store along the columns of c.
  if (out.col_stride != 1 && out.row_stride == 1)
    return product(n, m, k, b.transposed(), a.transposed(), transposed(out));
  if (work(m, n, k) <= kSmallWork) return small_product(m, n, k, a, b, out);
  if (k >= kLongSum && m <= kFewProducts / n) return long_product(m, n, k, a, b, out);
  one_product(m, n, k, a, b, out);
}

template <class T>
void multiply(int64_t m, int64_t n, int64_t k, Matrix<const T> a, Matrix<const T> b, Matrix<T> c,
              const Epilogue<T>& e) requires std::is_floating_point_v<T> {
  const Output<T> out = output(c, e);
  k == 0 ? store_products<T>(m, n, nullptr, out) : product(m, n, k, a, b, out);
}

// ---- Half and BFloat16
// ----------------------------------------------------------------------------------------------

// Blocks of the product in float, then the epilogue rounds once.
template <class T>
void multiply(int64_t m, int64_t n, int64_t k, Matrix<const T> a, Matrix<const T> b, Matrix<T> c,
              const Epilogue<T>& e) requires std::is_same_v<T, Half> || std::is_same_v<T, BFloat16> {
  constexpr int64_t kSide = 1024;
  const int64_t width = std::min(n, kSide), height = std::min(m, kSide);
  float* sums = ThreadScratch::get<float>(Slot::Product, width * height);
  for (int64_t i = 0; i < m; i += height) {
    for (int64_t j = 0; j < n; j += width) {
      const int64_t rows = std::min(height, m - i), columns = std::min(width, n - j);
      if (k == 0) std::fill_n(sums, rows * columns, 0.0f);
      else
        packed_product(rows, columns, k,
                       StridedLeft<float, T>{{a.data + i * a.row_stride, a.row_stride, a.col_stride}},
                       StridedRight<float, T>{{b.data + j * b.col_stride, b.row_stride, b.col_stride}},
                       Output<float>{sums, columns, 1});
      parallel_for(0, rows, std::max<int64_t>(1, 32768 / columns), [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
          T* row = c.data + (i + r) * c.row_stride + j * c.col_stride;
          for (int64_t s = 0; s < columns; ++s) {
            float x = e.alpha * sums[r * columns + s];
            if (e.beta != 0) x += e.beta * static_cast<float>(row[s * c.col_stride]);
            if (e.bias) x += static_cast<float>(e.bias[e.bias_axis == BiasAxis::PerRow ? i + r : j + s]);
            row[s * c.col_stride] = e.activation == Activation::Relu && x < 0 ? 0.0f : x;
          }
        }
      });
    }
  }
}

// ---- Integers
// -------------------------------------------------------------------------------------------------------

const IntegerKernels& integer_kernels_of_this_processor() {
  static const IntegerKernels* table = HWY_DYNAMIC_DISPATCH(integer_kernels)();
  return *table;
}

// Unsigned arithmetic wraps by definition, and signed numbers have the same bits.
template <class T>
requires std::is_integral_v<T>
void multiply(int64_t m, int64_t n, int64_t k, Matrix<const T> a, Matrix<const T> b, Matrix<T> c,
              const Epilogue<T>& e) {
  using U = std::make_unsigned_t<T>;
  const Output<T> out = output(c, e);
  const auto kernel = std::get<IntegerRows<U>>(integer_kernels_of_this_processor());
  constexpr int64_t kWidth = 256;
  const U* right = reinterpret_cast<const U*>(b.data);
  int64_t right_stride = b.row_stride;
  if (b.col_stride != 1) {
    U* copy = ThreadScratch::get<U>(Slot::PackedB, n * k);
    for (int64_t kk = 0; kk < k; ++kk) {
      for (int64_t j = 0; j < n; ++j) copy[kk * n + j] = right[kk * b.row_stride + j * b.col_stride];
    }
    right = copy;
    right_stride = n;
  }
  const int64_t across = ceil_div(n, kWidth);
  const int64_t grain = std::max<int64_t>(1, kSerialWork / (work(1, std::min(n, kWidth), k) + 1));
  parallel_for(0, across * m, grain, [&](int64_t begin, int64_t end) {
    U sum[kWidth];
    for (int64_t t = begin; t < end; ++t) {
      const int64_t i = t % m, j = t / m * kWidth, columns = std::min(kWidth, n - j);
      std::fill_n(sum, columns, U(0));
      kernel(columns, k, reinterpret_cast<const U*>(a.data + i * a.row_stride), a.col_stride, right + j,
             right_stride, sum);
      for (int64_t s = 0; s < columns; ++s) {
        T* target = out.c + i * out.row_stride + (j + s) * out.col_stride;
        uint64_t x = static_cast<uint64_t>(out.alpha) * sum[s];
        if (out.beta != T(0)) x += static_cast<uint64_t>(out.beta) * static_cast<U>(*target);
        if (out.row_bias) x += static_cast<uint64_t>(out.row_bias[i]);
        if (out.col_bias) x += static_cast<uint64_t>(out.col_bias[j + s]);
        const T value = static_cast<T>(x);
        *target = out.relu && value < T(0) ? T(0) : value;
      }
    }
  });
}

// ---- Complex
// --------------------------------------------------------------------------------------------------------

// Four real products on the interleaved parts, which the packers read through their strides.
template <class R>
void multiply(int64_t m, int64_t n, int64_t k, Matrix<const std::complex<R>> a,
              Matrix<const std::complex<R>> b, Matrix<std::complex<R>> c,
              const Epilogue<std::complex<R>>& e) {
  using C = std::complex<R>;
  const auto part = [](Matrix<const C> x, int imaginary) {
    return Matrix<const R>{reinterpret_cast<const R*>(x.data) + imaginary, 2 * x.row_stride,
                           2 * x.col_stride};
  };
  constexpr int64_t kSide = 512;
  const int64_t height = std::min(m, kSide), width = std::min(n, kSide);
  R* real = ThreadScratch::get<R>(Slot::Product, 2 * height * width);
  R* imaginary = real + height * width;
  for (int64_t i = 0; i < m; i += height) {
    for (int64_t j = 0; j < n; j += width) {
      const int64_t rows = std::min(height, m - i), columns = std::min(width, n - j);
      const Matrix<const C> left{a.data + i * a.row_stride, a.row_stride, a.col_stride};
      const Matrix<const C> right{b.data + j * b.col_stride, b.row_stride, b.col_stride};
      const Matrix<R> re{real, columns, 1}, im{imaginary, columns, 1};
      multiply<R>(rows, columns, k, part(left, 0), part(right, 0), re, Epilogue<R>{});
      multiply<R>(rows, columns, k, part(left, 1), part(right, 1), re, Epilogue<R>{.alpha = -1, .beta = 1});
      multiply<R>(rows, columns, k, part(left, 0), part(right, 1), im, Epilogue<R>{});
      multiply<R>(rows, columns, k, part(left, 1), part(right, 0), im, Epilogue<R>{.beta = 1});
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t s = 0; s < columns; ++s) {
          C* target = c.data + (i + r) * c.row_stride + (j + s) * c.col_stride;
          C x(real[r * columns + s], imaginary[r * columns + s]);
          if (e.alpha != C(1)) x *= e.alpha;
          if (e.beta != C(0)) x += e.beta * *target;
          if (e.bias) x += e.bias[e.bias_axis == BiasAxis::PerRow ? i + r : j + s];
          *target = x;
        }
      }
    }
  }
}

}  // namespace

template <class T>
void gemm(int64_t m, int64_t n, int64_t k, Matrix<const std::type_identity_t<T>> a,
          Matrix<const std::type_identity_t<T>> b, Matrix<T> c,
          const Epilogue<std::type_identity_t<T>>& epilogue) {
  if (m <= 0 || n <= 0) return;
  multiply(m, n, k, a, b, c, epilogue);
}

template <class T>
void gemv(int64_t m, int64_t k, Matrix<const std::type_identity_t<T>> a, const std::type_identity_t<T>* x,
          int64_t x_stride, T* y, int64_t y_stride, const Epilogue<std::type_identity_t<T>>& epilogue) {
  Epilogue<T> e = epilogue;
  e.bias_axis = BiasAxis::PerRow;
  gemm<T>(m, 1, k, a, {x, x_stride, 1}, {y, y_stride, 1}, e);
}

template <class T>
void batched_gemm(int64_t batch, int64_t m, int64_t n, int64_t k, Matrix<const std::type_identity_t<T>> a,
                  int64_t a_batch_stride, Matrix<const std::type_identity_t<T>> b, int64_t b_batch_stride,
                  Matrix<T> c, int64_t c_batch_stride, const Epilogue<std::type_identity_t<T>>& epilogue) {
  const auto one = [&](int64_t i) {
    gemm<T>(m, n, k, {a.data + i * a_batch_stride, a.row_stride, a.col_stride},
            {b.data + i * b_batch_stride, b.row_stride, b.col_stride},
            {c.data + i * c_batch_stride, c.row_stride, c.col_stride}, epilogue);
  };
  // Large matrices are split among the threads one after the other; small ones are dealt out whole.
  const int64_t each = work(m, n, k) + 1;
  if (batch == 1 || each > 8 * kSerialWork) {
    for (int64_t i = 0; i < batch; ++i) one(i);
    return;
  }
  parallel_for(0, batch, std::max<int64_t>(1, kSerialWork / each), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) one(i);
  });
}

#define RL_INSTANTIATE(T)                                                                       \
  template void gemm<T>(int64_t, int64_t, int64_t, Matrix<const T>, Matrix<const T>, Matrix<T>, \
                        const Epilogue<T>&);                                                    \
  template void gemv<T>(int64_t, int64_t, Matrix<const T>, const T*, int64_t, T*, int64_t,      \
                        const Epilogue<T>&);                                                    \
  template void batched_gemm<T>(int64_t, int64_t, int64_t, int64_t, Matrix<const T>, int64_t,   \
                                Matrix<const T>, int64_t, Matrix<T>, int64_t, const Epilogue<T>&);
RL_INSTANTIATE(float)
RL_INSTANTIATE(double)
RL_INSTANTIATE(Half)
RL_INSTANTIATE(BFloat16)
RL_INSTANTIATE(uint8_t)
RL_INSTANTIATE(uint16_t)
RL_INSTANTIATE(uint32_t)
RL_INSTANTIATE(uint64_t)
RL_INSTANTIATE(int8_t)
RL_INSTANTIATE(int16_t)
RL_INSTANTIATE(int32_t)
RL_INSTANTIATE(int64_t)
RL_INSTANTIATE(std::complex<float>)
RL_INSTANTIATE(std::complex<double>)
#undef RL_INSTANTIATE

}  // namespace rushlight::cpu
#endif  // HWY_ONCE
