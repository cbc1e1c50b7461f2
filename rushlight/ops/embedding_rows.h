// What embedding and embedding_bag share.
#pragma once

#include "rushlight/core/tensor.h"

namespace rushlight {

// Shortens the rows of `weight` that occur in `indices` (flat, int64) to `max_norm`, in place and outside of
// history. IndexError for indices out of range.
void shorten_rows(const Tensor& weight, const Tensor& indices, double max_norm, double norm_type);

// RuntimeError unless the dtype of `indices` is int64 or int32; `function` is named in the message.
void check_row_indices(const char* function, const Tensor& indices);

}  // namespace rushlight
