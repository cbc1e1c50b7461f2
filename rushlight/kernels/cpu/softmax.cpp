// Cuts softmax into rows, or into strips of columns, for the kernels of softmax_kernels.h.
#include "rushlight/kernels/cpu/softmax.h"

#include <algorithm>
#include <memory>

#include "rushlight/core/ceil_div.h"
#include "rushlight/core/thread_pool.h"
#include "rushlight/kernels/cpu/softmax_kernels.h"

namespace rushlight::cpu {
namespace {

constexpr int64_t kGrain = 8 * 1024;  // elements; an exponential costs more than an addition

const char* at(const void* p, int64_t element, DType t) {
  return static_cast<const char*>(p) + element * item_size(t);
}
char* at(void* p, int64_t element, DType t) { return static_cast<char*>(p) + element * item_size(t); }

// A dense copy in the compute type of what the kernels cannot read as it stands.
class DenseCopy {
 public:
  DenseCopy(DType dtype, DType stored, int64_t elements)
      : dtype_(dtype),
        element_(item_size(stored)),
        load_(load_function(dtype, compute_of(stored))),
        store_(store_function(compute_of(stored), dtype)) {
    if (dtype != stored) bytes_ = std::make_unique_for_overwrite<char[]>(elements * element_);
  }
  bool used() const { return bytes_ != nullptr; }
  char* data() { return bytes_.get(); }
  // Rows of `width` elements, `stride` apart in memory, to rows that follow one another.
  void load(const void* source, int64_t stride, int64_t rows, int64_t width) {
    for (int64_t r = 0; r < rows; ++r)
      load_(at(source, r * stride, dtype_), 1, data() + r * width * element_, width);
  }
  void store(void* target, int64_t stride, int64_t rows, int64_t width) {
    for (int64_t r = 0; r < rows; ++r)
      store_(data() + r * width * element_, at(target, r * stride, dtype_), 1, width);
  }

 private:
  DType dtype_;
  int64_t element_;
  Load load_;
  Store store_;
  std::unique_ptr<char[]> bytes_;
};

// Calls f(first element, width) for every strip: a whole row when inner is 1, else up to kSoftmaxColumns
// columns.
template <class F>
void each_strip(const SoftmaxShape& s, F&& f) {
  const int64_t width = std::min(s.inner, kSoftmaxColumns), strips = ceil_div(s.inner, width);
  parallel_for(0, s.outer * strips, std::max<int64_t>(1, kGrain / (s.size * width)),
               [&](int64_t begin, int64_t end) {
                 f(begin, end, [&](int64_t i, auto&& body) {
                   const int64_t o = i / strips, column = i % strips * width;
                   body(o, column, std::min(width, s.inner - column));
                 });
               });
}

// Rows too short to fill vectors stand side by side as columns while they are worked on.
constexpr int64_t kShortRow = 32;

bool has_short_rows(const SoftmaxShape& s) { return s.inner == 1 && s.size <= kShortRow && s.outer >= 8; }

// Copies between `count` rows of s.size elements in memory and a dense block of as many columns.
struct Columns {
  DType dtype;
  int64_t size, element;
  Load load;
  Store store;
  Columns(DType t, DType stored, int64_t n)
      : dtype(t),
        size(n),
        element(item_size(stored)),
        load(load_function(t, compute_of(stored))),
        store(store_function(compute_of(stored), t)) {}
  void read(const void* from, int64_t row, int64_t count, char* block) const {
    for (int64_t k = 0; k < size; ++k)
      load(at(from, row * size + k, dtype), size, block + k * count * element, count);
  }
  void write(const char* block, void* to, int64_t row, int64_t count) const {
    for (int64_t k = 0; k < size; ++k)
      store(block + k * count * element, at(to, row * size + k, dtype), size, count);
  }
};

struct alignas(64) ColumnBlock {
  char bytes[kShortRow * kSoftmaxColumns * sizeof(double)];
};

void softmax_short_rows(Softmax kind, const SoftmaxShape& s, const void* in, DType in_dtype, void* out,
                        DType out_dtype) {
  const DType stored = storage_of(compute_of(out_dtype));
  const SoftmaxKernel& kernel = softmax_kernel(stored == DType::Float64);
  const Columns source(in_dtype, stored, s.size),
      target(out_dtype, stored, kind == Softmax::LogSumExp ? 1 : s.size);
  parallel_for(0, s.outer, kSoftmaxColumns * std::max<int64_t>(1, kGrain / (kSoftmaxColumns * s.size)),
               [&](int64_t begin, int64_t end) {
                 ColumnBlock from, to;
                 for (int64_t row = begin; row < end; row += kSoftmaxColumns) {
                   const int64_t count = std::min(kSoftmaxColumns, end - row);
                   source.read(in, row, count, from.bytes);
                   kernel.columns(kind, from.bytes, count, s.size, count, to.bytes, count);
                   target.write(to.bytes, out, row, count);
                 }
               });
}

void softmax_backward_short_rows(Softmax kind, const SoftmaxShape& s, const void* g, const void* y, void* out,
                                 DType dtype) {
  const DType stored = storage_of(compute_of(dtype));
  const SoftmaxKernel& kernel = softmax_kernel(stored == DType::Float64);
  const Columns rows(dtype, stored, s.size);
  parallel_for(0, s.outer, kSoftmaxColumns * std::max<int64_t>(1, kGrain / (kSoftmaxColumns * s.size)),
               [&](int64_t begin, int64_t end) {
                 ColumnBlock grad, result;
                 for (int64_t row = begin; row < end; row += kSoftmaxColumns) {
                   const int64_t count = std::min(kSoftmaxColumns, end - row);
                   rows.read(g, row, count, grad.bytes);
                   rows.read(y, row, count, result.bytes);
                   kernel.columns_backward(kind, grad.bytes, result.bytes, count, s.size, count, grad.bytes);
                   rows.write(grad.bytes, out, row, count);
                 }
               });
}

}  // namespace

void softmax(Softmax kind, const SoftmaxShape& s, const void* in, DType in_dtype, void* out,
             DType out_dtype) {
  if (s.outer == 0 || s.size == 0 || s.inner == 0) return;
  if (has_short_rows(s)) return softmax_short_rows(kind, s, in, in_dtype, out, out_dtype);
  const DType stored = storage_of(compute_of(out_dtype));
  const SoftmaxKernel& kernel = softmax_kernel(stored == DType::Float64);
  const bool reduces = kind == Softmax::LogSumExp;
  const int64_t widest = std::min(s.inner, kSoftmaxColumns), out_rows = reduces ? 1 : s.size;
  each_strip(s, [&](int64_t begin, int64_t end, auto&& place) {
    DenseCopy source(in_dtype, stored, s.size * widest), target(out_dtype, stored, out_rows * widest);
    for (int64_t i = begin; i < end; ++i) {
      place(i, [&](int64_t o, int64_t column, int64_t width) {
        const void* from = at(in, o * s.size * s.inner + column, in_dtype);
        void* to = at(out, o * out_rows * s.inner + column, out_dtype);
        // One column of many, such as the last odd one, is a row that is not contiguous: columns() takes it.
        const bool row = s.inner == 1;
        int64_t from_stride = s.inner, to_stride = s.inner;
        if (source.used()) {
          row ? source.load(from, 0, 1, s.size) : source.load(from, s.inner, s.size, width);
          from = source.data();
          from_stride = width;
        }
        void* result = target.used() ? target.data() : to;
        if (target.used()) to_stride = width;
        row ? kernel.row(kind, from, s.size, result)
            : kernel.columns(kind, from, from_stride, s.size, width, result, to_stride);
        if (target.used())
          row ? target.store(to, 0, 1, reduces ? 1 : s.size) : target.store(to, s.inner, out_rows, width);
      });
    }
  });
}

void softmax_backward(Softmax kind, const SoftmaxShape& s, const void* g, const void* y, void* out,
                      DType dtype) {
  if (s.outer == 0 || s.size == 0 || s.inner == 0) return;
  if (has_short_rows(s)) return softmax_backward_short_rows(kind, s, g, y, out, dtype);
  const DType stored = storage_of(compute_of(dtype));
  const SoftmaxKernel& kernel = softmax_kernel(stored == DType::Float64);
  const int64_t widest = std::min(s.inner, kSoftmaxColumns);
  const bool row = s.inner == 1;
  each_strip(s, [&](int64_t begin, int64_t end, auto&& place) {
    DenseCopy grad(dtype, stored, s.size * widest), result(dtype, stored, s.size * widest);
    for (int64_t i = begin; i < end; ++i) {
      place(i, [&](int64_t o, int64_t column, int64_t width) {
        const int64_t first = o * s.size * s.inner + column;
        const void *from_g = at(g, first, dtype), *from_y = at(y, first, dtype);
        void* to = at(out, first, dtype);
        int64_t stride = s.inner;
        if (grad.used()) {
          const int64_t rows = row ? 1 : s.size, length = row ? s.size : width;
          grad.load(from_g, s.inner, rows, length);
          result.load(from_y, s.inner, rows, length);
          from_g = grad.data();
          from_y = result.data();
          stride = width;
        }
        void* into = grad.used() ? grad.data() : to;
        row ? kernel.row_backward(kind, from_g, from_y, s.size, into)
            : kernel.columns_backward(kind, from_g, from_y, stride, s.size, width, into);
        if (grad.used()) row ? grad.store(to, 0, 1, s.size) : grad.store(to, s.inner, s.size, width);
      });
    }
  });
}

}  // namespace rushlight::cpu
