// The largest and smallest elements, and where they are.
#include "rushlight/ops/along.h"
#include "rushlight/ops/reduce.h"

namespace rushlight {
namespace {

using autograd::Gradients;
using autograd::Node;
using autograd::Record;
using autograd::tracks;
using cpu::Reduce;

// The names under which PyTorch's messages know a function.
struct Names {
  const char *function, *all, *dim, *values, *arg, *arg_kernel;
};
constexpr Names kMax{"max", "max_all", "max_cpu", "max_values_cpu", "argmax", "argmax_cpu"};
constexpr Names kMin{"min", "min_all", "min_cpu", "min_values_cpu", "argmin", "argmin_cpu"};

void check_ordered(const Tensor& x, const char* kernel) {
  const DType t = x.dtype();
  const bool ordered = !is_complex(t) && t != DType::UInt16 && t != DType::UInt32 && t != DType::UInt64;
  RL_CHECK_AS(NotImplementedError, ordered || x.numel() == 0, "\"", kernel, "\" not implemented for '",
              info(t).message_name, "'");
}

void check_nonempty(const char* name, const Tensor& x, const OptDims& dim) {
  if (x.numel() > 0) return;
  RL_CHECK(dim.has_value() && !dim.empty(), name,
           "(): Expected reduction dim to be specified for input.numel() == 0. Specify the "
           "reduction dim with the 'dim' argument.");
  for (int64_t d : dim) {
    RL_CHECK_AS(IndexError, x.size(d) != 0, name, "(): Expected reduction dim ", d,
                " to have non-zero size.");
  }
}

// Equal extremes share the gradient.
Tensor shared_gradient(const ReducedDims& dims, const Tensor& g, const Tensor& x, const Tensor& y) {
  const Tensor mask = x.eq(dims.unsqueezed(y));
  return dims.unsqueezed(g) / mask.sum(dims.list(), true) * mask;
}

Tensor record_shared(const char* node, const Tensor& x, const ReducedDims& dims, const Tensor& out) {
  if (!tracks(x)) return out;
  return Record(node, {x}).save(x).save_output(out).rule(out, [dims](Node& n, const Tensor& g) -> Tensor {
    return shared_gradient(dims, g, n.saved(0), n.saved(1));
  });
}

Tensor extreme_values(Reduce op, const char* node, const char* name, const Names& names, const Tensor& x,
                      OptDims dim, bool keepdim) {
  const ReducedDims dims(x, dim, keepdim);
  check_nonempty(name, x, dim);
  check_ordered(x, names.values);
  return record_shared(node, x, dims, reduce(x, dims, {op, x.dtype(), x.dtype()}));
}

Tensor extreme_all(Reduce op, const char* node, const Names& names, const Tensor& x) {
  check_nonempty(names.function, x, {});
  check_ordered(x, names.all);
  const ReducedDims dims = ReducedDims::all(x);
  return record_shared(node, x, dims, reduce(x, dims, {op, x.dtype(), x.dtype()}));
}

ValuesIndices extreme_along(Reduce op, const char* node, const Names& names, const Tensor& x, int64_t dim,
                            bool keepdim) {
  const ReducedDims dims(x, dim, keepdim);
  dim = wrap_dim(dim, x.dim());
  check_nonempty(names.function, x, dim);
  RL_CHECK(!is_complex(x.dtype()), names.function, "(): does not support complex input");
  check_ordered(x, names.dim);
  ValuesIndices out;
  out.values = reduce(x, dims, {op, x.dtype(), x.dtype(), cpu::Finish::None, 1, &out.indices});
  if (!tracks(x)) return out;
  Record(node, {x})
      .save_output(out.indices)
      .rule({out.values, out.indices},
            [dims, dim, sizes = x.sizes()](Node& n, const Gradients& grads) -> Tensor {
              if (!grads[0].defined()) return Tensor();
              return put_along(dims.unsqueezed(grads[0]), dim, dims.unsqueezed(n.saved(0)), sizes);
            });
  return out;
}

Tensor extreme_place(Reduce op, const Names& names, const Tensor& x, OptInt dim, bool keepdim) {
  RL_CHECK(!is_complex(x.dtype()), names.arg, "(): does not support complex input");
  RL_CHECK(x.dtype() != DType::Bool, names.arg, "(): does not support bool input");
  if (!dim) {
    RL_CHECK_AS(IndexError, x.numel() > 0, names.arg,
                "(): Expected reduction dim to be specified for input.numel() == 0.");
  } else {
    check_nonempty(names.arg, x, wrap_dim(*dim, x.dim()));
  }
  check_ordered(x, names.arg_kernel);
  Tensor place;
  const Tensor source = dim ? x.detach() : x.detach().reshape(-1);
  reduce(source, ReducedDims(source, dim.value_or(0), keepdim),
         {op, x.dtype(), x.dtype(), cpu::Finish::None, 1, &place});
  return dim || !keepdim ? place : place.view(Dims(x.dim(), 1));
}

}  // namespace

Tensor amax(const Tensor& x, OptDims dim, bool keepdim) {
  return extreme_values(Reduce::Max, "AmaxBackward0", "amax", kMax, x, dim, keepdim);
}
Tensor amin(const Tensor& x, OptDims dim, bool keepdim) {
  return extreme_values(Reduce::Min, "AminBackward0", "amin", kMin, x, dim, keepdim);
}

MinMax aminmax(const Tensor& x, OptInt dim, bool keepdim) {
  const ReducedDims dims(x, dim ? OptDims(*dim) : OptDims(), keepdim);
  if (dim) {
    RL_CHECK_AS(IndexError, x.dim() == 0 || x.size(*dim) > 0, "aminmax: Expected reduction dim ",
                wrap_dim(*dim, x.dim()), " to have non-zero size.");
  } else {
    RL_CHECK(x.numel() > 0,
             "aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity.");
  }
  RL_CHECK(!dim || x.dim() > 0 || !is_complex(x.dtype()), "aminmax not implemented for ",
           info(x.dtype()).message_name);
  check_ordered(x, "aminmax_cpu");
  // Along one dimension PyTorch returns the first of several zeros: those that know their place do, too.
  const bool first = dim && is_floating(x.dtype());
  MinMax out{reduce(x, dims, {first ? Reduce::ArgMin : Reduce::Min, x.dtype(), x.dtype()}),
             reduce(x, dims, {first ? Reduce::ArgMax : Reduce::Max, x.dtype(), x.dtype()})};
  if (!tracks(x)) return out;
  Record("AminmaxBackward0", {x})
      .save(x)
      .save_output(out.min)
      .save_output(out.max)
      .rule({out.min, out.max}, [dims](Node& n, const Gradients& grads) -> Tensor {
        Tensor low = grads[0].defined() ? shared_gradient(dims, grads[0], n.saved(0), n.saved(1)) : Tensor();
        Tensor high = grads[1].defined() ? shared_gradient(dims, grads[1], n.saved(0), n.saved(2)) : Tensor();
        return low.defined() && high.defined() ? low + high : low.defined() ? low : high;
      });
  return out;
}

Tensor max(const Tensor& x) { return extreme_all(Reduce::Max, "MaxBackward1", kMax, x); }
Tensor min(const Tensor& x) { return extreme_all(Reduce::Min, "MinBackward1", kMin, x); }
ValuesIndices max(const Tensor& x, int64_t dim, bool keepdim) {
  return extreme_along(Reduce::ArgMax, "MaxBackward0", kMax, x, dim, keepdim);
}
ValuesIndices min(const Tensor& x, int64_t dim, bool keepdim) {
  return extreme_along(Reduce::ArgMin, "MinBackward0", kMin, x, dim, keepdim);
}
Tensor max(const Tensor& x, const Tensor& other) { return maximum(x, other); }
Tensor min(const Tensor& x, const Tensor& other) { return minimum(x, other); }
Tensor argmax(const Tensor& x, OptInt dim, bool keepdim) {
  return extreme_place(Reduce::ArgMax, kMax, x, dim, keepdim);
}
Tensor argmin(const Tensor& x, OptInt dim, bool keepdim) {
  return extreme_place(Reduce::ArgMin, kMin, x, dim, keepdim);
}

}  // namespace rushlight
