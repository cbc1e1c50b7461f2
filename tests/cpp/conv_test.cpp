// Convolution and its gradients against the defining sums: strides, padding, dilation, groups, odd sizes,
// both types, and the same bits on any number of threads.
#include "rushlight/kernels/cpu/conv.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <sstream>
#include <vector>

#include "rushlight/core/thread_pool.h"
#include "rushlight/kernels/cpu/winograd.h"

namespace rushlight::cpu {

void PrintTo(const ConvShape& s, std::ostream* out) {
  *out << "batch " << s.batch << " groups " << s.groups << " channels " << s.in_channels << " -> "
       << s.out_channels << " in " << s.in_h << 'x' << s.in_w << " kernel " << s.kernel_h << 'x' << s.kernel_w
       << " stride " << s.stride_h << 'x' << s.stride_w << " pad " << s.pad_top << 'x' << s.pad_left
       << " dilation " << s.dilation_h << 'x' << s.dilation_w << " out " << s.out_h << 'x' << s.out_w;
}

namespace {

// Visits every product: output index, input index, weight index.
template <class F>
void for_each_product(const ConvShape& s, F&& f) {
  const int64_t in = s.in_channels / s.groups, out = s.out_channels / s.groups;
  for (int64_t n = 0; n < s.batch; ++n)
    for (int64_t o = 0; o < s.out_channels; ++o)
      for (int64_t c = 0; c < in; ++c)
        for (int64_t i = 0; i < s.kernel_h; ++i)
          for (int64_t j = 0; j < s.kernel_w; ++j)
            for (int64_t y = 0; y < s.out_h; ++y)
              for (int64_t x = 0; x < s.out_w; ++x) {
                const int64_t row = y * s.stride_h - s.pad_top + i * s.dilation_h;
                const int64_t column = x * s.stride_w - s.pad_left + j * s.dilation_w;
                if (row < 0 || row >= s.in_h || column < 0 || column >= s.in_w) continue;
                f(((n * s.out_channels + o) * s.out_h + y) * s.out_w + x,
                  ((n * s.in_channels + o / out * in + c) * s.in_h + row) * s.in_w + column,
                  ((o * in + c) * s.kernel_h + i) * s.kernel_w + j);
              }
}

// Symmetric padding; the output's size follows.
ConvShape shape(int64_t batch, int64_t groups, int64_t in, int64_t out, int64_t h, int64_t w, int64_t kh,
                int64_t kw, int64_t stride = 1, int64_t pad = 0, int64_t dilation = 1) {
  ConvShape s{batch, groups, in, out, h, w, kh, kw, stride, stride, pad, pad, dilation, dilation};
  s.out_h = (h + 2 * pad - dilation * (kh - 1) - 1) / stride + 1;
  s.out_w = (w + 2 * pad - dilation * (kw - 1) - 1) / stride + 1;
  return s;
}

// The matrices of F(4x4, 3x3) by their definition, see winograd-inl.h: of the points of winograd.h, the last
// one being infinity.
struct WinogradMatrices {
  double input[6][6] = {}, filter[6][3] = {}, output[4][6] = {};

  WinogradMatrices() {
    const double points[] = {0, 0.625, -0.625, 1.5, -1.5};
    for (int k = 0; k < 6; ++k) {
      std::vector<double> polynomial = {1};  // M(x) / (x - points[k]), M(x) for infinity
      double others = 1;
      for (int q = 0; q < 5; ++q) {
        if (q == k) continue;
        polynomial.insert(polynomial.begin(), 0);
        for (size_t i = 0; i + 1 < polynomial.size(); ++i) polynomial[i] -= points[q] * polynomial[i + 1];
        if (k < 5) others *= points[k] - points[q];
      }
      std::copy(polynomial.begin(), polynomial.end(), input[k]);
      for (int i = 0; i < 3; ++i) filter[k][i] = k < 5 ? std::pow(points[k], i) / others : i == 2;
      for (int i = 0; i < 4; ++i) output[i][k] = k < 5 ? std::pow(points[k], i) : i == 3;
    }
  }
};

// to (R x R) = |m| * from * |m|^T
template <int R, int C>
void transform_magnitudes(const double (&m)[R][C], const double (&from)[C][C], double (&to)[R][R]) {
  for (int i = 0; i < R; ++i)
    for (int j = 0; j < R; ++j) {
      to[i][j] = 0;
      for (int k = 0; k < C; ++k)
        for (int l = 0; l < C; ++l) to[i][j] += std::abs(m[i][k]) * from[k][l] * std::abs(m[j][l]);
    }
}

// What bounds the rounding errors of Winograd's road as the sum of the magnitudes of the products bounds
// those of the defining sum: the whole computation with every number and every constant replaced by its
// magnitude (Barabasz et al., see winograd.h). A quarter of it: errors of up to 1.2 * 2^-24 times the whole
// were measured, and expect_result allows 8. `weight(o, c, i, j)` is the correlation's.
template <class F>
std::vector<double> winograd_magnitudes(const ConvShape& s, const float* x, const F& weight) {
  const WinogradMatrices matrices;
  std::vector<double> result(static_cast<size_t>(s.batch * s.out_channels * s.out_h * s.out_w));
  const int64_t down = (s.out_h + 3) / 4, across = (s.out_w + 3) / 4;
  struct Tile {
    double at[6][6];
  };
  std::vector<Tile> filters(static_cast<size_t>(s.out_channels * s.in_channels));
  for (size_t f = 0; f < filters.size(); ++f) {
    double g[3][3];
    for (int i = 0; i < 3; ++i)
      for (int j = 0; j < 3; ++j)
        g[i][j] = std::abs(
            weight(static_cast<int64_t>(f) / s.in_channels, static_cast<int64_t>(f) % s.in_channels, i, j));
    transform_magnitudes(matrices.filter, g, filters[f].at);
  }
  std::vector<Tile> inputs(static_cast<size_t>(s.in_channels));
  for (int64_t t = 0; t < s.batch * down * across; ++t) {
    const int64_t n = t / across / down, top = 4 * (t / across % down), left = 4 * (t % across);
    for (int64_t c = 0; c < s.in_channels; ++c) {
      double d[6][6] = {};
      for (int64_t i = 0; i < 6; ++i)
        for (int64_t j = 0; j < 6; ++j) {
          const int64_t row = top + i - s.pad_top, column = left + j - s.pad_left;
          if (row >= 0 && row < s.in_h && column >= 0 && column < s.in_w)
            d[i][j] = std::abs(double(x[((n * s.in_channels + c) * s.in_h + row) * s.in_w + column]));
        }
      transform_magnitudes(matrices.input, d, inputs[static_cast<size_t>(c)].at);
    }
    for (int64_t o = 0; o < s.out_channels; ++o) {
      double products[6][6] = {}, y[4][4];
      for (int64_t c = 0; c < s.in_channels; ++c)
        for (int k = 0; k < 36; ++k)
          products[k / 6][k % 6] += filters[static_cast<size_t>(o * s.in_channels + c)].at[k / 6][k % 6] *
                                    inputs[static_cast<size_t>(c)].at[k / 6][k % 6];
      transform_magnitudes(matrices.output, products, y);
      for (int64_t i = 0; i < 4 && top + i < s.out_h; ++i)
        for (int64_t j = 0; j < 4 && left + j < s.out_w; ++j)
          result[static_cast<size_t>(((n * s.out_channels + o) * s.out_h + top + i) * s.out_w + left + j)] =
              y[i][j] / 4;
    }
  }
  return result;
}

// The gradient with respect to the input of a convolution with stride 1, as a convolution.
ConvShape turned_around(ConvShape s) {
  std::swap(s.in_channels, s.out_channels);
  std::swap(s.in_h, s.out_h);
  std::swap(s.in_w, s.out_w);
  s.pad_top = s.kernel_h - 1 - s.pad_top, s.pad_left = s.kernel_w - 1 - s.pad_left;
  return s;
}

// Exactly as long as its contents, so that the address sanitizer sees a read past the end.
template <class T>
struct Buffer {
  explicit Buffer(int64_t count, std::mt19937* random = nullptr)
      : data(new T[static_cast<size_t>(count)]), count(count) {
    for (int64_t i = 0; i < count; ++i)
      data[i] = random ? T(static_cast<int>((*random)() % 2001) - 1000) / 1000 : T(NAN);
  }
  std::unique_ptr<T[]> data;
  int64_t count;
  T* get() { return data.get(); }
};

// `run` writes the result; it must match `want` on one thread and be the same to the bit on two and three.
template <class T, class F>
void expect_result(const std::vector<double>& want, const std::vector<double>& magnitude, F&& run) {
  const int64_t count = static_cast<int64_t>(want.size());
  Buffer<T> first(count);
  set_num_threads(1);
  run(first.get());
  const double epsilon = sizeof(T) == 4 ? 0x1p-24 : 0x1p-53;
  for (int64_t i = 0; i < count; ++i) {
    const size_t at = static_cast<size_t>(i);
    ASSERT_NEAR(first.data[i], want[at], 8 * epsilon * (1 + magnitude[at])) << "at " << i;
  }
  for (int threads : {2, 3}) {
    Buffer<T> other(count);
    set_num_threads(threads);
    run(other.get());
    ASSERT_EQ(std::memcmp(first.get(), other.get(), static_cast<size_t>(count) * sizeof(T)), 0)
        << threads << " threads";
  }
  set_num_threads(1);
}

template <class T>
void check(const ConvShape& s) {
  std::ostringstream trace;
  PrintTo(s, &trace);
  SCOPED_TRACE(trace.str());
  std::mt19937 random(7);
  const int64_t xs = s.batch * s.in_channels * s.in_h * s.in_w,
                ys = s.batch * s.out_channels * s.out_h * s.out_w;
  const int64_t ws = s.out_channels * (s.in_channels / s.groups) * s.kernel_h * s.kernel_w;
  Buffer<T> x(xs, &random), w(ws, &random), dy(ys, &random), bias(s.out_channels, &random),
      in_bias(s.in_channels, &random);

  struct Sums {
    std::vector<double> value, magnitude;
    explicit Sums(int64_t n) : value(static_cast<size_t>(n)), magnitude(static_cast<size_t>(n)) {}
    void add(int64_t at, double x) {
      value[static_cast<size_t>(at)] += x, magnitude[static_cast<size_t>(at)] += std::abs(x);
    }
  };
  Sums y(ys), biased(ys), dx(xs), dx_biased(xs), dw(ws), db(s.out_channels);
  for_each_product(s, [&](int64_t yi, int64_t xi, int64_t wi) {
    y.add(yi, double(x.data[xi]) * double(w.data[wi]));
    dx.add(xi, double(dy.data[yi]) * double(w.data[wi]));
    dw.add(wi, double(dy.data[yi]) * double(x.data[xi]));
  });
  if constexpr (sizeof(T) == 4) {
    if (winograd_pays(s)) {
      y.magnitude = winograd_magnitudes(s, x.get(), [&](int64_t o, int64_t c, int64_t i, int64_t j) {
        return w.data[((o * s.in_channels + c) * 3 + i) * 3 + j];
      });
    }
    if (const ConvShape turned = turned_around(s); winograd_pays(turned)) {
      dx.magnitude = winograd_magnitudes(turned, dy.get(), [&](int64_t c, int64_t o, int64_t i, int64_t j) {
        return w.data[((o * s.in_channels + c) * 3 + 2 - i) * 3 + 2 - j];
      });
    }
  }
  biased = y, dx_biased = dx;
  for (int64_t i = 0; i < ys; ++i) {
    const int64_t channel = i / (s.out_h * s.out_w) % s.out_channels;
    biased.add(i, double(bias.data[channel]));
    db.add(channel, double(dy.data[i]));
  }
  for (int64_t i = 0; i < xs; ++i)
    dx_biased.add(i, double(in_bias.data[i / (s.in_h * s.in_w) % s.in_channels]));

  {
    SCOPED_TRACE("forward");
    expect_result<T>(y.value, y.magnitude, [&](T* r) { conv2d_forward<T>(s, x.get(), w.get(), nullptr, r); });
  }
  {
    SCOPED_TRACE("forward with bias");
    expect_result<T>(biased.value, biased.magnitude,
                     [&](T* r) { conv2d_forward<T>(s, x.get(), w.get(), bias.get(), r); });
  }
  {
    SCOPED_TRACE("backward input");
    expect_result<T>(dx.value, dx.magnitude,
                     [&](T* r) { conv2d_backward_input<T>(s, dy.get(), w.get(), nullptr, r); });
  }
  {
    SCOPED_TRACE("backward input with bias");
    expect_result<T>(dx_biased.value, dx_biased.magnitude,
                     [&](T* r) { conv2d_backward_input<T>(s, dy.get(), w.get(), in_bias.get(), r); });
  }
  {
    SCOPED_TRACE("backward weight");
    expect_result<T>(dw.value, dw.magnitude,
                     [&](T* r) { conv2d_backward_weight<T>(s, dy.get(), x.get(), r); });
  }
  {
    SCOPED_TRACE("backward bias");
    expect_result<T>(db.value, db.magnitude, [&](T* r) { conv2d_backward_bias<T>(s, dy.get(), r); });
  }
}

class ConvTest : public testing::TestWithParam<ConvShape> {};
TEST_P(ConvTest, Float) { check<float>(GetParam()); }
TEST_P(ConvTest, Double) { check<double>(GetParam()); }

INSTANTIATE_TEST_SUITE_P(
    Common, ConvTest,
    testing::Values(shape(3, 1, 1, 8, 28, 28, 3, 3), shape(2, 1, 1, 6, 28, 28, 5, 5, 1, 2),
                    shape(2, 1, 8, 16, 13, 13, 3, 3, 1, 1), shape(2, 1, 16, 32, 12, 12, 5, 5),
                    shape(2, 1, 3, 7, 17, 19, 3, 3, 2, 1), shape(1, 1, 5, 9, 23, 11, 7, 7, 2, 3),
                    shape(2, 1, 4, 5, 9, 9, 1, 1), shape(2, 2, 4, 6, 9, 9, 1, 1),
                    shape(2, 1, 4, 5, 9, 9, 1, 1, 2), shape(2, 1, 4, 5, 9, 9, 1, 1, 3, 1),
                    shape(1, 1, 50, 14, 7, 7, 3, 3, 1, 1), shape(1, 1, 100, 103, 6, 5, 3, 3, 1, 1),
                    shape(33, 1, 2, 3, 6, 6, 3, 3)));
INSTANTIATE_TEST_SUITE_P(Groups, ConvTest,
                         testing::Values(shape(2, 2, 6, 8, 10, 11, 3, 3, 1, 1),
                                         shape(2, 6, 6, 6, 15, 15, 3, 3, 1, 1),
                                         shape(2, 6, 6, 6, 40, 37, 3, 3, 2, 1),
                                         shape(2, 3, 3, 6, 12, 12, 5, 5, 1, 2),
                                         shape(1, 4, 8, 4, 9, 70, 3, 3, 1, 2, 2)));
INSTANTIATE_TEST_SUITE_P(Dilated, ConvTest,
                         testing::Values(shape(2, 1, 3, 4, 15, 16, 3, 3, 1, 2, 2),
                                         shape(2, 1, 3, 4, 15, 16, 3, 2, 2, 3, 3),
                                         shape(1, 1, 2, 2, 20, 20, 3, 3, 3, 0, 2),
                                         shape(1, 1, 2, 2, 20, 20, 2, 2, 4, 1, 4)));
INSTANTIATE_TEST_SUITE_P(OneDimension, ConvTest,
                         testing::Values(ConvShape{3, 1, 4, 6, 1, 50, 1, 3, 1, 1, 0, 1, 1, 1, 1, 50},
                                         ConvShape{2, 1, 4, 6, 1, 50, 1, 5, 1, 3, 0, 2, 1, 2, 1, 16},
                                         ConvShape{1, 1, 40, 3, 1, 3000, 1, 9, 1, 1, 0, 4, 1, 1, 1, 3000},
                                         ConvShape{1, 1, 2, 3, 300, 1, 9, 1, 2, 1, 4, 0, 1, 1, 150, 1}));
// Enough channels for Winograd's road: whole tiles and parts of tiles, several chunks of rows, any padding.
INSTANTIATE_TEST_SUITE_P(
    Winograd, ConvTest,
    testing::Values(shape(1, 1, 32, 32, 16, 16, 3, 3, 1, 1), shape(2, 1, 33, 40, 17, 30, 3, 3, 1, 1),
                    shape(3, 1, 64, 70, 9, 14, 3, 3), shape(5, 1, 40, 135, 7, 7, 3, 3, 1, 1),
                    shape(2, 1, 34, 32, 8, 21, 3, 3, 1, 3), shape(1, 1, 300, 34, 13, 15, 3, 3, 1, 1),
                    shape(3, 1, 16, 17, 14, 14, 3, 3, 1, 1), shape(1, 1, 20, 130, 13, 16, 3, 3, 1, 1),
                    shape(40, 1, 18, 16, 3, 2, 3, 3, 1, 2),
                    ConvShape{1, 1, 32, 32, 20, 20, 3, 3, 1, 1, -1, 2, 1, 1, 17, 23}));
// Enough channels for a product whose right operand is packed from the image: strides, joined images, groups,
// panels that hold many rows, several tiles and several steps of the sum.
INSTANTIATE_TEST_SUITE_P(
    Positions, ConvTest,
    testing::Values(shape(3, 1, 33, 40, 9, 11, 3, 3, 2, 1), shape(40, 1, 32, 32, 3, 3, 3, 3),
                    shape(2, 2, 64, 66, 8, 7, 3, 3, 1, 1), shape(1, 1, 32, 230, 23, 17, 3, 3, 2, 1),
                    shape(5, 1, 40, 33, 7, 30, 3, 2, 3, 1, 2), shape(2, 1, 140, 35, 7, 6, 3, 3, 1, 1),
                    shape(3, 1, 130, 64, 5, 5, 1, 1, 2), shape(3, 2, 264, 260, 5, 7, 1, 1),
                    shape(5, 1, 130, 33, 7, 7, 1, 1), shape(3, 1, 130, 33, 14, 13, 1, 1, 2),
                    shape(2, 2, 260, 66, 1, 3, 1, 1), shape(1, 1, 128, 32, 40, 37, 1, 1, 2),
                    shape(2, 1, 32, 64, 9, 1, 3, 1, 2), shape(9, 1, 32, 130, 16, 15, 3, 3, 2, 1),
                    ConvShape{2, 1, 36, 32, 10, 12, 3, 3, 1, 2, -2, -1, 1, 1, 5, 4},
                    ConvShape{2, 1, 36, 32, 6, 9, 3, 3, 2, 2, 4, 3, 1, 1, 6, 7}));
// One image whose positions are rows of the product, as they would leave a sliver of a tile as columns.
INSTANTIATE_TEST_SUITE_P(Turned, ConvTest,
                         testing::Values(shape(1, 1, 530, 97, 7, 7, 1, 1), shape(1, 2, 1030, 200, 5, 5, 1, 1),
                                         shape(1, 1, 530, 66, 13, 13, 1, 1, 2),
                                         shape(1, 1, 66, 512, 7, 7, 1, 1), shape(1, 1, 512, 70, 1, 3, 1, 1)));
// A small image and more filters than positions: the gradient with respect to the input adds up shares.
INSTANTIATE_TEST_SUITE_P(Scatter, ConvTest,
                         testing::Values(shape(1, 1, 20, 130, 8, 8, 3, 3, 2, 1),
                                         shape(1, 2, 66, 260, 5, 7, 3, 3, 1, 1),
                                         shape(1, 1, 3, 128, 9, 9, 2, 3, 3, 2, 2)));
// Roads of the gradient with respect to the weight: products over all positions.
INSTANTIATE_TEST_SUITE_P(ManyChannels, ConvTest,
                         testing::Values(shape(3, 1, 3, 97, 9, 11, 3, 3, 2, 1),
                                         shape(2, 1, 5, 100, 40, 33, 3, 3, 1, 1),
                                         shape(9, 1, 20, 97, 10, 11, 1, 1), shape(11, 1, 35, 9, 7, 7, 1, 1),
                                         shape(2, 1, 6, 5, 18, 17, 1, 1), shape(2, 3, 6, 6, 18, 17, 1, 1),
                                         shape(4, 1, 6, 5, 9, 7, 1, 1, 2),
                                         shape(2, 2, 4, 6, 19, 17, 1, 1, 2)));
INSTANTIATE_TEST_SUITE_P(
    Depthwise, ConvTest,
    testing::Values(shape(2, 5, 5, 5, 7, 7, 3, 3, 1, 1), shape(3, 70, 70, 70, 2, 3, 3, 3, 1, 1),
                    shape(2, 40, 40, 40, 9, 8, 3, 3, 2, 1), shape(1, 3, 3, 3, 11, 10, 3, 3, 2, 0),
                    shape(1, 3, 3, 3, 10, 9, 5, 5, 2, 3),
                    ConvShape{1, 2, 2, 2, 9, 9, 3, 3, 2, 2, -1, -2, 1, 1, 4, 3},
                    shape(2, 3, 3, 3, 130, 120, 3, 3, 2, 1), shape(1, 3, 3, 3, 21, 33, 5, 5, 3, 2),
                    shape(2, 3, 3, 3, 12, 9, 3, 2, 1, 2, 3), shape(1, 2, 2, 2, 9, 9, 2, 2, 4),
                    shape(1, 2, 2, 2, 5, 2000, 3, 3, 1, 1), shape(2, 5, 5, 5, 7, 7, 3, 3, 1, 1),
                    shape(3, 3, 3, 3, 9, 4, 3, 3, 1, 2), shape(2, 2, 2, 2, 30, 29, 3, 3, 1, 1),
                    shape(1, 1, 1, 1, 300, 290, 3, 3, 1, 1), shape(1, 2, 2, 2, 1, 2, 3, 3, 1, 3),
                    ConvShape{2, 3, 3, 3, 9, 9, 3, 3, 1, 1, -1, -2, 1, 1, 7, 6}));
// Short rows: images are joined.
INSTANTIATE_TEST_SUITE_P(
    Short, ConvTest,
    testing::Values(shape(21, 1, 5, 9, 4, 4, 3, 3, 1, 1), shape(16, 1, 3, 4, 5, 5, 5, 5),
                    shape(40, 2, 4, 6, 2, 2, 3, 3, 1, 1), shape(9, 1, 3, 5, 9, 8, 3, 3, 2, 1),
                    shape(8, 4, 4, 4, 4, 4, 3, 3, 1, 1), shape(17, 1, 3, 2, 11, 11, 3, 3, 3, 1, 2),
                    shape(10, 1, 90, 5, 3, 3, 3, 3, 1, 1), shape(19, 3, 3, 6, 600, 4, 3, 3, 1, 1)));
// Asymmetric or negative padding, strides longer than the kernel, kernels larger than the input, windows
// beyond it.
INSTANTIATE_TEST_SUITE_P(Odd, ConvTest,
                         testing::Values(ConvShape{2, 1, 2, 3, 8, 8, 3, 3, 1, 1, 0, 2, 1, 1, 9, 8},
                                         ConvShape{2, 1, 2, 3, 10, 12, 3, 3, 1, 1, -2, -1, 1, 1, 5, 7},
                                         ConvShape{1, 1, 2, 3, 20, 20, 2, 2, 5, 7, 0, 0, 1, 1, 4, 3},
                                         ConvShape{1, 1, 2, 3, 3, 3, 5, 5, 1, 1, 2, 2, 1, 1, 3, 3},
                                         ConvShape{1, 1, 2, 3, 4, 4, 1, 1, 1, 1, 3, 3, 1, 1, 10, 10},
                                         ConvShape{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1},
                                         shape(5, 1, 3, 4, 4, 4, 4, 4),
                                         shape(1, 1, 2, 20, 70, 300, 3, 3, 1, 1),
                                         shape(2, 1, 300, 2, 4, 4, 3, 3, 2, 1)));

// The figures of winograd.h: numbers with both signs, where the transforms cost accuracy, and inputs that are
// not negative, as behind a ReLU. Rounding errors of a sum of C terms grow as C, the sum itself as the root
// of C.
TEST(WinogradTest, ErrorAgainstDouble) {
  set_num_threads(1);
  for (const int64_t channels : {64, 128, 256, 512}) {
    const ConvShape s = shape(1, 1, channels, 64, 28, 28, 3, 3, 1, 1);
    ASSERT_TRUE(winograd_pays(s));
    for (const bool negative : {true, false}) {
      std::mt19937 random(11);
      std::normal_distribution<float> normal;
      const size_t xs = static_cast<size_t>(channels * 28 * 28), ws = static_cast<size_t>(64 * channels * 9);
      std::vector<float> x(xs), w(ws), y(64 * 28 * 28);
      for (float& value : x) value = negative ? normal(random) : std::abs(normal(random));
      for (float& value : w) value = normal(random);
      conv2d_forward<float>(s, x.data(), w.data(), nullptr, y.data());
      const std::vector<double> x64(x.begin(), x.end()), w64(w.begin(), w.end());
      std::vector<double> want(y.size());
      conv2d_forward<double>(s, x64.data(), w64.data(), nullptr, want.data());
      double error = 0, power = 0;
      for (size_t i = 0; i < y.size(); ++i) error += std::pow(y[i] - want[i], 2), power += want[i] * want[i];
      const double measured = std::sqrt(error / power) / (0x1p-24 * std::sqrt(double(channels)));
      EXPECT_LT(measured, negative ? 1.8 : 1.15) << channels << " channels";
    }
  }
}

TEST(ConvEdgeTest, EmptyBatchAndChannels) {
  const ConvShape empty = shape(0, 1, 2, 3, 5, 5, 3, 3);
  const std::vector<double> w(2 * 3 * 9, 1);
  std::vector<double> dw(2 * 3 * 9, NAN), db(3, NAN);
  conv2d_forward<double>(empty, nullptr, w.data(), nullptr, nullptr);
  conv2d_backward_input<double>(empty, nullptr, w.data(), nullptr, nullptr);
  conv2d_backward_weight<double>(empty, nullptr, nullptr, dw.data());
  conv2d_backward_bias<double>(empty, nullptr, db.data());
  EXPECT_EQ(dw, std::vector<double>(2 * 3 * 9, 0));
  EXPECT_EQ(db, std::vector<double>(3, 0));

  const ConvShape no_input = shape(1, 1, 0, 2, 3, 3, 2, 2);
  const double bias[] = {1, 2};
  std::vector<double> y(8, NAN);
  conv2d_forward<double>(no_input, nullptr, nullptr, bias, y.data());
  EXPECT_EQ(y, (std::vector<double>{1, 1, 1, 1, 2, 2, 2, 2}));
}

TEST(ConvEdgeTest, PaddingDoesNotSpreadNaN) {
  // A NaN reaches the nine positions around it and no other.
  const ConvShape s = shape(1, 1, 1, 1, 20, 21, 3, 3, 1, 1);
  std::vector<float> x(20 * 21, 1), w(9, 1), y(20 * 21);
  x[5 * 21 + 20] = NAN;
  conv2d_forward<float>(s, x.data(), w.data(), nullptr, y.data());
  for (int i = 0; i < 20; ++i) {
    for (int j = 0; j < 21; ++j)
      EXPECT_EQ(std::isnan(y[static_cast<size_t>(i * 21 + j)]), i >= 4 && i <= 6 && j >= 19);
  }
}

}  // namespace
}  // namespace rushlight::cpu
