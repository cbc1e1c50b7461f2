#include "rushlight/ops/along.h"

#include "rushlight/autograd/record.h"
#include "rushlight/core/thread_pool.h"
#include "rushlight/ops/ops.h"

namespace rushlight {
namespace {

using autograd::Node;
using autograd::Record;
using autograd::tracks;

// Sizes around `dim` of a dense tensor.
struct Around {
  int64_t outer = 1, size = 1, inner = 1;
  Around(const Dims& sizes, int64_t dim) {
    for (int64_t d = 0; d < sizes.size(); ++d) (d < dim ? outer : d == dim ? size : inner) *= sizes[d];
  }
};

// Calls f(slice offset in the long tensor, offset in the index tensor) for each outer and inner position.
template <class F>
void each_line(const Around& indexed, int64_t size, F&& f) {
  const int64_t lines = indexed.outer * indexed.inner;
  parallel_for(0, lines, std::max<int64_t>(1, 16384 / std::max<int64_t>(1, indexed.size)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t line = begin; line < end; ++line) {
                   const int64_t o = line / indexed.inner, i = line % indexed.inner;
                   f(o * size * indexed.inner + i, o * indexed.size * indexed.inner + i);
                 }
               });
}

}  // namespace

Tensor take_along(const Tensor& x, int64_t dim, const Tensor& index) {
  const Tensor from = x.contiguous(), where = index.contiguous();
  Tensor out = make_tensor(index.sizes(), x.dtype(), x.device());
  if (out.numel() > 0) {
    const Around a(index.sizes(), dim);
    const int64_t* places = where.data<int64_t>();
    visit_dtype(x.dtype(), [&]<class T>() {
      const T* in = from.data<T>();
      T* result = out.data<T>();
      each_line(a, x.dim() ? x.sizes()[dim] : 1, [&](int64_t line, int64_t start) {
        for (int64_t k = 0; k < a.size; ++k) {
          const int64_t at = start + k * a.inner;
          result[at] = in[line + places[at] * a.inner];
        }
      });
    });
  }
  if (!tracks(x)) return out;
  return Record("GatherBackward0", {x})
      .save(index)
      .rule(out, [dim, sizes = x.sizes()](Node& n, const Tensor& g) -> Tensor {
        return put_along(g, dim, n.saved(0), sizes);
      });
}

Tensor put_along(const Tensor& g, int64_t dim, const Tensor& index, const Dims& sizes) {
  const Tensor from = g.contiguous(), where = index.contiguous();
  Tensor out = zeros(sizes, g.dtype());
  if (g.numel() > 0) {
    const Around a(index.sizes(), dim);
    const int64_t* places = where.data<int64_t>();
    visit_dtype(g.dtype(), [&]<class T>() {
      const T* in = from.data<T>();
      T* result = out.data<T>();
      each_line(a, sizes.empty() ? 1 : sizes[dim], [&](int64_t line, int64_t start) {
        for (int64_t k = 0; k < a.size; ++k) {
          const int64_t at = start + k * a.inner;
          T& slot = result[line + places[at] * a.inner];
          slot = static_cast<T>(slot + in[at]);
        }
      });
    });
  }
  if (!tracks(g)) return out;
  return Record("ScatterAddBackward0", {g}).save(index).rule(out, [dim](Node& n, const Tensor& h) -> Tensor {
    return take_along(h, dim, n.saved(0));
  });
}

}  // namespace rushlight
