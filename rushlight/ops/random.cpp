// Random tensors and random fills.
#include "rushlight/ops/random.h"

#include <algorithm>
#include <cmath>

#include "rushlight/autograd/record.h"
#include "rushlight/core/warning.h"
#include "rushlight/kernels/cpu/random.h"
#include "rushlight/kernels/math/random_arguments.h"
#include "rushlight/ops/fused.h"
#include "rushlight/ops/memory.h"

namespace rushlight {
namespace {

using autograd::Gradients;
using autograd::Node;
using autograd::Record;
using autograd::tracks;

// The dimensions in the order in which random numbers are laid down: largest stride first, ties as they
// stand.
Dims memory_order(const Tensor& t) {
  Dims order(t.dim());
  for (int64_t d = 0; d < t.dim(); ++d) order[d] = d;
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    const int64_t sa = t.strides()[a], sb = t.strides()[b];
    return sa > sb && sb != 0;
  });
  return order;
}

// draw(out, contiguous) writes t.numel() values one after the other; they land in the order of t's memory.
template <class Draw>
void draw_into(const Tensor& t, Draw draw) {
  if (t.numel() == 0) return;
  if (is_dense(t)) return draw(t.raw_data(), t.is_contiguous());
  const Tensor target = t.detach().permute(memory_order(t));
  const Tensor buffer = make_tensor(target.sizes(), t.dtype());
  draw(buffer.raw_data(), false);
  target.copy_(buffer);
}

// The in-place operation: what was in `self` has no gradient any more.
template <class Draw>
const Tensor& overwrite(const char* node, const Tensor& self, Draw draw) {
  const bool recorded = tracks(self);
  autograd::check_in_place(self);
  check_no_internal_overlap(self);
  Record record(node, {self});
  {
    autograd::NoGrad guard;
    draw();
  }
  if (recorded)
    return record.rule_in_place(self, [](Node&, const Tensor& g) -> Tensor { return zeros_like(g); });
  self.bump_version();
  return self;
}

// `self` as the real numbers that it consists of.
Tensor real_view(const Tensor& self) {
  return is_complex(self.dtype()) ? view_as_real(self.detach()) : self.detach();
}

const Tensor& random_range(const char* node, const Tensor& self, int64_t from, OptInt to,
                           OptGenerator generator) {
  const RandomRange r = random_range_arguments(self.dtype(), from, to);
  for (const std::string& text : r.warnings)
    if (!text.empty()) warn(text);
  return overwrite(node, self, [&] {
    draw_into(self, [&](void* out, bool) {
      Generator& g = generator_or_default(generator);
      if (r.full) cpu::random_full_range(self.dtype(), out, self.numel(), g);
      else cpu::random_range(self.dtype(), out, self.numel(), r.range, r.base, g);
    });
  });
}

Tensor finish(const Tensor& t, bool requires_grad) {
  begin_versions(t);
  if (requires_grad) t.set_requires_grad(true);
  return t;
}

// Random results whose inputs get zeros as gradients.
Tensor flat(const char* node, const Tensor& out, const Tensor& a, const Tensor& b = {}) {
  if (!tracks(a, b)) return out;
  return Record(node, {a, b}).rule(out, [](Node& n, const Gradients& grads) {
    Gradients result;
    result.resize(2);
    for (int i = 0; i < 2; ++i)
      if (n.needs(i)) result[i] = zeros_like(grads[0]);
    return result;
  });
}

void check_std(const Tensor& deviation) {
  RL_CHECK(!is_complex(deviation.dtype()), "normal expects standard deviation to be non-complex");
  RL_CHECK(deviation.numel() == 0 || deviation.min().item().to_double() >= 0,
           "normal expects all elements of std >= 0.0");
}

}  // namespace

void manual_seed(uint64_t seed) { default_generator().manual_seed(seed); }

void draw_rrelu_slopes(const Tensor& slopes, const Tensor& negative, double lower, double upper,
                       OptGenerator generator) {
  Generator& g = generator_or_default(generator);
  const auto lock = g.lock();
  const bool* draws = negative.data<bool>();
  visit_dtype(slopes.dtype(), [&]<class T>() {
    if constexpr (std::is_floating_point_v<T> || std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
      for (int64_t i = 0; i < slopes.numel(); ++i) {
        using Wide = std::conditional_t<std::is_same_v<T, double>, double, float>;
        slopes.data<T>()[i] =
            T(draws[i] ? static_cast<Wide>(g.next_double() * (upper - lower) + lower) : Wide(1));
      }
    } else {
      throw_error<NotImplementedError>("\"rrelu_with_noise_out_cpu\" not implemented for '",
                                       info(slopes.dtype()).message_name, "'");
    }
  });
}

// ---- in place

const Tensor& uniform_(const Tensor& self, double from, double to, OptGenerator generator) {
  const Tensor t = real_view(self);
  check_uniform(t.dtype(), from, to);
  return overwrite("UniformBackward0", self, [&] {
    draw_into(t, [&](void* out, bool) {
      cpu::uniform(t.dtype(), out, t.numel(), from, to, generator_or_default(generator));
    });
  });
}

const Tensor& normal_(const Tensor& self, double mean, double deviation, OptGenerator generator) {
  check_normal(deviation);
  const Tensor t = real_view(self);
  if (is_complex(self.dtype())) deviation /= std::sqrt(2.0);
  return overwrite("NormalBackward0", self, [&] {
    draw_into(t, [&](void* out, bool contiguous) {
      cpu::normal(t.dtype(), out, t.numel(), mean, deviation, generator_or_default(generator), contiguous);
    });
  });
}

const Tensor& random_(const Tensor& self, OptGenerator generator) {
  return overwrite("RandomBackward2", self, [&] {
    draw_into(self, [&](void* out, bool) {
      cpu::random_default(self.dtype(), out, self.numel(), generator_or_default(generator));
    });
  });
}
const Tensor& random_(const Tensor& self, int64_t from, OptInt to, OptGenerator generator) {
  return random_range("RandomBackward0", self, from, to, generator);
}
const Tensor& random_(const Tensor& self, int64_t to, OptGenerator generator) {
  return random_range("RandomBackward1", self, 0, to, generator);
}

const Tensor& bernoulli_(const Tensor& self, const Tensor& p, OptGenerator generator) {
  RL_CHECK_AS(NotImplementedError, is_floating(p.dtype()),
              "\"bernoulli_tensor_cpu_p_\" not implemented for '", info(p.dtype()).message_name, "'");
  return overwrite("BernoulliBackward1", self, [&] {
    const Tensor chances = p.expand(self.sizes()).permute(memory_order(self)).contiguous();
    draw_into(self, [&](void* out, bool) {
      cpu::bernoulli_each(self.dtype(), out, self.numel(), p.dtype(), chances.raw_data(),
                          generator_or_default(generator));
    });
  });
}
const Tensor& bernoulli_(const Tensor& self, double p, OptGenerator generator) {
  check_bernoulli(p);
  return overwrite("BernoulliBackward2", self, [&] {
    draw_into(self, [&](void* out, bool) {
      cpu::bernoulli(self.dtype(), out, self.numel(), p, generator_or_default(generator));
    });
  });
}

const Tensor& exponential_(const Tensor& self, double lambd, OptGenerator generator) {
  check_exponential(lambd);
  if (self.numel() > 0) check_exponential_dtype(self.dtype());
  return overwrite("ExponentialBackward0", self, [&] {
    draw_into(self, [&](void* out, bool) {
      cpu::exponential(self.dtype(), out, self.numel(), lambd, generator_or_default(generator));
    });
  });
}
const Tensor& geometric_(const Tensor& self, double p, OptGenerator generator) {
  check_geometric(p);
  return overwrite("GeometricBackward0", self, [&] {
    draw_into(self, [&](void* out, bool) {
      cpu::geometric(self.dtype(), out, self.numel(), p, generator_or_default(generator));
    });
  });
}
const Tensor& cauchy_(const Tensor& self, double median, double sigma, OptGenerator generator) {
  check_cauchy(self.dtype(), sigma);
  return overwrite("CauchyBackward0", self, [&] {
    draw_into(self, [&](void* out, bool) {
      cpu::cauchy(self.dtype(), out, self.numel(), median, sigma, generator_or_default(generator));
    });
  });
}
const Tensor& log_normal_(const Tensor& self, double mean, double deviation, OptGenerator generator) {
  check_log_normal(deviation);
  return overwrite("LogNormalBackward0", self, [&] {
    draw_into(self, [&](void* out, bool) {
      cpu::log_normal(self.dtype(), out, self.numel(), mean, deviation, generator_or_default(generator));
    });
  });
}

// ---- new tensors

Tensor rand(DimsRef size, OptGenerator generator, OptDType dtype, OptDevice device, bool requires_grad) {
  return finish(empty(size, dtype, device).uniform_(0, 1, generator), requires_grad);
}
Tensor randn(DimsRef size, OptGenerator generator, OptDType dtype, OptDevice device, bool requires_grad) {
  return finish(empty(size, dtype, device).normal_(0, 1, generator), requires_grad);
}
Tensor randint(int64_t high, DimsRef size, OptGenerator generator, OptDType dtype, OptDevice device,
               bool requires_grad) {
  return randint(0, high, size, generator, dtype, device, requires_grad);
}
Tensor randint(int64_t low, int64_t high, DimsRef size, OptGenerator generator, OptDType dtype,
               OptDevice device, bool requires_grad) {
  const Tensor t = empty(size, dtype.value_or(DType::Int64), device);
  return finish(t.random_(low, OptInt(high), generator), requires_grad);
}
Tensor rand_like(const Tensor& x, OptGenerator generator, OptDType dtype, OptDevice device,
                 bool requires_grad, OptMemoryFormat format) {
  return finish(empty_like(x, dtype, device, false, format).uniform_(0, 1, generator), requires_grad);
}
Tensor randn_like(const Tensor& x, OptGenerator generator, OptDType dtype, OptDevice device,
                  bool requires_grad, OptMemoryFormat format) {
  return finish(empty_like(x, dtype, device, false, format).normal_(0, 1, generator), requires_grad);
}
Tensor randint_like(const Tensor& x, int64_t high, OptGenerator generator, OptDType dtype, OptDevice device,
                    bool requires_grad, OptMemoryFormat format) {
  return randint_like(x, 0, high, generator, dtype, device, requires_grad, format);
}
Tensor randint_like(const Tensor& x, int64_t low, int64_t high, OptGenerator generator, OptDType dtype,
                    OptDevice device, bool requires_grad, OptMemoryFormat format) {
  return finish(empty_like(x, dtype, device, false, format).random_(low, OptInt(high), generator),
                requires_grad);
}
Tensor randperm(int64_t n, OptGenerator generator, OptDType dtype, OptDevice device, bool requires_grad) {
  const DType type = dtype.value_or(DType::Int64);
  const Tensor t = empty(Dims{n}, type, device);
  check_randperm(type, n);
  if (n > 0) cpu::randperm(type, t.raw_data(), n, generator_or_default(generator));
  return finish(t, requires_grad);
}

// ---- distributions with tensors as parameters

Tensor normal(const Tensor& mean, const Tensor& deviation, OptGenerator generator) {
  check_std(deviation);
  Tensor out;
  {
    autograd::NoGrad guard;
    out =
        make_tensor(broadcast_shapes(mean.sizes(), deviation.sizes()), mean.dtype()).normal_(0, 1, generator);
    out.mul_(deviation).add_(mean);
  }
  return flat("NormalBackward3", out, mean, deviation);
}
Tensor normal(const Tensor& mean, double deviation, OptGenerator generator) {
  check_normal(deviation);
  Tensor out;
  {
    autograd::NoGrad guard;
    out = make_tensor(mean.sizes(), mean.dtype()).normal_(0, deviation, generator).add_(mean);
  }
  return flat("NormalBackward1", out, mean);
}
Tensor normal(double mean, const Tensor& deviation, OptGenerator generator) {
  check_std(deviation);
  Tensor out;
  {
    autograd::NoGrad guard;
    out =
        make_tensor(deviation.sizes(), deviation.dtype()).normal_(0, 1, generator).mul_(deviation).add_(mean);
  }
  return flat("NormalBackward2", out, deviation);
}
Tensor normal(double mean, double deviation, DimsRef size, OptGenerator generator, OptDType dtype,
              OptDevice device, bool requires_grad) {
  check_normal(deviation);
  return finish(empty(size, dtype, device).normal_(mean, deviation, generator), requires_grad);
}

Tensor bernoulli(const Tensor& input, OptGenerator generator) {
  Tensor out;
  {
    autograd::NoGrad guard;
    out = make_tensor_like(input, input.dtype()).bernoulli_(input, generator);
    begin_versions(out);
  }
  return flat("BernoulliBackward0", out, input);
}
Tensor bernoulli(const Tensor& input, double p, OptGenerator generator) {
  return not_differentiable("bernoulli", make_tensor_like(input, input.dtype()).bernoulli_(p, generator),
                            input);
}

Tensor multinomial(const Tensor& input, int64_t num_samples, bool replacement, OptGenerator generator) {
  const int64_t categories = input.dim() ? input.sizes()[input.dim() - 1] : 0;
  check_multinomial(input.dtype(), input.dim(), categories, num_samples, replacement);
  const Tensor weights = input.detach().contiguous();
  const int64_t rows = input.dim() == 1 ? 1 : input.sizes()[0];
  const Tensor out =
      make_tensor(input.dim() == 1 ? Dims{num_samples} : Dims{rows, num_samples}, DType::Int64);
  if (out.numel() > 0) {
    cpu::multinomial(input.dtype(), weights.raw_data(), rows, categories, num_samples, replacement,
                     out.data<int64_t>(), generator_or_default(generator));
  }
  return out;
}

Tensor poisson(const Tensor& input, OptGenerator generator) {
  const Tensor rate = input.detach().contiguous();
  const Tensor out = make_tensor(input.sizes(), input.dtype());
  cpu::poisson(input.dtype(), rate.raw_data(), out.raw_data(), out.numel(), generator_or_default(generator));
  return flat("PoissonBackward0", out, input);
}

Tensor binomial(const Tensor& count, const Tensor& prob, OptGenerator generator) {
  RL_CHECK(count.dtype() == prob.dtype(), "Found dtype ", info(prob.dtype()).message_name, " but expected ",
           info(count.dtype()).message_name);
  const Dims sizes = broadcast_shapes(count.sizes(), prob.sizes());
  const Tensor n = count.detach().expand(sizes).contiguous(), p = prob.detach().expand(sizes).contiguous();
  const Tensor out = make_tensor(sizes, count.dtype());
  cpu::binomial(count.dtype(), n.raw_data(), p.raw_data(), out.raw_data(), out.numel(),
                generator_or_default(generator));
  return flat("BinomialBackward0", out, count, prob);
}

}  // namespace rushlight
