#include "rushlight/kernels/cpu/elementwise.h"

#include <algorithm>
#include <cstring>

#include "rushlight/core/thread_pool.h"

namespace rushlight::cpu {
namespace {

constexpr int64_t kGrain = 16 * 1024;  // elements; below this a second thread costs more than it gives

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

struct alignas(64) Buffer {
  char bytes[kBlock * sizeof(complex128)];
};

// The elements [begin, end) in the linear order of job.sizes.
class Worker {
 public:
  explicit Worker(const Elementwise& job) : job_(job), rank_(job.sizes.size()), row_(job.sizes.back()) {
    for (int k = 0; k < job.num_inputs; ++k) {
      const bool mask = k == job.mask_input;
      direct_[k] = job.in[k].dtype == (mask ? DType::Bool : storage_of(job.compute));
      load_[k] = mask ? nullptr : load_function(job.in[k].dtype, job.compute);
      element_[k] = mask ? sizeof(bool) : item_size(storage_of(job.compute));
    }
    direct_out_ = job.out.dtype == (job.bool_result ? DType::Bool : storage_of(job.result));
    out_element_ = job.bool_result ? sizeof(bool) : item_size(storage_of(job.result));
    if (job.bool_result) store_bool_ = store_bool_function(job.out.dtype);
    else store_ = store_function(job.result, job.out.dtype);
  }

  void operator()(int64_t begin, int64_t end) {
    if (rank_ == 1) {
      for (int64_t i = begin; i < end; i += kBlock) segment(i, std::min(kBlock, end - i), nullptr);
    } else if (row_ >= kBlock / 8) {
      for (int64_t i = begin; i < end;) {
        const int64_t in_row = i % row_, n = std::min({kBlock, row_ - in_row, end - i});
        Dims index(rank_);
        unravel(i, index);
        segment(in_row, n, &index);
        i += n;
      }
    } else {
      for (int64_t i = begin; i < end; i += kBlock) gathered(i, std::min(kBlock, end - i));
    }
  }

 private:
  void unravel(int64_t linear, Dims& index) const {
    for (int64_t d = rank_ - 1; d >= 0; --d) {
      index[d] = linear % job_.sizes[d];
      linear /= job_.sizes[d];
    }
  }
  int64_t offset(const Strided& s, const Dims& index) const {
    int64_t o = 0;
    for (int64_t d = 0; d < rank_ - 1; ++d) o += index[d] * s.strides[d];
    return o;
  }
  static char* at(const Strided& s, int64_t element) {
    return static_cast<char*>(s.data) + element * item_size(s.dtype);
  }

  void load_into(int k, const char* source, int64_t stride, char* block, int64_t n) {
    if (load_[k]) return load_[k](source, stride, block, n);
    load_function(job_.in[k].dtype, Compute::Int32)(source, stride, wide_.bytes, n);
    const int32_t* wide = reinterpret_cast<const int32_t*>(wide_.bytes);
    for (int64_t i = 0; i < n; ++i) block[i] = wide[i] != 0;
  }
  void store_from(const char* block, char* target, int64_t stride, int64_t n) {
    if (job_.bool_result) store_bool_(reinterpret_cast<const bool*>(block), target, stride, n);
    else store_(block, target, stride, n);
  }

  // Part of one row: every operand has one stride.
  void segment(int64_t column, int64_t n, const Dims* index) {
    const void* in[kMaxInputs];
    for (int k = 0; k < job_.num_inputs; ++k) {
      const Strided& s = job_.in[k];
      const int64_t stride = s.strides.back();
      const char* source = at(s, (index ? offset(s, *index) : 0) + column * stride);
      if (direct_[k] && (stride == 1 || n == 1)) {
        in[k] = source;
        continue;
      }
      if (stride != 0 || filled_[k] != source || filled_count_[k] < n) {
        load_into(k, source, stride, buffers_[k].bytes, n);
        filled_[k] = stride == 0 ? source : nullptr;
        filled_count_[k] = n;
      }
      in[k] = buffers_[k].bytes;
    }
    const int64_t stride = job_.out.strides.back();
    char* target = at(job_.out, (index ? offset(job_.out, *index) : 0) + column * stride);
    if (direct_out_ && (stride == 1 || n == 1)) {
      job_.kernel(in, target, n, job_.params);
    } else {
      job_.kernel(in, buffers_[kMaxInputs].bytes, n, job_.params);
      store_from(buffers_[kMaxInputs].bytes, target, stride, n);
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
    char* block = buffers_[kMaxInputs].bytes;
    job_.kernel(in, block, n, job_.params);
    walk_rows(job_.out, begin, n, [&](char* place, int64_t stride, int64_t done, int64_t count) {
      store_from(block + done * out_element_, place, stride, count);
    });
  }
  template <class F>
  void walk_rows(const Strided& s, int64_t begin, int64_t n, F&& f) {
    Dims index(rank_);
    unravel(begin, index);
    int64_t row_start = offset(s, index), column = index[rank_ - 1];
    for (int64_t done = 0; done < n;) {
      const int64_t count = std::min(n - done, row_ - column);
      f(at(s, row_start + column * s.strides.back()), s.strides.back(), done, count);
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
  const int64_t rank_, row_;
  bool direct_[kMaxInputs], direct_out_;
  int64_t element_[kMaxInputs], out_element_;
  Load load_[kMaxInputs];
  Store store_ = nullptr;
  StoreBool store_bool_ = nullptr;
  const void* filled_[kMaxInputs] = {};
  int64_t filled_count_[kMaxInputs] = {};
  Buffer buffers_[kMaxInputs + 1];
  Buffer wide_;
};

void run_blocks(const Elementwise& job) {
  parallel_for(0, numel_of(job.sizes), kGrain, [&](int64_t begin, int64_t end) {
    Worker worker(job);
    worker(begin, end);
  });
}

// All operands dense and of the compute type: no buffer is needed.
bool run_direct(const Elementwise& job) {
  const DType stored = storage_of(job.compute);
  if (job.sizes.size() != 1 || job.out.dtype != (job.bool_result ? DType::Bool : storage_of(job.result)))
    return false;
  if (job.out.strides[0] != 1 && job.sizes[0] != 1) return false;
  int64_t element[kMaxInputs];
  for (int k = 0; k < job.num_inputs; ++k) {
    const Strided& s = job.in[k];
    if (s.dtype != (k == job.mask_input ? DType::Bool : stored) || (s.strides[0] != 1 && job.sizes[0] != 1))
      return false;
    element[k] = item_size(s.dtype);
  }
  parallel_for(0, job.sizes[0], kGrain, [&](int64_t begin, int64_t end) {
    const void* in[kMaxInputs];
    for (int k = 0; k < job.num_inputs; ++k)
      in[k] = static_cast<const char*>(job.in[k].data) + begin * element[k];
    job.kernel(in, static_cast<char*>(job.out.data) + begin * item_size(job.out.dtype), end - begin,
               job.params);
  });
  return true;
}

// A dense conversion that one function does: loads straight into the output, or stores straight from the
// input.
bool convert_direct(const Elementwise& job) {
  const Strided &in = job.in[0], &out = job.out;
  if (job.sizes.size() != 1 || (job.sizes[0] != 1 && (in.strides[0] != 1 || out.strides[0] != 1)))
    return false;
  const DType stored = storage_of(job.compute);
  if (in.dtype != stored && out.dtype != stored) return false;
  const Load load = load_function(in.dtype, job.compute);
  const Store store = store_function(job.compute, out.dtype);
  parallel_for(0, job.sizes[0], kGrain, [&](int64_t begin, int64_t end) {
    const char* source = static_cast<const char*>(in.data) + begin * item_size(in.dtype);
    char* target = static_cast<char*>(out.data) + begin * item_size(out.dtype);
    if (out.dtype == stored) load(source, 1, target, end - begin);
    else store(source, target, 1, end - begin);
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
  job.kernel = [](const void* const* in, void* out, int64_t n, const Params& p) {
    std::memcpy(out, in[0], n * static_cast<size_t>(p.integer[0]));
  };
  job.params.integer[0] = item_size(storage_of(job.compute));
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
