#include "rushlight/kernels/cpu/elementwise.h"

#include <algorithm>
#include <cstring>

#include "rushlight/core/ceil_div.h"
#include "rushlight/core/thread_pool.h"
#include "rushlight/kernels/cpu/bytes.h"
#include "rushlight/kernels/cpu/transpose.h"

namespace rushlight::cpu {
namespace {

constexpr int64_t kGrain = 16 * 1024;  // elements; below this a second thread costs more than it gives
// What has results of one byte is brief.
int64_t grain_of(const Elementwise& job) { return item_size(job.out.dtype) == 1 ? 4 * kGrain : kGrain; }

// Orders dimensions by the strides of the output (then the inputs), drops those of size one and merges
// neighbours that every operand walks as one.
void simplify(Elementwise& job) {
  const int64_t rank = job.sizes.size();
  const int count = job.num_inputs + 1;
  Strided* operands[kMaxInputs + 1] = {&job.out};
  for (int k = 0; k < job.num_inputs; ++k) operands[k + 1] = &job.in[k];

  Dims order;
  for (int64_t d = 0; d < rank; ++d)
    if (job.sizes[d] != 1) order.push_back(d);
  auto outer_than = [&](int64_t a, int64_t b) {
    for (int k = 0; k < count; ++k) {
      const int64_t sa = std::abs(operands[k]->strides[a]), sb = std::abs(operands[k]->strides[b]);
      if (sa != sb && sa != 0 && sb != 0) return sa > sb;
    }
    return a < b;
  };
  for (int64_t i = 1; i < order.size();
       ++i) {  // insertion: few dimensions, and the relation need not be transitive
    for (int64_t j = i; j > 0 && outer_than(order[j], order[j - 1]); --j) std::swap(order[j], order[j - 1]);
  }

  Dims sizes;
  Dims strides[kMaxInputs + 1];
  for (int64_t d : order) {
    bool merges = !sizes.empty();
    for (int k = 0; merges && k < count; ++k) {
      merges = strides[k].back() == operands[k]->strides[d] * job.sizes[d];
    }
    if (merges) {
      sizes.back() *= job.sizes[d];
      for (int k = 0; k < count; ++k) strides[k].back() = operands[k]->strides[d];
    } else {
      sizes.push_back(job.sizes[d]);
      for (int k = 0; k < count; ++k) strides[k].push_back(operands[k]->strides[d]);
    }
  }
  if (sizes.empty()) {
    sizes.push_back(1);
    for (int k = 0; k < count; ++k) strides[k].push_back(1);
  }
  job.sizes = std::move(sizes);
  for (int k = 0; k < count; ++k) operands[k]->strides = std::move(strides[k]);
}

// What the kernel reads as operand k, and what it writes.
DType read_dtype(const Elementwise& job, int k) {
  if (job.as_stored && (job.params.numbers >> k & 1) == 0) return job.out.dtype;
  return (job.mask_inputs >> k & 1) != 0 ? DType::Bool : storage_of(job.compute);
}
DType written_dtype(const Elementwise& job) {
  if (job.as_stored) return job.out.dtype;
  return job.bool_result ? DType::Bool : storage_of(job.result);
}

// A piece of a row: where each operand begins, the output behind the inputs, and its stride in elements.
struct Piece {
  char* place[kMaxInputs + 1];
  int64_t stride[kMaxInputs + 1];
};

// Steps through the first `rank` dimensions of a job, from linear position `begin` on.
class RowWalk {
 public:
  RowWalk(const Elementwise& job, int64_t rank, int64_t begin)
      : sizes_(job.sizes), count_(job.num_inputs + 1), index_(job.sizes.data(), rank) {
    for (int k = 0; k < count_; ++k) {
      const Strided& s = operand(job, k);
      strides_[k] = &s.strides;
      element_[k] = item_size(s.dtype);
      row_[k] = static_cast<char*>(s.data);
      if (rank > 0) step_[k] = s.strides[rank - 1] * element_[k];
    }
    for (int64_t d = rank - 1; d >= 0; --d) {
      index_[d] = begin % sizes_[d];
      begin /= sizes_[d];
      for (int k = 0; k < count_; ++k) row_[k] += index_[d] * (*strides_[k])[d] * element_[k];
    }
  }
  // Of operand k, the output being the last one.
  char* place(int k, int64_t element) const { return row_[k] + element * element_[k]; }
  // Bytes from this row to the next, of which there are `left` with this one before another dimension moves.
  int64_t step(int k) const { return index_.empty() ? 0 : step_[k]; }
  int64_t left() const { return index_.empty() ? 1 : sizes_[index_.size() - 1] - index_.back(); }
  void next() { skip(1); }
  void skip(int64_t rows) {  // at most as many as are left
    const int64_t last = index_.size() - 1;
    if (last < 0) return;
    for (int k = 0; k < count_; ++k) row_[k] += rows * step_[k];
    if ((index_[last] += rows) < sizes_[last]) return;
    carry(last);
  }
  static const Strided& operand(const Elementwise& job, int k) {
    return k < job.num_inputs ? job.in[k] : job.out;
  }

 private:
  void carry(int64_t d) {
    for (;;) {
      for (int k = 0; k < count_; ++k) row_[k] -= (*strides_[k])[d] * sizes_[d] * element_[k];
      index_[d] = 0;
      if (--d < 0) return;
      for (int k = 0; k < count_; ++k) row_[k] += (*strides_[k])[d] * element_[k];
      if (++index_[d] < sizes_[d]) return;
    }
  }

  const Dims& sizes_;
  int count_;
  Dims index_;
  const Dims* strides_[kMaxInputs + 1];
  int64_t element_[kMaxInputs + 1], step_[kMaxInputs + 1];  // bytes: of an element, from row to row
  char* row_[kMaxInputs + 1];
};

// The output is too large for the caches, and no operand has brought its lines there.
bool passes_caches(const Elementwise& job) {
  const int64_t written = numel_of(job.sizes) * item_size(job.out.dtype);
  if (job.kernel == nullptr || !exceeds_caches(written)) return false;
  int64_t read = 0;
  for (int k = 0; k < job.num_inputs; ++k) {
    if (job.in[k].data == job.out.data) return false;
    read += elements_read(job.sizes, job.in[k].strides) * item_size(job.in[k].dtype);
  }
  return exceeds_caches(written, read);
}

struct alignas(64) Buffer {
  char bytes[kBlock * sizeof(complex128)];
};

// Computes pieces, through buffers where operands are not dense blocks of the compute type.
class Worker {
 public:
  explicit Worker(const Elementwise& job)
      : job_(job), params_(job.params), rank_(job.sizes.size()), row_(job.sizes.back()) {
    bool dense = true, all_direct = true;
    for (int k = 0; k < job.num_inputs; ++k) {
      const Strided& in = job.in[k];
      const DType read = read_dtype(job, k);
      direct_[k] = in.dtype == read;
      element_[k] = item_size(read);
      if (!direct_[k] && read == DType::Bool) load_[k] = nullptr;
      else if (direct_[k] && element_[k] <= 2) load_[k] = gather_function(element_[k]);
      else load_[k] = load_function(in.dtype, job.compute);
      const bool repeated = job.repeats && in.strides.back() == 0;
      if (repeated) params_.repeated |= uint32_t{1} << k;
      dense &= repeated || (direct_[k] && in.strides.back() == 1);
      all_direct &= direct_[k];
    }
    const DType written = written_dtype(job);
    direct_out_ = job.out.dtype == written;
    out_element_ = item_size(written);
    if (direct_out_ && out_element_ <= 2) store_ = scatter_function(out_element_);
    else if (job.bool_result) store_bool_ = store_bool_function(job.out.dtype);
    else store_ = store_function(job.result, job.out.dtype);
    longest_ = dense && direct_out_ && job.out.strides.back() == 1 ? INT64_MAX : kBlock;
    streams_ = longest_ == INT64_MAX && passes_caches(job);
    whole_rows_ = longest_ == INT64_MAX && !streams_ && (all_direct || !job.kernel);
    if (streams_) longest_ = static_cast<int64_t>(sizeof(Buffer)) / out_element_;
  }

  ~Worker() {
    if (streams_) end_stream();
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // The elements [begin, end) in the linear order of job.sizes.
  void operator()(int64_t begin, int64_t end) {
    if (rank_ == 1 || row_ >= kBlock / 8) return rows(begin, end);
    for (int64_t i = begin; i < end; i += kBlock) gathered(i, std::min(kBlock, end - i));
  }

  // What operand k reads next lies at a place that held something else.
  void forget(int k) { filled_[k] = nullptr; }

  // At most kBlock elements, or any number if all is direct and dense or repeated.
  void compute(const Piece& piece, int64_t n) {
    if (!job_.kernel) return copy(piece, n);
    const void* in[kMaxInputs];
    for (int k = 0; k < job_.num_inputs; ++k) {
      char* source = piece.place[k];
      const int64_t stride = piece.stride[k];
      if (direct_[k] && (stride == 1 || n == 1)) {
        in[k] = source;
        continue;
      }
      if (is_repeated(k)) {
        in[k] = repeated(k, source);
        continue;
      }
      if (source != filled_[k] || n > filled_count_[k]) {
        load_into(k, source, stride, buffers_[k].bytes, n);
        filled_[k] = source;
        filled_count_[k] = n;
      }
      in[k] = buffers_[k].bytes;
    }
    char* target = piece.place[job_.num_inputs];
    const int64_t stride = piece.stride[job_.num_inputs];
    if (streams_) {
      job_.kernel(in, buffers_[kMaxInputs].bytes, n, params_);
      stream_bytes(target, buffers_[kMaxInputs].bytes, n * out_element_);
    } else if (direct_out_ && (stride == 1 || n == 1)) {
      job_.kernel(in, target, n, params_);
    } else {
      job_.kernel(in, buffers_[kMaxInputs].bytes, n, params_);
      store_from(buffers_[kMaxInputs].bytes, target, stride, n);
    }
  }

  // What is loaded is stored, without a stop between where one of the two is dense as it is.
  void copy(const Piece& piece, int64_t n) {
    char *source = piece.place[0], *target = piece.place[1];
    const int64_t from_stride = piece.stride[0], to_stride = piece.stride[1];
    if (direct_out_ && (to_stride == 1 || n == 1)) return load_into(0, source, from_stride, target, n);
    if (direct_[0] && (from_stride == 1 || n == 1)) return store_from(source, target, to_stride, n);
    load_into(0, source, from_stride, buffers_[0].bytes, n);
    store_from(buffers_[0].bytes, target, to_stride, n);
  }

 private:
  bool is_repeated(int k) const { return (params_.repeated >> k & 1) != 0; }

  // The one element that the kernel repeats.
  const char* repeated(int k, const char* source) {
    if (direct_[k]) return source;
    if (source != filled_[k]) load_into(k, source, 1, buffers_[k].bytes, 1);
    filled_[k] = source;
    return buffers_[k].bytes;
  }

  void load_into(int k, const char* source, int64_t stride, char* block, int64_t n) {
    if (load_[k]) return load_[k](source, stride, block, n);
    load_function(job_.in[k].dtype, Compute::Int32)(source, stride, wide_.bytes, n);
    const int32_t* wide = reinterpret_cast<const int32_t*>(wide_.bytes);
    for (int64_t i = 0; i < n; ++i) block[i] = wide[i] != 0;
  }
  void store_from(const char* block, char* target, int64_t stride, int64_t n) {
    if (store_) store_(block, target, stride, n);
    else store_bool_(reinterpret_cast<const bool*>(block), target, stride, n);
  }

  // Is operand k the same row again and again?
  bool is_one_row(int k, int64_t step) const { return step == 0 && !is_repeated(k); }

  // How many rows the kernel may take at once: those of the output follow each other, and so do those of an
  // input, unless it is one row, which is then repeated in its buffer, or one element. Short loops end where
  // the processor does not expect it; few copies make them long enough.
  int64_t rows_at_once(const int64_t* step, int64_t out_step, int64_t n) const {
    constexpr int64_t kRowsForACopy = 16;
    if (!job_.kernel || out_step != row_ * out_element_) return 1;
    n /= kRowsForACopy;
    for (int k = 0; k < job_.num_inputs; ++k) {
      const int64_t bytes = row_ * element_[k];
      if (is_one_row(k, step[k])) n = std::min(n, static_cast<int64_t>(sizeof(Buffer)) / bytes);
      else if (step[k] != (is_repeated(k) ? 0 : bytes)) return 1;
    }
    return std::max<int64_t>(1, n);
  }

  // Whole rows that need no buffer: nothing is done for a row but what must be.
  void direct_rows(RowWalk& at, int64_t count) {
    const char* in[kMaxInputs] = {};
    int64_t step[kMaxInputs] = {};
    for (int64_t n; count > 0; count -= n, at.skip(n)) {
      n = std::min(count, at.left());
      for (int k = 0; k < job_.num_inputs; ++k) {
        in[k] = at.place(k, 0);
        step[k] = at.step(k);
      }
      char* out = at.place(job_.num_inputs, 0);
      const int64_t out_step = at.step(job_.num_inputs), some = rows_at_once(step, out_step, n);
      for (int k = 0; k < job_.num_inputs && some > 1; ++k) {
        if (!is_one_row(k, step[k])) {
          step[k] *= some;
          continue;
        }
        const int64_t bytes = row_ * element_[k];
        for (int64_t r = 0; r < some; ++r) copy_bytes(buffers_[k].bytes + r * bytes, in[k], bytes);
        in[k] = buffers_[k].bytes;
      }
      for (int64_t r = 0; r < n; r += some, out += some * out_step) {
        const int64_t elements = std::min(some, n - r) * row_;
        if (job_.kernel) job_.kernel(reinterpret_cast<const void* const*>(in), out, elements, params_);
        else load_[0](in[0], 1, out, elements);
        for (int k = 0; k < kMaxInputs; ++k) in[k] += step[k];
      }
    }
  }

  // Row by row.
  void rows(int64_t begin, int64_t end) {
    Piece piece;
    const int count = job_.num_inputs + 1;
    for (int k = 0; k < count; ++k) piece.stride[k] = RowWalk::operand(job_, k).strides.back();
    RowWalk at(job_, rank_ - 1, begin / row_);
    for (int64_t i = begin, column = begin % row_; i < end;) {
      if (whole_rows_ && column == 0 && end - i >= row_) {
        const int64_t whole = (end - i) / row_;
        direct_rows(at, whole);
        i += whole * row_;
        continue;
      }
      const int64_t n = std::min({longest_, row_ - column, end - i});
      for (int k = 0; k < count; ++k) piece.place[k] = at.place(k, column * piece.stride[k]);
      compute(piece, n);
      i += n;
      column += n;
      if (column < row_) continue;
      column = 0;
      at.next();
    }
  }

  // A block that spans several short rows.
  void gathered(int64_t begin, int64_t n) {
    const void* in[kMaxInputs];
    for (int k = 0; k < job_.num_inputs; ++k) {
      char* block = buffers_[k].bytes;
      walk_rows(job_.in[k], begin, n, [&](char* place, int64_t stride, int64_t done, int64_t count) {
        load_into(k, place, stride, block + done * element_[k], count);
      });
      in[k] = block;
    }
    char* block = job_.kernel ? buffers_[kMaxInputs].bytes : buffers_[0].bytes;
    if (job_.kernel) job_.kernel(in, block, n, job_.params);
    walk_rows(job_.out, begin, n, [&](char* place, int64_t stride, int64_t done, int64_t count) {
      store_from(block + done * out_element_, place, stride, count);
    });
  }
  template <class F>
  void walk_rows(const Strided& s, int64_t begin, int64_t n, F&& f) {
    Dims index(rank_);
    int64_t row_start = 0, column = begin % row_;
    for (int64_t d = rank_ - 2, left = begin / row_; d >= 0; --d) {
      index[d] = left % job_.sizes[d];
      left /= job_.sizes[d];
      row_start += index[d] * s.strides[d];
    }
    const int64_t stride = s.strides.back(), size = item_size(s.dtype);
    for (int64_t done = 0; done < n;) {
      const int64_t count = std::min(n - done, row_ - column);
      f(static_cast<char*>(s.data) + (row_start + column * stride) * size, stride, done, count);
      done += count;
      column = 0;
      for (int64_t d = rank_ - 2; d >= 0; --d) {  // carry into the next row
        row_start += s.strides[d];
        if (++index[d] < job_.sizes[d]) break;
        row_start -= s.strides[d] * job_.sizes[d];
        index[d] = 0;
      }
    }
  }

  const Elementwise& job_;
  Params params_;  // of the job, and which operands are repeated within a row
  const int64_t rank_, row_;
  int64_t longest_;  // of a piece
  bool whole_rows_;  // need no buffer
  bool streams_;     // what needs no buffer is computed in one and goes past the caches
  bool direct_[kMaxInputs], direct_out_;
  int64_t element_[kMaxInputs], out_element_;
  Load load_[kMaxInputs];
  Store store_ = nullptr;
  StoreBool store_bool_ = nullptr;
  // What the buffers hold. An operand that comes to the same place again is broadcast: the output has no
  // element twice and, where it shares memory with an input, lies exactly upon it, so nothing was written
  // there.
  const void* filled_[kMaxInputs] = {};
  int64_t filled_count_[kMaxInputs] = {};
  Buffer buffers_[kMaxInputs + 1];
  Buffer wide_;
};

// ---- operands that are dense along another dimension than the output

constexpr int64_t kTileRows = 16, kTileColumns = 128;

bool is_transposed(const Strided& s, int64_t other) {
  return std::abs(s.strides.back()) > 1 && s.strides[other] == 1;
}

// The dimension along which an input is dense that is strided along the last one; -1 if there is none that is
// worth a tile.
int64_t transposed_dim(const Elementwise& job) {
  const int64_t last = job.sizes.size() - 1;
  if (job.sizes[last] < kTileRows) return -1;
  for (int64_t d = last - 1; d >= 0; --d) {
    if (job.sizes[d] < kTileRows) continue;
    for (int k = 0; k < job.num_inputs; ++k)
      if (is_transposed(job.in[k], d)) return d;
  }
  return -1;
}

// Tiles of the last two dimensions: transposed operands are turned in a buffer, then the rows are computed.
class TileWorker {
 public:
  explicit TileWorker(const Elementwise& job)
      : job_(job),
        worker_(job),
        outer_(job.sizes.size() - 2),
        rows_(job.sizes[outer_]),
        columns_(job.sizes[outer_ + 1]) {
    for (int k = 0; k < job.num_inputs; ++k)
      transpose_[k] =
          is_transposed(job.in[k], outer_) ? transpose_function(item_size(job.in[k].dtype)) : nullptr;
  }
  static int64_t bands(const Elementwise& job) {
    return ceil_div(job.sizes[job.sizes.size() - 2], kTileRows);
  }

  // Bands of kTileRows rows.
  void operator()(int64_t begin, int64_t end) {
    const int64_t in_matrix = bands(job_);
    RowWalk at(job_, outer_, begin / in_matrix);
    for (int64_t b = begin; b < end; ++b) {
      const int64_t i = b % in_matrix * kTileRows;
      for (int64_t j = 0; j < columns_; j += kTileColumns)
        tile(at, i, j, std::min(kTileRows, rows_ - i), std::min(kTileColumns, columns_ - j));
      if ((b + 1) % in_matrix == 0) at.next();
    }
  }

 private:
  void tile(const RowWalk& at, int64_t i, int64_t j, int64_t rows, int64_t columns) {
    Piece piece;
    int64_t step[kMaxInputs + 1];  // bytes from row to row
    for (int k = 0; k <= job_.num_inputs; ++k) {
      const Strided& s = RowWalk::operand(job_, k);
      piece.place[k] = at.place(k, i * s.strides[outer_] + j * s.strides.back());
      piece.stride[k] = s.strides.back();
      step[k] = s.strides[outer_] * item_size(s.dtype);
      if (k == job_.num_inputs || !transpose_[k]) continue;
      transpose_[k](piece.place[k], piece.stride[k], tiles_[k].bytes, kTileColumns, rows, columns);
      worker_.forget(k);
      piece.place[k] = tiles_[k].bytes;
      piece.stride[k] = 1;
      step[k] = kTileColumns * item_size(s.dtype);
    }
    for (int64_t r = 0; r < rows; ++r) {
      worker_.compute(piece, columns);
      for (int k = 0; k <= job_.num_inputs; ++k) piece.place[k] += step[k];
    }
  }

  struct alignas(64) Tile {
    char bytes[kTileRows * kTileColumns * sizeof(complex128)];
  };

  const Elementwise& job_;
  Worker worker_;
  const int64_t outer_, rows_, columns_;
  Transpose transpose_[kMaxInputs];
  Tile tiles_[kMaxInputs];
};

// Dimension d becomes the last but one.
void bring_inwards(Elementwise& job, int64_t d) {
  const auto rotate = [&](Dims& dims) {
    for (int64_t e = d; e + 2 < dims.size(); ++e) std::swap(dims[e], dims[e + 1]);
  };
  rotate(job.sizes);
  rotate(job.out.strides);
  for (int k = 0; k < job.num_inputs; ++k) rotate(job.in[k].strides);
}

void run_blocks(Elementwise& job) {
  if (const int64_t d = transposed_dim(job); d >= 0) {
    bring_inwards(job, d);
    const int64_t columns = job.sizes.back(),
                  matrices = numel_of(job.sizes) / (columns * job.sizes[job.sizes.size() - 2]);
    return parallel_for(0, matrices * TileWorker::bands(job),
                        std::max<int64_t>(1, kGrain / (kTileRows * columns)),
                        [&](int64_t begin, int64_t end) {
                          TileWorker worker(job);
                          worker(begin, end);
                        });
  }
  parallel_for(0, numel_of(job.sizes), grain_of(job), [&](int64_t begin, int64_t end) {
    Worker worker(job);
    worker(begin, end);
  });
}

// All operands dense and as the kernel reads them: no buffer is needed.
bool run_direct(const Elementwise& job) {
  if (job.sizes.size() != 1 || job.out.dtype != written_dtype(job) || passes_caches(job)) return false;
  if (job.out.strides[0] != 1 && job.sizes[0] != 1) return false;
  int64_t element[kMaxInputs];
  for (int k = 0; k < job.num_inputs; ++k) {
    const Strided& s = job.in[k];
    if (s.dtype != read_dtype(job, k) || (s.strides[0] != 1 && job.sizes[0] != 1)) return false;
    element[k] = item_size(s.dtype);
  }
  parallel_for(0, job.sizes[0], grain_of(job), [&](int64_t begin, int64_t end) {
    const void* in[kMaxInputs];
    for (int k = 0; k < job.num_inputs; ++k)
      in[k] = static_cast<const char*>(job.in[k].data) + begin * element[k];
    job.kernel(in, static_cast<char*>(job.out.data) + begin * item_size(job.out.dtype), end - begin,
               job.params);
  });
  return true;
}

// A conversion that one function does: loads straight into a dense output, or stores straight from a dense
// input.
bool convert_direct(const Elementwise& job) {
  const Strided &in = job.in[0], &out = job.out;
  if (job.sizes.size() != 1) return false;
  const int64_t in_stride = in.strides[0], out_stride = out.strides[0];
  const DType stored = storage_of(job.compute);
  const bool loads = out.dtype == stored && (out_stride == 1 || job.sizes[0] == 1),
             stores = in.dtype == stored && (in_stride == 1 || job.sizes[0] == 1);
  if (!loads && !stores) return false;
  const Load load = load_function(in.dtype, job.compute);
  const Store store = store_function(job.compute, out.dtype);
  parallel_for(0, job.sizes[0], kGrain, [&](int64_t begin, int64_t end) {
    const char* source = static_cast<const char*>(in.data) + begin * in_stride * item_size(in.dtype);
    char* target = static_cast<char*>(out.data) + begin * out_stride * item_size(out.dtype);
    if (loads) load(source, in_stride, target, end - begin);
    else store(source, target, out_stride, end - begin);
  });
  return true;
}

}  // namespace

void copy(Elementwise& job) {
  const DType to = job.out.dtype, from = job.in[0].dtype;
  if (to == DType::Bool) {  // truth, not the low bits
    job.compute = compute_of(from);
    job.result = compute_of(from);
  } else if (is_complex(from) && !is_complex(to)) {
    job.compute = job.result = compute_of(to_real(from));
  } else {
    job.compute = job.result = compute_of(to);
  }
  if (numel_of(job.sizes) == 0) return;
  simplify(job);
  if (!convert_direct(job)) run_blocks(job);
}

void run(Elementwise& job) {
  if (numel_of(job.sizes) == 0) return;
  simplify(job);
  if (!run_direct(job)) run_blocks(job);
}

}  // namespace rushlight::cpu
