// Questions about the memory under tensors.
#pragma once

#include "rushlight/core/tensor.h"

namespace rushlight {

// Every element has its own place and there are no gaps, in whatever order of dimensions.
bool is_dense(const Tensor& t);

// Uninitialised, in the layout of `t` if that is dense and row-major otherwise (torch.preserve_format).
Tensor make_tensor_like(const Tensor& t, DType dtype);

// Uninitialised, in the shape of `t` and the given layout; RuntimeError "required rank 4 tensor to use
// channels_last format".
Tensor make_tensor_like(const Tensor& t, DType dtype, MemoryFormat format);

// Do the elements of `t` lie as the format says.
bool is_contiguous(const Tensor& t, MemoryFormat format);

// The strides that the format gives a tensor of these sizes (Preserve: row-major).
Dims strides_of(DimsRef sizes, MemoryFormat format);

// What has filled a tensor since it was made was no change of it: its versions are counted from now on.
inline void begin_versions(const Tensor& made) { made.storage()->version = 0; }

// RuntimeError when elements of a tensor that is about to be written share a place (an expanded tensor).
void check_no_internal_overlap(const Tensor& written);
// RuntimeError when `read` shares some places with `written` but is not the very same view.
void check_no_partial_overlap(const Tensor& written, const Tensor& read);
// The two share memory in a way that reading and writing element by element could confuse.
bool may_overlap(const Tensor& written, const Tensor& read);

// The storage reaches far enough for this geometry; RuntimeError with PyTorch's words if not.
void check_in_bounds(const Tensor& base, DimsRef sizes, DimsRef strides, int64_t offset);

}  // namespace rushlight
