// Finds rows and tiles for the kernels of reduce_kernels.h, and spreads them over threads.
#include "rushlight/kernels/cpu/reduce.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <new>

#include "rushlight/core/ceil_div.h"
#include "rushlight/core/thread_pool.h"
#include "rushlight/kernels/cpu/reduce_kernels.h"

namespace rushlight::cpu {
namespace {

constexpr int64_t kTile = 512;          // accumulators side by side
constexpr int64_t kBuffer = 8 * 1024;   // elements that are converted at a time
constexpr int64_t kGrain = 32 * 1024;   // elements; below this a second thread costs more than it gives
constexpr int64_t kChunk = 64 * 1024;   // elements; long reductions are cut into such parts
constexpr int64_t kEnoughOutputs = 64;  // with this many results to compute, no reduction needs cutting
constexpr int64_t kShortRow = 16;       // rows below this are not worth a call each
constexpr int64_t kLongRow = 64;        // rows from this on are

// Drops dimensions of size one and merges neighbours that are walked as one.
void merge_dims(Dims& sizes, Dims& strides) {
  if (sizes.size() == 1) return;
  Dims s, t;
  for (int64_t d = 0; d < sizes.size(); ++d) {
    if (sizes[d] == 1) continue;
    if (!s.empty() && t.back() == strides[d] * sizes[d]) {
      s.back() *= sizes[d];
      t.back() = strides[d];
    } else {
      s.push_back(sizes[d]);
      t.push_back(strides[d]);
    }
  }
  if (s.empty()) {
    s.push_back(1);
    t.push_back(1);
  }
  sizes = std::move(s);
  strides = std::move(t);
}

// The order of the reduced dimensions is free: memory order is the fastest.
void sort_dims(Dims& sizes, Dims& strides) {
  for (int64_t i = 1; i < sizes.size(); ++i) {
    for (int64_t j = i; j > 0 && std::abs(strides[j]) > std::abs(strides[j - 1]); --j) {
      std::swap(strides[j], strides[j - 1]);
      std::swap(sizes[j], sizes[j - 1]);
    }
  }
}

// Steps through the rows of several dimensions: all but the last, whose elements make up a row.
class Rows {
 public:
  Rows(const Dims& sizes, const Dims& strides, int64_t position)
      : sizes_(sizes), strides_(strides), index_(sizes.size()) {
    for (int64_t d = sizes.size() - 1; d >= 0; --d) {
      index_[d] = position % sizes[d];
      position /= sizes[d];
      if (d + 1 < sizes.size()) start_ += index_[d] * strides[d];
    }
  }
  int64_t column() const { return index_.back(); }
  int64_t left() const { return sizes_.back() - column(); }
  int64_t offset() const { return start_ + column() * strides_.back(); }
  // Forward by n <= left() elements.
  void advance(int64_t n) {
    index_.back() += n;
    if (index_.back() < sizes_.back()) return;
    index_.back() = 0;
    for (int64_t d = sizes_.size() - 2; d >= 0; --d) {
      start_ += strides_[d];
      if (++index_[d] < sizes_[d]) return;
      start_ -= strides_[d] * sizes_[d];
      index_[d] = 0;
    }
  }

 private:
  const Dims& sizes_;
  const Dims& strides_;
  Dims index_;
  int64_t start_ = 0;
};

struct alignas(64) Buffer {
  char bytes[kBuffer * sizeof(double)];
  int64_t capacity(int64_t element) const { return static_cast<int64_t>(sizeof(bytes)) / element; }
};
struct alignas(64) Tile {
  char bytes[kTile * kMaxState];
};
struct alignas(64) Block {
  char bytes[kTile * sizeof(complex128)];
};

void apply_finish(Finish finish, double divisor, Compute type, void* block, int64_t n) {
  if (finish == Finish::None) return;
  if (type == Compute::Complex128) {
    complex128* z = static_cast<complex128*>(block);
    for (int64_t i = 0; i < n; ++i) z[i] = {z[i].real() / divisor, z[i].imag() / divisor};
    return;
  }
  double* x = static_cast<double*>(block);
  if (finish != Finish::Sqrt)
    for (int64_t i = 0; i < n; ++i) x[i] /= divisor;
  if (finish != Finish::Divide)
    for (int64_t i = 0; i < n; ++i) x[i] = std::sqrt(x[i]);
}

class Reducer {
 public:
  explicit Reducer(const Reduction& job)
      : job_(job),
        kernel_(*reduce_kernel(job.op, job.compute)),
        load_(load_function(job.dtype, job.compute)),
        store_(store_function(kernel_.result, job.out_dtype)),
        store_second_(store_function(kernel_.second, job.second_dtype)),
        converted_(job.dtype != storage_of(job.compute)),
        element_(item_size(storage_of(job.compute))),
        outputs_(numel_of(job.kept_sizes)),
        length_(numel_of(job.reduced_sizes)) {
    const int64_t last = job.reduced_sizes.size() - 1;
    const bool states_apart =
        job.op != Reduce::Moments && job.op != Reduce::ArgMax && job.op != Reduce::ArgMin;
    if (!states_apart || converted_ || last == 0 || job.reduced_strides[last] != 1) return;
    if (job.reduced_sizes[last] < kShortRow / 2 || job.reduced_sizes[last] >= kLongRow) return;
    block_width_ = job.reduced_sizes[last];
    block_sizes_ = Dims(job.reduced_sizes.data(), last);
    block_strides_ = Dims(job.reduced_strides.data(), last);
  }

  void run() {
    const int64_t kept = std::abs(job_.kept_strides.back()), reduced = std::abs(job_.reduced_strides.back());
    const bool has_columns = job_.kept_sizes.back() > 1;
    if (has_columns && length_ > 0 &&
        (kept < reduced || (length_ < kShortRow && job_.kept_sizes.back() >= kShortRow))) {
      run_tiles();
    } else {
      run_rows();
    }
  }

 private:
  const char* at(int64_t offset) const {
    return static_cast<const char*>(job_.in) + offset * item_size(job_.dtype);
  }

  void write(const void* states, int64_t width, int64_t output) {
    Block result, second;
    kernel_.finish(states, width, result.bytes, job_.second ? second.bytes : nullptr);
    put(result.bytes, job_.second ? second.bytes : nullptr, width, output);
  }
  void put(char* result, const char* second, int64_t n, int64_t output) {
    apply_finish(job_.finish, job_.divisor, kernel_.result, result, n);
    store_(result, static_cast<char*>(job_.out) + output * item_size(job_.out_dtype), 1, n);
    if (second)
      store_second_(second, static_cast<char*>(job_.second) + output * item_size(job_.second_dtype), 1, n);
  }

  // ---- one accumulator at a time: the reduced dimension is the fast one

  void fold(int64_t base, int64_t begin, int64_t end, void* state, Buffer& buffer) {
    const int64_t stride = job_.reduced_strides.back();
    if (!converted_ && stride == 1 && job_.reduced_sizes.size() == 1)
      return kernel_.fold(at(base + begin), end - begin, state, begin);
    if (block_width_ > 0 && begin % block_width_ == 0 && end % block_width_ == 0)
      return fold_blocks(base, begin, end, state);
    if (job_.reduced_sizes.size() == 1) {
      for (int64_t i = begin; i < end; i += kTile) {
        const int64_t n = std::min(kTile, end - i);
        load_(at(base + i * stride), stride, buffer.bytes, n);
        kernel_.fold(buffer.bytes, n, state, i);
      }
      return;
    }
    Rows rows(job_.reduced_sizes, job_.reduced_strides, begin);
    const bool direct = !converted_ && stride == 1 && job_.reduced_sizes.back() >= kLongRow;
    if (direct) {
      for (int64_t i = begin; i < end;) {
        const int64_t n = std::min(rows.left(), end - i);
        kernel_.fold(at(base + rows.offset()), n, state, i);
        rows.advance(n);
        i += n;
      }
      return;
    }
    for (int64_t i = begin; i < end;) {
      const int64_t room = std::min(kTile, end - i);
      int64_t filled = 0;
      while (filled < room) {
        const int64_t n = std::min(rows.left(), room - filled);
        load_(at(base + rows.offset()), stride, buffer.bytes + filled * element_, n);
        rows.advance(n);
        filled += n;
      }
      kernel_.fold(buffer.bytes, filled, state, i);
      i += filled;
    }
  }

  // Where the rows are many and short: each column has an accumulator, and these are combined at the end.
  void fold_blocks(int64_t base, int64_t begin, int64_t end, void* state) {
    alignas(16) char states[kLongRow * kMaxState];
    int64_t width = block_width_;
    kernel_.init(states, width);
    Rows rows(block_sizes_, block_strides_, begin / width);
    for (int64_t i = begin; i < end;) {
      const int64_t n = std::min(rows.left(), (end - i) / width);
      kernel_.zip(at(base + rows.offset()), block_strides_.back(), n, width, states, i);
      rows.advance(n);
      i += n * width;
    }
    for (; width > 1; width -= width / 2)
      kernel_.merge(states, states + (width - width / 2) * kernel_.state_size, width / 2);
    kernel_.merge(state, states, 1);
  }

  // Dense rows of which the kernel takes many in a call.
  bool folds_groups() const {
    return kernel_.fold_rows && !converted_ && length_ > 0 && job_.reduced_strides.back() == 1 &&
           (job_.reduced_sizes.size() == 1 || job_.reduced_sizes.back() >= kLongRow);
  }

  // Do the rows of one output lie further apart than those of neighbouring outputs?
  bool outputs_are_near() const {
    return job_.reduced_sizes.size() > 1 &&
           std::abs(job_.reduced_strides[0]) > std::abs(job_.kept_strides.back());
  }

  // Outputs [first, first + count): a row of each in turn, the order of memory where outputs are near.
  void fold_group(int64_t first, int64_t count, void* states) {
    const int64_t n = job_.reduced_sizes.back();
    kernel_.init(states, count);
    Rows rows(job_.reduced_sizes, job_.reduced_strides, 0);
    for (int64_t i = 0; i < length_; i += n, rows.advance(n)) {
      Rows outputs(job_.kept_sizes, job_.kept_strides, first);
      for (int64_t done = 0, some; done < count; done += some) {
        some = std::min(outputs.left(), count - done);
        kernel_.fold_rows(at(rows.offset() + outputs.offset()), job_.kept_strides.back(), some, n,
                          static_cast<char*>(states) + done * kernel_.state_size);
        outputs.advance(some);
      }
    }
  }

  void run_groups() {
    constexpr int64_t kParts = 8;  // for the threads: fewer than that many chunks would leave some idle
    const bool near = outputs_are_near();
    const int64_t least = std::max<int64_t>(1, kGrain / length_), part = ceil_div(outputs_, kParts),
                  group = near || job_.reduced_sizes.size() == 1 ? kTile : 1;
    parallel_for(0, outputs_, near ? std::max(least, part) : least, [&](int64_t begin, int64_t end) {
      Tile states;
      for (int64_t o = begin; o < end; o += group) {
        const int64_t count = std::min(group, end - o);
        fold_group(o, count, states.bytes);
        write(states.bytes, count, o);
      }
    });
  }

  void run_rows() {
    if (length_ > 2 * kChunk && outputs_ < kEnoughOutputs) return run_long_rows();
    if (folds_groups()) return run_groups();
    const int64_t result_size = item_size(storage_of(kernel_.result)),
                  second_size = item_size(storage_of(kernel_.second));
    parallel_for(0, outputs_, std::max<int64_t>(1, kGrain / std::max<int64_t>(length_, 1)),
                 [&](int64_t begin, int64_t end) {
                   Buffer buffer;
                   Block result, second;
                   alignas(16) char state[kMaxState];
                   Rows outputs(job_.kept_sizes, job_.kept_strides, begin);
                   int64_t ready = 0;
                   for (int64_t o = begin; o < end; ++o) {
                     kernel_.init(state, 1);
                     if (length_ > 0) fold(outputs.offset(), 0, length_, state, buffer);
                     kernel_.finish(state, 1, result.bytes + ready * result_size,
                                    second.bytes + ready * second_size);
                     outputs.advance(1);
                     if (++ready == kTile || o + 1 == end) {
                       put(result.bytes, job_.second ? second.bytes : nullptr, ready, o + 1 - ready);
                       ready = 0;
                     }
                   }
                 });
  }

  void run_long_rows() {
    const int64_t chunks = ceil_div(length_, kChunk);
    const auto states = std::make_unique<Slot[]>(outputs_ * chunks);
    parallel_for(0, outputs_ * chunks, 1, [&](int64_t begin, int64_t end) {
      Buffer buffer;
      for (int64_t i = begin; i < end; ++i) {
        const int64_t output = i % outputs_, chunk = i / outputs_;
        const Rows place(job_.kept_sizes, job_.kept_strides, output);
        kernel_.init(states[i].bytes, 1);
        fold(place.offset(), chunk * kChunk, std::min(length_, (chunk + 1) * kChunk), states[i].bytes,
             buffer);
      }
    });
    for (int64_t o = 0; o < outputs_; ++o) {
      for (int64_t c = 1; c < chunks; ++c) kernel_.merge(states[o].bytes, states[c * outputs_ + o].bytes, 1);
      write(states[o].bytes, 1, o);
    }
  }

  // ---- a tile of accumulators at a time: a kept dimension is the fast one

  void zip(int64_t base, int64_t width, int64_t begin, int64_t end, void* states, Buffer& buffer) {
    Rows rows(job_.reduced_sizes, job_.reduced_strides, begin);
    const int64_t column_stride = job_.kept_strides.back(), row_stride = job_.reduced_strides.back();
    if (!converted_ && (column_stride == 1 || width == 1)) {
      for (int64_t i = begin; i < end;) {
        const int64_t n = std::min(rows.left(), end - i);
        kernel_.zip(at(base + rows.offset()), row_stride, n, width, states, i);
        rows.advance(n);
        i += n;
      }
      return;
    }
    const int64_t capacity = buffer.capacity(element_) / width;
    for (int64_t i = begin; i < end;) {
      const int64_t n = std::min(capacity, end - i);
      for (int64_t r = 0; r < n; ++r) {
        load_(at(base + rows.offset()), column_stride, buffer.bytes + r * width * element_, width);
        rows.advance(1);
      }
      kernel_.zip(buffer.bytes, width, n, width, states, i);
      i += n;
    }
  }

  struct TilePlace {
    int64_t output, width, base;
  };
  TilePlace tile_place(int64_t tile) const {
    const int64_t columns = job_.kept_sizes.back(), in_row = ceil_div(columns, kTile);
    const int64_t column = tile % in_row * kTile, output = tile / in_row * columns + column;
    return {output, std::min(kTile, columns - column),
            Rows(job_.kept_sizes, job_.kept_strides, output).offset()};
  }

  void run_tiles() {
    const int64_t columns = job_.kept_sizes.back(), in_row = ceil_div(columns, kTile);
    const int64_t tiles = outputs_ / columns * in_row, width = std::min(columns, kTile);
    const int64_t rows = std::max(kChunk / width, kShortRow);
    if (tiles < kEnoughOutputs && length_ > 2 * rows) return run_long_tiles(tiles, rows);
    parallel_for(0, tiles, std::max<int64_t>(1, kGrain / (width * length_)), [&](int64_t begin, int64_t end) {
      Buffer buffer;
      Tile states;
      for (int64_t t = begin; t < end; ++t) {
        const TilePlace p = tile_place(t);
        kernel_.init(states.bytes, p.width);
        zip(p.base, p.width, 0, length_, states.bytes, buffer);
        write(states.bytes, p.width, p.output);
      }
    });
  }

  void run_long_tiles(int64_t tiles, int64_t rows) {
    const int64_t chunks = ceil_div(length_, rows),
                  tile_bytes = std::min(job_.kept_sizes.back(), kTile) * kernel_.state_size;
    const int64_t slots =
        (tile_bytes + static_cast<int64_t>(sizeof(Slot)) - 1) / static_cast<int64_t>(sizeof(Slot));
    const auto states = std::make_unique_for_overwrite<Slot[]>(tiles * chunks * slots);
    parallel_for(0, tiles * chunks, 1, [&](int64_t begin, int64_t end) {
      Buffer buffer;
      for (int64_t i = begin; i < end; ++i) {
        const TilePlace p = tile_place(i % tiles);
        const int64_t chunk = i / tiles;
        Slot* state = &states[i * slots];
        kernel_.init(state, p.width);
        zip(p.base, p.width, chunk * rows, std::min(length_, (chunk + 1) * rows), state, buffer);
      }
    });
    for (int64_t t = 0; t < tiles; ++t) {
      const TilePlace p = tile_place(t);
      for (int64_t c = 1; c < chunks; ++c)
        kernel_.merge(&states[t * slots], &states[(c * tiles + t) * slots], p.width);
      write(&states[t * slots], p.width, p.output);
    }
  }

  struct alignas(16) Slot {
    char bytes[32];
  };

  const Reduction& job_;
  const ReduceKernel& kernel_;
  const Load load_;
  const Store store_, store_second_;
  const bool converted_;
  const int64_t element_, outputs_, length_;
  int64_t block_width_ = 0;  // of fold_blocks, 0 where it does not fit
  Dims block_sizes_, block_strides_;
};

}  // namespace

bool has_reduction(Reduce op, Compute compute) { return reduce_kernel(op, compute) != nullptr; }

void run(Reduction& job) {
  if (numel_of(job.kept_sizes) == 0) return;
  if (job.op != Reduce::ArgMax && job.op != Reduce::ArgMin) sort_dims(job.reduced_sizes, job.reduced_strides);
  merge_dims(job.kept_sizes, job.kept_strides);
  merge_dims(job.reduced_sizes, job.reduced_strides);
  try {
    Reducer(job).run();
  } catch (const std::bad_alloc&) {  // an expanded input has more chunks than their results fit into memory
    throw_error<OutOfMemoryError>("not enough memory to reduce a tensor of ", numel_of(job.reduced_sizes),
                                  " elements to one");
  }
}

}  // namespace rushlight::cpu
