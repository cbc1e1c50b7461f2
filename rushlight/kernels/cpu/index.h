// Reading and writing at computed places.
#pragma once

#include <cstdint>

#include "rushlight/core/dtype.h"

namespace rushlight::cpu {

// offsets[i] += index[i] * stride, after checking 0 <= index[i] < size (with `wrap` also -size <= index[i] <
// 0, counted from the end). Returns the position of the first index out of range, or -1.
int64_t add_offsets(const int64_t* index, int64_t n, int64_t size, int64_t stride, bool wrap,
                    int64_t* offsets);

// The places of an indexed tensor: element (o, i, a, r) lies at outer[o] + index[i] + inner[a] + r *
// run_stride.
struct Places {
  const int64_t* outer;
  int64_t num_outer;
  const int64_t* index;
  int64_t num_index;
  const int64_t* inner;
  int64_t num_inner;
  int64_t run, run_stride;
};

// Elements of `size` bytes; `dense` is in the order (o, i, a, r).
void gather_places(int64_t size, const Places& places, const void* data, void* dense);
// With one_value the same element goes everywhere. Of indices that occur several times the last one wins.
void scatter_places(int64_t size, const Places& places, void* data, const void* dense, bool one_value);
// Adds, in the order of the indices; bool becomes or.
void add_places(DType dtype, const Places& places, void* data, const void* dense, bool one_value);

// One index for each element (gather, scatter). Element j of row r, r in [0, rows), is at
//   data + data_row[r] + index[r * length + j] * index_stride + j * step
// in the tensor and at dense[dense_row[r] + j * dense_step] outside. Rows with the same group number (r /
// group) may meet in the tensor and are written by one thread in order.
struct Rows {
  const int64_t* index;  // scatter_rows wants them dense and checked
  const int64_t* data_row;
  const int64_t* dense_row;
  int64_t rows, length;
  int64_t index_stride, step, dense_step;
  int64_t index_row, index_step;  // index[r * length + j] lies at index[r * index_row + j * index_step]
};

// Returns the position of the first index outside [0, limit), nothing being read there, or -1.
int64_t gather_rows(int64_t size, const Rows& rows, int64_t limit, const void* data, void* dense);

enum class Combine : uint8_t { Assign, Add, Multiply, Max, Min };
// `parallel`: different rows never meet. dense_step and dense_row may be 0 to write one value.
void scatter_rows(DType dtype, Combine combine, const Rows& rows, bool parallel, void* data,
                  const void* dense);

// Position of the first index outside [0, size), or -1.
int64_t find_out_of_range(const int64_t* index, int64_t n, int64_t size);

}  // namespace rushlight::cpu
