// Convolution, pooling, normalisation, embedding, resampling and attention: against plain loops, and the
// gradients of their kernels against the compositions that serve the higher orders.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "rushlight/autograd/engine.h"
#include "rushlight/autograd/variable.h"
#include "rushlight/ops/ops.h"

namespace rushlight {
namespace {

namespace F = nn::functional;

std::vector<double> values(const Tensor& t) {
  const Tensor dense = t.detach().to(DType::Float64).contiguous();
  return {dense.data<double>(), dense.data<double>() + dense.numel()};
}

// Fixed numbers without pattern, in (-1, 1).
Tensor numbers(DimsRef sizes, uint64_t seed, DType dtype = DType::Float64) {
  Tensor t = make_tensor(sizes, DType::Float64);
  uint64_t state = seed * 0x9E3779B97F4A7C15u + 1;
  for (int64_t i = 0; i < t.numel(); ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    t.data<double>()[i] = static_cast<double>(static_cast<int64_t>(state) >> 11) / 4503599627370496.0;
  }
  return t.to(dtype);
}

void expect_close(const Tensor& a, const Tensor& b, double tolerance) {
  ASSERT_EQ(a.sizes(), b.sizes());
  const auto x = values(a), y = values(b);
  for (size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(x[i], y[i], tolerance) << "element " << i;
}

template <class E, class Call>
std::string message(Call&& f) {
  try {
    f();
  } catch (const E& e) {
    return e.what();
  }
  return "nothing thrown";
}

// The gradients of f's weighted sum by kernels, by the composition that a graph of the gradient asks for, and
// by differences.
template <class Call>
void check_gradients(std::vector<Tensor> inputs, Call f, double tolerance = 1e-6) {
  for (Tensor& t : inputs) t.set_requires_grad(true);
  const Tensor y = f(inputs), w = numbers(y.sizes(), 99);
  const auto gradients = [&](bool graph) {
    return autograd::grad({(f(inputs) * w).sum()}, inputs, {}, {graph, graph});
  };
  const TensorVector plain = gradients(false), recorded = gradients(true);
  for (size_t k = 0; k < inputs.size(); ++k) {
    expect_close(plain[k], recorded[k], 1e-9);
    const autograd::NoGrad guard;
    const Tensor flat = inputs[k].detach().view(-1);
    for (int64_t i = 0; i < flat.numel(); i += std::max<int64_t>(1, flat.numel() / 7)) {
      double& cell = flat.data<double>()[i];
      const double before = cell, step = 1e-5;
      cell = before + step;
      const double up = (f(inputs) * w).sum().template item<double>();
      cell = before - step;
      const double down = (f(inputs) * w).sum().template item<double>();
      cell = before;
      ASSERT_NEAR(values(plain[k])[i], (up - down) / (2 * step), tolerance)
          << "input " << k << ", element " << i;
    }
  }
  // The gradient of the gradient, by differences of the gradient.
  Tensor total = zeros({}, DType::Float64);
  for (size_t k = 0; k < inputs.size(); ++k) {
    if (recorded[k].requires_grad())
      total = total + (recorded[k] * numbers(recorded[k].sizes(), 7 + k)).sum();
  }
  if (!total.requires_grad()) return;
  const TensorVector second = autograd::grad({total}, inputs, {}, {}, true);
  const auto slope = [&] {
    const TensorVector g = gradients(false);
    double sum = 0;
    for (size_t k = 0; k < g.size(); ++k) {
      if (recorded[k].requires_grad()) sum += (g[k] * numbers(g[k].sizes(), 7 + k)).sum().item<double>();
    }
    return sum;
  };
  for (size_t k = 0; k < inputs.size(); ++k) {
    const Tensor flat = inputs[k].detach().view(-1);
    double& cell = flat.data<double>()[flat.numel() / 2];
    const double before = cell, step = 1e-5;
    cell = before + step;
    const double up = slope();
    cell = before - step;
    const double down = slope();
    cell = before;
    const double expected = (up - down) / (2 * step);
    ASSERT_NEAR(second[k].defined() ? values(second[k])[flat.numel() / 2] : 0.0, expected, 10 * tolerance)
        << "input " << k;
  }
}

TEST(Layers, ConvolutionIsTheSumOverWindows) {
  const Tensor x = numbers({2, 4, 7, 6}, 1), w = numbers({6, 2, 3, 2}, 2), b = numbers(6, 3);
  const Tensor y = F::conv2d(x, w, b, {2, 1}, {1, 2}, {1, 2}, 2);
  ASSERT_EQ(y.sizes(), (Dims{2, 6, 4, 8}));
  const auto xs = values(x), ws = values(w), bs = values(b), ys = values(y);
  for (int64_t i = 0; i < y.numel(); ++i) {
    const int64_t ox = i % 8, oy = i / 8 % 4, o = i / 32 % 6, n = i / 192;
    double sum = bs[o];
    for (int64_t c = 0; c < 2; ++c) {
      for (int64_t ky = 0; ky < 3; ++ky) {
        for (int64_t kx = 0; kx < 2; ++kx) {
          const int64_t iy = 2 * oy - 1 + ky, ix = ox - 2 + 2 * kx;
          if (iy < 0 || iy >= 7 || ix < 0 || ix >= 6) continue;
          sum += xs[((n * 4 + o / 3 * 2 + c) * 7 + iy) * 6 + ix] * ws[((o * 2 + c) * 3 + ky) * 2 + kx];
        }
      }
    }
    ASSERT_NEAR(ys[i], sum, 1e-12);
  }
}

TEST(Layers, ConvolutionsHaveGradientsOfAllOrders) {
  check_gradients({numbers({2, 4, 6, 5}, 1), numbers({6, 2, 3, 2}, 2), numbers(6, 3)},
                  [](const std::vector<Tensor>& v) {
                    return F::conv2d(v[0], v[1], v[2], {2, 1}, {1, 0}, {1, 2}, 2);
                  });
  check_gradients({numbers({2, 4, 3, 4}, 1), numbers({4, 3, 3, 2}, 2), numbers(6, 3)},
                  [](const std::vector<Tensor>& v) {
                    return F::conv_transpose2d(v[0], v[1], v[2], {2, 3}, {1, 0}, {1, 2}, 2);
                  });
  check_gradients({numbers({3, 9}, 1), numbers({4, 3, 4}, 2)},
                  [](const std::vector<Tensor>& v) { return F::conv1d(v[0], v[1], {}, 1, "same"); });
  check_gradients({numbers({1, 2, 4, 5, 4}, 1), numbers({3, 2, 2, 3, 2}, 2), numbers(3, 3)},
                  [](const std::vector<Tensor>& v) {
                    return F::conv3d(v[0], v[1], v[2], {2, 1, 1}, {1, 0, 1});
                  });
}

TEST(Layers, PoolingHasGradientsOfAllOrders) {
  check_gradients({numbers({2, 3, 7, 8}, 1)}, [](const std::vector<Tensor>& v) -> Tensor {
    return F::max_pool2d(v[0], 3, 2, 1) * v[0].mean();
  });
  check_gradients({numbers({2, 3, 7, 8}, 1)}, [](const std::vector<Tensor>& v) -> Tensor {
    return F::avg_pool2d(v[0], {3, 2}, 2, {1, 1}, true, false).pow(3);
  });
  check_gradients({numbers({2, 3, 7, 8}, 1)}, [](const std::vector<Tensor>& v) -> Tensor {
    return F::adaptive_avg_pool2d(v[0], {3, 5}).pow(3);
  });
}

TEST(Layers, MaxPoolTakesTheFirstOfEqualsAndKeepsNaN) {
  Tensor x = zeros({1, 2, 4}, DType::Float32);
  x.data<float>()[6] = std::numeric_limits<float>::quiet_NaN();
  const WithIndices r = F::max_pool2d(x, 2, {}, 0, 1, false, true);
  EXPECT_EQ(values(r.indices), (std::vector<double>{0, 6}));
  EXPECT_TRUE(std::isnan(values(r)[1]));
}

TEST(Layers, NormalisationHasGradientsOfAllOrders) {
  const auto norm = [](auto f) {
    return [f](const std::vector<Tensor>& v) -> Tensor { return f(v).pow(2) + f(v); };
  };
  check_gradients(
      {numbers({4, 3, 5}, 1), numbers(3, 2), numbers(3, 3)},
      norm([](const std::vector<Tensor>& v) { return F::batch_norm(v[0], {}, {}, v[1], v[2], true); }), 1e-5);
  check_gradients(
      {numbers({5, 3}, 1), numbers(3, 2), numbers(3, 3)},
      norm([](const std::vector<Tensor>& v) { return F::batch_norm(v[0], {}, {}, v[1], v[2], true); }), 1e-5);
  const Tensor mean = numbers(3, 8), var = numbers(3, 9).abs() + 0.5;
  check_gradients(
      {numbers({4, 3, 5}, 1), numbers(3, 2), numbers(3, 3)},
      norm([&](const std::vector<Tensor>& v) { return F::batch_norm(v[0], mean, var, v[1], v[2], false); }),
      1e-5);
  check_gradients({numbers({4, 3, 5}, 1), numbers({3, 5}, 2), numbers({3, 5}, 3)},
                  norm([](const std::vector<Tensor>& v) {
                    return F::layer_norm(v[0], {3, 5}, v[1], v[2]);
                  }),
                  1e-5);
  check_gradients({numbers({2, 6, 5}, 1), numbers(6, 2), numbers(6, 3)},
                  norm([](const std::vector<Tensor>& v) { return F::group_norm(v[0], 3, v[1], v[2]); }),
                  1e-5);
}

TEST(Layers, BatchNormMovesTheRunningStatistics) {
  const Tensor x = numbers({4, 2, 3}, 1, DType::Float32), mean = zeros(2), var = ones(2);
  F::batch_norm(x, mean, var, {}, {}, true, 0.25);
  const Tensor by_channel = x.transpose(0, 1).reshape({2, 12});
  expect_close(mean, by_channel.mean({1}) * 0.25, 1e-6);
  expect_close(var, by_channel.var({1}) * 0.25 + 0.75, 1e-6);
  EXPECT_EQ(message<ValueError>([] {
              F::batch_norm(zeros({1, 3}), {}, {}, {}, {}, true);
            }),
            "Expected more than 1 value per channel when training, got input size torch.Size([1, 3])");
}

TEST(Layers, EmbeddingAddsUpTheGradientsOfARow) {
  Tensor index = zeros(3, DType::Int64);
  index.data<int64_t>()[1] = 2;
  const Tensor table = numbers({3, 2}, 1);
  table.set_requires_grad(true);
  F::embedding(index, table, 2).sum().backward();
  EXPECT_EQ(values(table.grad()), (std::vector<double>{2, 2, 0, 0, 0, 0}));
  index.data<int64_t>()[0] = 3;
  EXPECT_EQ(message<IndexError>([&] { F::embedding(index, table); }), "index out of range in self");
}

TEST(Layers, ResamplingAndFoldingHaveGradients) {
  check_gradients({numbers({2, 3, 4, 5}, 1)}, [](const std::vector<Tensor>& v) -> Tensor {
    return F::interpolate(v[0], Dims{7, 3}, {}, "bilinear").pow(2);
  });
  check_gradients({numbers({2, 3, 4, 5}, 1)}, [](const std::vector<Tensor>& v) -> Tensor {
    return F::interpolate(v[0], {}, 1.7, "bicubic").pow(2);
  });
  check_gradients({numbers({2, 3, 5, 6}, 1)}, [](const std::vector<Tensor>& v) -> Tensor {
    return F::unfold(v[0], {2, 3}, {2, 1}, 1, {1, 2}).pow(2);
  });
  check_gradients({numbers({2, 12, 20}, 1)}, [](const std::vector<Tensor>& v) -> Tensor {
    return F::fold(v[0], {5, 6}, 2).pow(2);
  });
}

TEST(Layers, AttentionKernelAgreesWithTheComposition) {
  const Tensor q = numbers({2, 4, 70, 8}, 1), k = numbers({2, 2, 90, 8}, 2), v = numbers({2, 2, 90, 8}, 3),
               mask = numbers({70, 90}, 4);
  const Tensor key = k.repeat_interleave(2, 1), value = v.repeat_interleave(2, 1);
  const Tensor weights = softmax(q.matmul(key.transpose(-2, -1)) * 0.5 + mask, -1);
  expect_close(F::scaled_dot_product_attention(q, k, v, mask, 0.0, false, 0.5, true), weights.matmul(value),
               1e-12);
}

TEST(Layers, AttentionHasGradientsOfAllOrders) {
  const auto attend = [](const std::vector<Tensor>& v) -> Tensor {
    return F::scaled_dot_product_attention(v[0], v[1], v[2], {}, 0.0, true, {}, true);
  };
  check_gradients({numbers({1, 4, 5, 3}, 1), numbers({1, 2, 6, 3}, 2), numbers({1, 2, 6, 3}, 3)}, attend);
}

}  // namespace
}  // namespace rushlight
