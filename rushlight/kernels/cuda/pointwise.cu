#include "rushlight/kernels/cuda/pointwise.h"

#include "rushlight/kernels/math/formulas-inl.h"

namespace rushlight::math::N_CUDA {
namespace {

using cuda::Geometry;
using cuda::kMaxInputs;
using cuda::Type;

constexpr int kThreads = 256;

struct Pointers {
  const void* in[kMaxInputs];
  void* out;
};

// The offset of element i in each operand.
__device__ void offsets(const Geometry& g, int64_t i, int count, int64_t* out) {
  for (int k = 0; k < count; ++k) out[k] = 0;
  for (int d = g.rank - 1; d >= 0; --d) {
    const int64_t index = i % g.sizes[d];
    i /= g.sizes[d];
    for (int k = 0; k < count; ++k) out[k] += index * g.strides[k][d];
  }
}

template <class T, int kArity, class F>
__global__ void run(F f, Pointers p, Geometry g, int64_t n) {
  const int64_t step = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < n; i += step) {
    int64_t at[kMaxInputs + 1];
    if (g.dense) {
      for (int k = 0; k <= kArity; ++k) at[k] = i;
    } else {
      offsets(g, i, kArity + 1, at);
    }
    auto in = [&](int k) { return static_cast<const T*>(p.in[k])[at[k + 1]]; };
    if constexpr (kArity == 1) {
      using R = decltype(f(T()));
      static_cast<R*>(p.out)[at[0]] = f(in(0));
    } else {
      using R = decltype(f(T(), T()));
      static_cast<R*>(p.out)[at[0]] = f(in(0), in(1));
    }
  }
}

template <class F, class S>
F make_formula(const double*) {
  return F{};
}
template <template <class> class F, class S>
F<S> make_formula(const double* p) {
  const auto number = [p](int i) { return static_cast<S>(p[i]); };
  if constexpr (requires { F<S>{S{}, S{}, S{}}; }) return F<S>{number(0), number(1), number(2)};
  else if constexpr (requires { F<S>{S{}, S{}}; }) return F<S>{number(0), number(1)};
  else return F<S>{number(0)};
}

template <class T, int kArity, class F>
bool launch(F f, const void* const* in, void* out, const Geometry& g, int64_t n, void* stream) {
  Pointers p{};
  for (int k = 0; k < kArity; ++k) p.in[k] = in[k];
  p.out = out;
  const int64_t wanted = (n + kThreads - 1) / kThreads;
  const unsigned blocks = static_cast<unsigned>(wanted < 65535 ? wanted : 65535);
  run<T, kArity><<<blocks, kThreads, 0, static_cast<cudaStream_t>(stream)>>>(f, p, g, n);
  return true;
}

#define RL_FLOATING_R true
#define RL_FLOATING_RC true
#define RL_FLOATING_RI true
#define RL_FLOATING_RIC true
#define RL_FLOATING_I false
#define RL_INTEGER_R false
#define RL_INTEGER_RC false
#define RL_INTEGER_RI true
#define RL_INTEGER_RIC true
#define RL_INTEGER_I true

// One case: the launches for the types of the row.
#define RL_LAUNCH(kArity, Formula, Types)                                                                  \
  {                                                                                                        \
    if constexpr (RL_FLOATING_##Types) {                                                                   \
      if (type == Type::Float)                                                                             \
        return launch<float, kArity>(make_formula<Formula, float>(parameters), in, out, g, n, stream);     \
      if (type == Type::Double)                                                                            \
        return launch<double, kArity>(make_formula<Formula, double>(parameters), in, out, g, n, stream);   \
    }                                                                                                      \
    if constexpr (RL_INTEGER_##Types) {                                                                    \
      if (type == Type::Int32)                                                                             \
        return launch<int32_t, kArity>(make_formula<Formula, int32_t>(parameters), in, out, g, n, stream); \
      if (type == Type::Int64)                                                                             \
        return launch<int64_t, kArity>(make_formula<Formula, int64_t>(parameters), in, out, g, n, stream); \
    }                                                                                                      \
    return false;                                                                                          \
  }

enum Number {
#define UNARY(where, name, Formula, ...) k##Formula,
#define BINARY(where, name, Formula, ...) k##Formula,
#define FORMULA(arity, Formula, ...) k##Formula,
#define OP(...)
#include "rushlight/declarations/formulas.def"
#undef OP
};

bool dispatch(int formula, Type type, const void* const* in, void* out, const Geometry& g, int64_t n,
              const double* parameters, void* stream) {
  switch (formula) {
#define RL_CASE_UNARY(Formula, Types) \
  case k##Formula:                    \
    RL_LAUNCH(1, Formula, Types)      \
#define RL_CASE_BINARY(Formula, Types) case k##Formula : RL_LAUNCH(2, Formula, Types)
#define RL_CASE_TERNARY(Formula, Types)
#define RL_CASE_MASKED(Formula, Types)
#define UNARY(where, name, Formula, Types, ...) RL_CASE_UNARY(Formula, Types)
#define BINARY(where, name, Formula, Types, ...) RL_CASE_BINARY(Formula, Types)
#define FORMULA(arity, Formula, Types, Result) RL_CASE_##arity(Formula, Types)
#define OP(...)
#include "rushlight/declarations/formulas.def"
#undef OP
    default: return false;
  }
}

}  // namespace
}  // namespace rushlight::math::N_CUDA

namespace rushlight::cuda {

bool pointwise(int formula, Type type, const void* const* in, void* out, const Geometry& geometry, int64_t n,
               const double* parameters, void* stream) {
  if (n == 0) return true;
  return math::N_CUDA::dispatch(formula, type, in, out, geometry, n, parameters, stream);
}

}  // namespace rushlight::cuda
