#include "rushlight/kernels/cpu/move.h"

#include <algorithm>
#include <cstring>

#include "rushlight/core/ceil_div.h"
#include "rushlight/core/thread_pool.h"
#include "rushlight/kernels/cpu/bytes.h"
#include "rushlight/kernels/cpu/convert.h"
#include "rushlight/kernels/cpu/transpose.h"

namespace rushlight::cpu {
namespace {

constexpr int64_t kGrainBytes = 128 * 1024;
constexpr int64_t kTile = 16;  // transposed copies go tile by tile: both sides stay in the first-level cache
constexpr int64_t kTall = 64;  // the other side of a tile whose rows are gathered
constexpr int64_t kShortRow = 16;
constexpr int64_t kMinStreamed = 4096;  // bytes of a row that go past the caches; its ends do not

struct Layout {
  Dims sizes, out, in;
};

// Dimensions in the order of the output's memory, those of size one dropped and neighbours merged.
Layout simplify(const Dims& sizes, const Dims& out, const Dims& in) {
  Dims order;
  for (int64_t d = 0; d < sizes.size(); ++d)
    if (sizes[d] != 1) order.push_back(d);
  // Insertion: keeps the order of equals as std::stable_sort does, which would ask for memory.
  for (int64_t i = 1; i < order.size(); ++i)
    for (int64_t k = i; k > 0 && std::abs(out[order[k - 1]]) < std::abs(out[order[k]]); --k)
      std::swap(order[k - 1], order[k]);
  Layout l;
  for (int64_t d : order) {
    if (!l.sizes.empty() && l.out.back() == out[d] * sizes[d] && l.in.back() == in[d] * sizes[d]) {
      l.sizes.back() *= sizes[d];
      l.out.back() = out[d];
      l.in.back() = in[d];
    } else {
      l.sizes.push_back(sizes[d]);
      l.out.push_back(out[d]);
      l.in.push_back(in[d]);
    }
  }
  return l;
}

// Walks the outer dimensions [0, rank) of a layout from linear position `begin` on.
class Odometer {
 public:
  Odometer(const Layout& layout, int64_t rank, int64_t begin) : layout_(layout), rank_(rank), index_(rank) {
    for (int64_t d = rank - 1; d >= 0; --d) {
      index_[d] = begin % layout.sizes[d];
      begin /= layout.sizes[d];
      out += index_[d] * layout.out[d];
      in += index_[d] * layout.in[d];
    }
  }
  void next() {
    for (int64_t d = rank_ - 1; d >= 0; --d) {
      out += layout_.out[d];
      in += layout_.in[d];
      if (++index_[d] < layout_.sizes[d]) return;
      out -= layout_.out[d] * layout_.sizes[d];
      in -= layout_.in[d] * layout_.sizes[d];
      index_[d] = 0;
    }
  }
  int64_t out = 0, in = 0;

 private:
  const Layout& layout_;
  int64_t rank_;
  Dims index_;
};

int64_t product(const Dims& sizes, int64_t count) {
  int64_t n = 1;
  for (int64_t d = 0; d < count; ++d) n *= sizes[d];
  return n;
}

// Strided elements to a dense row, by vectors where there are some for the size.
template <class T>
Load strided_load() {
  if constexpr (sizeof(T) == 4) return load_function(DType::Int32, Compute::Int32);
  else if constexpr (sizeof(T) == 8) return load_function(DType::Int64, Compute::Int64);
  else if constexpr (sizeof(T) <= 2) return gather_function(sizeof(T));
  else return nullptr;
}

// How rows are moved: by vectors, where `load` has them for what is strided, and past the caches.
struct Way {
  Load load;
  bool streams;
};
template <class T>
Way way_of(const Layout& l) {
  constexpr auto kSize = static_cast<int64_t>(sizeof(T));
  const bool streams =
      l.out.back() == 1 && l.sizes.back() * kSize >= kMinStreamed &&
      exceeds_caches(product(l.sizes, l.sizes.size()) * kSize, elements_read(l.sizes, l.in) * kSize);
  return {strided_load<T>(), streams};
}

// By parts, which go upwards in the memory that is read.
template <class T>
void stream_strided(T* out, const T* in, int64_t in_stride, int64_t n, Load load) {
  constexpr int64_t kPart = 2048 / sizeof(T);
  alignas(64) T part[kPart];
  for (int64_t done = 0; done < n; done += kPart) {
    const int64_t count = std::min(kPart, n - done), i = in_stride < 0 ? n - done - count : done;
    load(in + i * in_stride, in_stride, part, count);
    stream_bytes(out + i, part, count * sizeof(T));
  }
}

template <class T>
void move_row(T* out, int64_t out_stride, const T* in, int64_t in_stride, int64_t n, Way way) {
  if (out_stride == 1 && in_stride == 1) {
    if (way.streams) stream_bytes(out, in, n * sizeof(T));
    else copy_bytes(out, in, n * sizeof(T));
  } else if (out_stride == 1 && way.load) {
    if (way.streams) stream_strided(out, in, in_stride, n, way.load);
    else way.load(in, in_stride, out, n);
  } else if (out_stride == 1 && in_stride == 0) {
    std::fill_n(out, n, T(*in));
  } else {
    for (int64_t i = 0; i < n; ++i) out[i * out_stride] = in[i * in_stride];
  }
}

template <class T>
void move_rows(const Layout& l, T* out, const T* in) {
  const int64_t rank = l.sizes.size() - 1, row = l.sizes.back();
  const int64_t grain = std::max<int64_t>(1, kGrainBytes / static_cast<int64_t>(row * sizeof(T)));
  const Way way = way_of<T>(l);
  // The dimension before the last is walked by additions; the odometer would cost as much as a short row.
  const int64_t inner = rank - 1, rows = l.sizes[inner], out_step = l.out[inner], in_step = l.in[inner];
  parallel_for(0, product(l.sizes, rank), grain, [&](int64_t begin, int64_t end) {
    Odometer at(l, inner, begin / rows);
    for (int64_t i = begin, r = begin % rows; i < end; r = 0, at.next()) {
      const int64_t stop = std::min(rows, r + end - i);
      T* to = out + at.out + r * out_step;
      const T* from = in + at.in + r * in_step;
      i += stop - r;
      for (; r < stop; ++r, to += out_step, from += in_step)
        move_row(to, l.out.back(), from, l.in.back(), row, way);
    }
    if (way.streams) end_stream();
  });
}

// Every element kTimes in a row; a short loop of unknown length would cost more than its copies.
template <int64_t kTimes, class T>
void repeat_each(T* out, const T* in, int64_t step, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const T value = in[i * step];
    for (int64_t j = 0; j < kTimes; ++j) out[i * kTimes + j] = value;
  }
}
template <class T>
using Repeat = void (*)(T* out, const T* in, int64_t step, int64_t n);
template <class T>
Repeat<T> repeat_function(int64_t times) {
  switch (times) {
    case 2: return repeat_each<2, T>;
    case 3: return repeat_each<3, T>;
    case 4: return repeat_each<4, T>;
    default: return nullptr;
  }
}

// Rows too short for a call each: the last two dimensions in one loop, a band of rows at a time.
template <class T>
void move_short_rows(const Layout& l, T* out, const T* in) {
  const int64_t rank = l.sizes.size() - 2, rows = l.sizes[rank], row = l.sizes[rank + 1];
  const int64_t os = l.out[rank + 1], is = l.in[rank + 1];
  const int64_t row_bytes = row * static_cast<int64_t>(sizeof(T));
  const int64_t band = std::min(rows, kGrainBytes / row_bytes), bands = ceil_div(rows, band);
  const Repeat<T> repeat = is == 0 && os == 1 && l.out[rank] == row ? repeat_function<T>(row) : nullptr;
  const int64_t grain = std::max<int64_t>(1, kGrainBytes / (band * row_bytes));
  parallel_for(0, product(l.sizes, rank) * bands, grain, [&](int64_t begin, int64_t end) {
    Odometer at(l, rank, begin / bands);
    for (int64_t b = begin; b < end; ++b) {
      const int64_t first = b % bands * band, count = std::min(band, rows - first);
      T* to = out + at.out + first * l.out[rank];
      const T* from = in + at.in + first * l.in[rank];
      if ((b + 1) % bands == 0) at.next();
      if (repeat) {
        repeat(to, from, l.in[rank], count);
        continue;
      }
      for (int64_t r = 0; r < count; ++r, to += l.out[rank], from += l.in[rank]) {
        if (is == 0) {
          const T value = *from;
          for (int64_t j = 0; j < row; ++j) to[j * os] = value;
        } else {
          for (int64_t j = 0; j < row; ++j) to[j * os] = from[j * is];
        }
      }
    }
  });
}

// A tile whose rows have steps between their elements: as dense rows of kTall.
template <class T>
void gather_tile(const T* in, int64_t step, int64_t pitch, int64_t length, int64_t rows, Load load, T* tile) {
  for (int64_t r = 0; r < rows; ++r) load(in + r * pitch, step, tile + r * kTall, length);
}

// The last dimension is dense in the output, dimension `other` (brought next to it) has small steps in the
// input.
template <class T>
void move_transposed(Layout l, int64_t other, T* out, const T* in) {
  const int64_t rank = l.sizes.size() - 2;
  for (int64_t d = other; d < rank; ++d) {
    std::swap(l.sizes[d], l.sizes[d + 1]);
    std::swap(l.out[d], l.out[d + 1]);
    std::swap(l.in[d], l.in[d + 1]);
  }
  const int64_t rows = l.sizes[rank], columns = l.sizes[rank + 1], os = l.out[rank], is = l.in[rank + 1],
                step = l.in[rank];
  const Transpose transpose = transpose_function(sizeof(T));
  const Load load = step == 1 ? nullptr : strided_load<T>();
  const int64_t band = load ? kTall : kTile, bands = ceil_div(rows, band);
  const int64_t grain = std::max<int64_t>(1, kGrainBytes / static_cast<int64_t>(band * columns * sizeof(T)));
  parallel_for(0, product(l.sizes, rank) * bands, grain, [&](int64_t begin, int64_t end) {
    alignas(64) T tile[kTile * kTall];
    Odometer at(l, rank, begin / bands);
    for (int64_t b = begin; b < end; ++b) {
      const int64_t i = b % bands * band, height = std::min(band, rows - i);
      for (int64_t j = 0; j < columns; j += kTile) {
        const T* from = in + at.in + i * step + j * is;
        T* to = out + at.out + i * os + j;
        const int64_t width = std::min(kTile, columns - j);
        if (load) gather_tile(from, step, is, height, width, load, tile);
        transpose(load ? tile : from, load ? kTall : is, to, os, height, width);
      }
      if ((b + 1) % bands == 0) at.next();
    }
  });
}

// The dimension that an input is walked along in tiles, as its last one has large steps; -1 if there is none.
template <class T>
int64_t transposed_dim(const Layout& l) {
  constexpr int64_t kSmall = 16 / static_cast<int64_t>(sizeof(T));  // a step that vectors are loaded with
  if (l.out.back() != 1 || l.sizes.back() < 4) return -1;
  const auto find = [&](int64_t most_step, int64_t least_size) {
    int64_t d = std::abs(l.in.back()) > most_step ? l.sizes.size() - 2 : -1;
    while (d >= 0 && (l.in[d] <= 0 || l.in[d] > most_step || l.sizes[d] < least_size)) --d;
    return d;
  };
  const int64_t dense = find(1, 4);
  return dense < 0 && strided_load<T>() ? find(kSmall, 2 * kTile) : dense;
}

template <class T>
void move_as(const Layout& l, T* out, const T* in) {
  if (l.sizes.empty()) {
    *out = *in;
    return;
  }
  if (l.sizes.size() == 1) {
    const int64_t os = l.out[0], is = l.in[0];
    const Way way = way_of<T>(l);
    parallel_for(0, l.sizes[0], kGrainBytes / static_cast<int64_t>(sizeof(T)),
                 [&](int64_t begin, int64_t end) {
                   move_row(out + begin * os, os, in + begin * is, is, end - begin, way);
                   if (way.streams) end_stream();
                 });
    return;
  }
  if (const int64_t d = transposed_dim<T>(l); d >= 0) return move_transposed(l, d, out, in);
  if (l.sizes.back() < kShortRow) return move_short_rows(l, out, in);
  move_rows(l, out, in);
}

}  // namespace

void move(int64_t size, const Dims& sizes, void* out, const Dims& out_strides, const void* in,
          const Dims& in_strides) {
  if (numel_of(sizes) == 0) return;
  const Layout layout = simplify(sizes, out_strides, in_strides);
  visit_size(size, [&]<class T>() { move_as(layout, static_cast<T*>(out), static_cast<const T*>(in)); });
}

void join_rows(std::span<const RowPart> parts, int64_t rows, void* out) {
  int64_t pitch = 0;
  for (const RowPart& p : parts) pitch += p.bytes;
  const bool streams = exceeds_caches(rows * pitch);
  parallel_for(0, rows, std::max<int64_t>(1, kGrainBytes / pitch), [&](int64_t begin, int64_t end) {
    char* to = static_cast<char*>(out) + begin * pitch;
    for (int64_t r = begin; r < end; ++r) {
      for (const RowPart& p : parts) {
        const char* from = static_cast<const char*>(p.in) + r * p.pitch;
        if (streams && p.bytes >= kMinStreamed) stream_bytes(to, from, p.bytes);
        else copy_bytes(to, from, p.bytes);
        to += p.bytes;
      }
    }
    if (streams) end_stream();
  });
}

void triangle(int64_t size, int64_t count, int64_t rows, int64_t columns, int64_t diagonal, bool lower,
              const void* in, void* out) {
  const int64_t row_bytes = columns * size;
  if (count == 0 || rows == 0 || columns == 0) return;
  const char* from = static_cast<const char*>(in);
  char* to = static_cast<char*>(out);
  parallel_for(0, count * rows, std::max<int64_t>(1, kGrainBytes / row_bytes),
               [&](int64_t begin, int64_t end) {
                 for (int64_t r = begin; r < end; ++r) {
                   // The first `cut` columns lie on or below the diagonal (lower), or strictly below it
                   // (upper).
                   const int64_t i = r % rows;
                   int64_t cut;
                   if (__builtin_add_overflow(i + (lower ? 1 : 0), diagonal, &cut)) cut = INT64_MAX;
                   cut = std::clamp<int64_t>(cut, 0, columns) * size;
                   const int64_t keep = lower ? 0 : cut, keep_end = lower ? cut : row_bytes;
                   char* row = to + r * row_bytes;
                   if (to != from) std::memcpy(row + keep, from + r * row_bytes + keep, keep_end - keep);
                   std::memset(lower ? row + cut : row, 0, lower ? row_bytes - cut : cut);
                 }
               });
}

}  // namespace rushlight::cpu
