#include "rushlight/core/shape.h"

namespace rushlight {

std::string to_string(DimsRef dims) {
  std::string out = "[";
  for (int64_t i = 0; i < dims.size(); ++i) {
    if (i) out += ", ";
    out += std::to_string(dims[i]);
  }
  return out + "]";
}

int64_t numel_of(DimsRef sizes) {
  int64_t n = 1;
  bool overflow = false;
  for (int64_t s : sizes) {
    if (s == 0) return 0;
    overflow |= __builtin_mul_overflow(n, s, &n);
  }
  RL_CHECK(!overflow, "numel: integer multiplication overflow");
  return n;
}

Dims contiguous_strides(DimsRef sizes) {
  Dims strides(sizes.size());
  int64_t step = 1;
  for (int64_t i = sizes.size() - 1; i >= 0; --i) {
    strides[i] = step;
    // Only sizes with a zero among them can overflow here, and nothing is ever read through their strides.
    if (__builtin_mul_overflow(step, sizes[i] > 1 ? sizes[i] : 1, &step)) step = INT64_MAX;
  }
  return strides;
}

bool is_contiguous(DimsRef sizes, DimsRef strides) {
  int64_t expected = 1;
  for (int64_t i = sizes.size() - 1; i >= 0; --i) {
    if (sizes[i] == 0) return true;
    if (sizes[i] != 1) {
      if (strides[i] != expected) {
        for (int64_t j = i - 1; j >= 0; --j)
          if (sizes[j] == 0) return true;
        return false;
      }
      expected *= sizes[i];
    }
  }
  return true;
}

Dims broadcast_shapes(DimsRef a, DimsRef b) {
  const int64_t rank = std::max(a.size(), b.size());
  Dims out(rank);
  for (int64_t i = rank - 1; i >= 0; --i) {  // the last dimension that does not fit is the one to name
    const int64_t at = i - (rank - a.size()), bt = i - (rank - b.size());
    const int64_t sa = at < 0 ? 1 : a[at], sb = bt < 0 ? 1 : b[bt];
    RL_CHECK(sa == sb || sa == 1 || sb == 1, "The size of tensor a (", sa,
             ") must match the size of tensor b (", sb, ") at non-singleton dimension ", i);
    out[i] = sa == 1 ? sb : sa;
  }
  return out;
}

int64_t wrap_dim(int64_t dim, int64_t rank, bool wrap_scalar) {
  if (rank == 0) {
    RL_CHECK_AS(IndexError, wrap_scalar, "Dimension specified as ", dim, " but tensor has no dimensions");
    rank = 1;
  }
  RL_CHECK_AS(IndexError, dim >= -rank && dim < rank, "Dimension out of range (expected to be in range of [",
              -rank, ", ", rank - 1, "], but got ", dim, ")");
  return dim < 0 ? dim + rank : dim;
}

Dims infer_size(DimsRef shape, int64_t numel) {
  Dims out = shape.copy();
  int64_t known = 1, inferred = -1;
  bool overflow = false;
  for (int64_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == -1) {
      RL_CHECK(inferred < 0, "only one dimension can be inferred");
      inferred = i;
    } else {
      RL_CHECK(shape[i] >= 0, "invalid shape dimension ", shape[i], " at index ", i, " of shape ",
               to_string(shape));
      overflow |= __builtin_mul_overflow(known, shape[i], &known);
    }
  }
  if (!overflow && known == numel && inferred < 0) return out;
  if (!overflow && inferred >= 0 && known > 0 && numel % known == 0) {
    out[inferred] = numel / known;
    return out;
  }
  RL_CHECK(!(inferred >= 0 && known == 0 && numel == 0), "cannot reshape tensor of 0 elements into shape ",
           to_string(shape), " because the unspecified dimension size -1 can be any value and is ambiguous");
  throw_error<RuntimeError>("shape '", to_string(shape), "' is invalid for input of size ", numel);
}

bool view_strides(DimsRef old_sizes, DimsRef old_strides, DimsRef new_sizes, Dims* new_strides) {
  *new_strides = Dims(new_sizes.size());
  if (numel_of(old_sizes) == 0) {
    *new_strides = old_sizes == new_sizes ? old_strides.copy() : contiguous_strides(new_sizes);
    return true;
  }
  if (old_sizes.empty()) {
    for (int64_t& s : *new_strides) s = 1;
    return true;
  }
  // Walk both shapes from the back: each maximal run of old dimensions that is contiguous in itself must be
  // cut into a whole number of new dimensions.
  int64_t view = new_sizes.size() - 1;
  int64_t chunk_stride = old_strides.back(), old_count = 1, new_count = 1;
  for (int64_t i = old_sizes.size() - 1; i >= 0; --i) {
    old_count *= old_sizes[i];
    const bool run_ends = i == 0 || (old_sizes[i - 1] != 1 && old_strides[i - 1] != old_count * chunk_stride);
    if (!run_ends) continue;
    while (view >= 0 && (new_count < old_count || new_sizes[view] == 1)) {
      (*new_strides)[view] = new_count * chunk_stride;
      new_count *= new_sizes[view];
      --view;
    }
    if (new_count != old_count) return false;
    if (i > 0) {
      chunk_stride = old_strides[i - 1];
      old_count = new_count = 1;
    }
  }
  return view == -1;
}

}  // namespace rushlight
