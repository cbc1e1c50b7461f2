// Elements become unsigned keys of the same order. A key and its place make an entry; entries are all
// different, so any way of sorting them is stable. Long rows go through a radix sort (Knuth, The Art of
// Computer Programming 3, 5.2.5), digit by digit from the lowest, whose passes are spread over threads in
// chunks of fixed size.
#include "rushlight/kernels/cpu/sort.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <type_traits>
#include <utility>

#include "rushlight/core/ceil_div.h"
#include "rushlight/core/thread_pool.h"
#include "rushlight/kernels/cpu/sort_keys.h"

namespace rushlight::cpu {
namespace {

constexpr int64_t kGrain = 4 * 1024;   // elements
constexpr int64_t kRadixFrom = 256;    // shorter rows are sorted by comparison
constexpr int64_t kChunk = 64 * 1024;  // elements of a radix pass that one thread takes at a time
constexpr int64_t kBlock = 512;
constexpr int kDigits = 256;

// A 32-bit key with its place below it; and the same for 64-bit keys, or rows too long for 32-bit places.
struct Narrow {
  uint64_t bits;
  using Key = uint32_t;
  static Narrow make(uint32_t key, int64_t place) {
    return {uint64_t{key} << 32 | static_cast<uint64_t>(place)};
  }
  static constexpr int kKeyBytes = 4;
  uint32_t key() const { return static_cast<uint32_t>(bits >> 32); }
  int64_t place() const { return static_cast<int64_t>(bits & 0xffffffff); }
  int digit(int d) const { return static_cast<int>(bits >> (32 + 8 * d) & 0xff); }
  bool operator<(const Narrow& o) const { return bits < o.bits; }
};
struct Wide {
  uint64_t bits;
  int64_t index;
  using Key = uint64_t;
  static Wide make(uint64_t key, int64_t place) { return {key, place}; }
  static constexpr int kKeyBytes = 8;
  uint64_t key() const { return bits; }
  int64_t place() const { return index; }
  int digit(int d) const { return static_cast<int>(bits >> (8 * d) & 0xff); }
  bool operator<(const Wide& o) const { return bits != o.bits ? bits < o.bits : index < o.index; }
};

// Sorts entries[0, n); scratch is as long.
template <class Entry>
void radix_sort(Entry* entries, Entry* scratch, int64_t n) {
  const int64_t chunks = ceil_div(n, kChunk);
  struct Counts {
    int64_t of[kDigits];
  };
  const auto counts = std::make_unique_for_overwrite<Counts[]>(chunks);
  Entry *from = entries, *to = scratch;
  for (int d = 0; d < Entry::kKeyBytes; ++d) {
    parallel_for(0, n, kChunk, [&](int64_t begin, int64_t end) {
      Counts& c = counts[begin / kChunk];
      std::memset(&c, 0, sizeof(c));
      for (int64_t i = begin; i < end; ++i) ++c.of[from[i].digit(d)];
    });
    bool constant = false;
    int64_t start = 0;
    for (int digit = 0; digit < kDigits; ++digit) {
      const int64_t before = start;
      for (int64_t c = 0; c < chunks; ++c) start += std::exchange(counts[c].of[digit], start);
      constant = constant || start - before == n;
    }
    if (constant) continue;  // all the same: nothing moves
    parallel_for(0, n, kChunk, [&](int64_t begin, int64_t end) {
      int64_t* next = counts[begin / kChunk].of;
      for (int64_t i = begin; i < end; ++i) to[next[from[i].digit(d)]++] = from[i];
    });
    std::swap(from, to);
  }
  if (from != entries) std::memcpy(static_cast<void*>(entries), from, n * sizeof(Entry));
}

// At most kChunk entries: the digits of the upper 32 bits are counted together, and what they leave open is
// sorted by comparison. Keys of 64 bits that agree in the upper half are few, or equal and in order.
template <class Entry>
void radix_sort_chunk(Entry* entries, Entry* scratch, int64_t n) {
  constexpr int kPasses = 4, kFirst = Entry::kKeyBytes - kPasses;
  uint32_t counts[kPasses][kDigits] = {};
  for (int64_t i = 0; i < n; ++i)
    for (int d = 0; d < kPasses; ++d) ++counts[d][entries[i].digit(kFirst + d)];
  Entry *from = entries, *to = scratch;
  for (int d = 0; d < kPasses; ++d) {
    uint32_t* next = counts[d];
    if (next[from[0].digit(kFirst + d)] == n) continue;  // all the same: nothing moves
    uint32_t start = 0;
    for (int digit = 0; digit < kDigits; ++digit) start += std::exchange(next[digit], start);
    for (int64_t i = 0; i < n; ++i) to[next[from[i].digit(kFirst + d)]++] = from[i];
    std::swap(from, to);
  }
  if (from != entries) std::memcpy(static_cast<void*>(entries), from, n * sizeof(Entry));
  if constexpr (kFirst > 0) {
    const auto upper = [&](int64_t i) { return entries[i].key() >> 32; };
    for (int64_t i = 0, end; i < n; i = end) {
      for (end = i + 1; end < n && upper(end) == upper(i);) ++end;
      if (end - i > 1) std::sort(entries + i, entries + end);
    }
  }
}

template <class Entry>
void sort_entries(Entry* entries, Entry* scratch, int64_t n) {
  if (n >= kRadixFrom && n <= kChunk) radix_sort_chunk(entries, scratch, n);
  else if (n >= kRadixFrom) radix_sort(entries, scratch, n);
  else std::sort(entries, entries + n);
}

// Calls f<Entry>() with the kind of entry that fits.
template <class F>
void visit_entry(const SortRows& job, F&& f) {
  if (item_size(job.dtype) <= 4 && job.n <= int64_t{UINT32_MAX}) f.template operator()<Narrow>();
  else f.template operator()<Wide>();
}

const void* row_of(const SortRows& job, int64_t r) {
  return static_cast<const char*>(job.in) + r * job.n * item_size(job.dtype);
}

// Calls body(row, entries, scratch) for each row, over threads; both buffers hold n entries.
template <class Entry, class F>
void each_row(const SortRows& job, int64_t room, F&& body) {
  parallel_for(0, job.rows, std::max<int64_t>(1, kGrain / std::max<int64_t>(1, job.n)),
               [&](int64_t begin, int64_t end) {
                 const auto entries = std::make_unique_for_overwrite<Entry[]>(room);
                 for (int64_t r = begin; r < end; ++r) body(r, entries.get());
               });
}

// The entries of a row, block by block: use(keys, first, n).
template <class Entry, class F>
void each_key_block(const SortRows& job, int64_t row, bool descending, int64_t begin, int64_t end, F&& use,
                    uint64_t base = 0) {
  const Encode<typename Entry::Key> encode = encode_function<typename Entry::Key>(job.dtype);
  typename Entry::Key keys[kBlock];
  for (int64_t i = begin; i < end; i += kBlock) {
    const int64_t n = std::min(kBlock, end - i);
    encode(static_cast<const char*>(row_of(job, row)) + i * item_size(job.dtype), n, descending, base, keys);
    use(keys, i, n);
  }
}

template <class Entry>
void make_entries(const SortRows& job, int64_t row, bool descending, Entry* entries, uint64_t base = 0) {
  parallel_for(0, job.n, kChunk, [&](int64_t begin, int64_t end) {
    each_key_block<Entry>(
        job, row, descending, begin, end,
        [&](const typename Entry::Key* keys, int64_t first, int64_t n) {
          for (int64_t k = 0; k < n; ++k) entries[first + k] = Entry::make(keys[k], first + k);
        },
        base);
  });
}

template <class Word>
void gather(const void* from, const int64_t* indices, int64_t n, void* to) {
  for (int64_t i = 0; i < n; ++i) static_cast<Word*>(to)[i] = static_cast<const Word*>(from)[indices[i]];
}

// The elements that the entries stand for go to places start... of the results.
template <class Entry>
void write_entries(const SortRows& job, int64_t row, const Entry* entries, int64_t n, int64_t start,
                   void* values, int64_t* indices) {
  const int64_t size = item_size(job.dtype);
  const auto copy = size == 1   ? gather<uint8_t>
                    : size == 2 ? gather<uint16_t>
                    : size == 4 ? gather<uint32_t>
                                : gather<uint64_t>;
  parallel_for(0, n, kChunk, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) indices[start + i] = entries[i].place();
    if (values)
      copy(row_of(job, row), indices + start + begin, end - begin,
           static_cast<char*>(values) + (start + begin) * size);
  });
}

// The k smallest entries of a row, in order, at the front of `kept`, which has room for `room` > k: what is
// not below the worst of k known ones is dropped at sight.
template <class Entry>
void keep_smallest(const SortRows& job, int64_t row, int64_t k, bool descending, Entry* kept, int64_t room) {
  using Key = typename Entry::Key;
  const FindBelow<Key> below = find_below_function<Key>();
  int64_t count = 0;
  bool full = false;
  Key worst = 0;
  each_key_block<Entry>(job, row, descending, 0, job.n, [&](const Key* keys, int64_t first, int64_t n) {
    const auto next = [&](int64_t from) { return full ? below(keys, from, n, worst) : from; };
    for (int64_t i = next(0); i < n; i = next(i + 1)) {  // an equal one that comes later loses
      kept[count++] = Entry::make(keys[i], first + i);
      if (count < room) continue;
      std::nth_element(kept, kept + k - 1, kept + count);
      count = k;
      full = true;
      worst = static_cast<Key>(kept[k - 1].key());
    }
  });
  if (count > k) std::nth_element(kept, kept + k - 1, kept + count);
  std::sort(kept, kept + k);
}

// The same for few: what is kept is in order all the time.
constexpr int64_t kFew = 16;
template <class Entry>
void keep_few(const SortRows& job, int64_t row, int64_t k, bool descending, Entry* kept) {
  using Key = typename Entry::Key;
  const FindBelow<Key> below = find_below_function<Key>();
  int64_t count = 0;
  each_key_block<Entry>(job, row, descending, 0, job.n, [&](const Key* keys, int64_t first, int64_t n) {
    const auto next = [&](int64_t from) {
      return count == k ? below(keys, from, n, static_cast<Key>(kept[k - 1].key())) : from;
    };
    for (int64_t i = next(0); i < n; i = next(i + 1)) {  // an equal one that comes later loses
      int64_t at = count < k ? count++ : k - 1;
      for (; at > 0 && keys[i] < kept[at - 1].key(); --at) kept[at] = kept[at - 1];
      kept[at] = Entry::make(keys[i], first + i);
    }
  });
}

// Are the keys of these entries, which are in order, different from each other? If the k first and the one
// after them are not, which of the equal ones come first is a matter of the algorithm.
template <class Entry>
bool all_distinct(const Entry* entries, int64_t count) {
  for (int64_t i = 1; i < count; ++i)
    if (entries[i - 1].key() == entries[i].key()) return false;
  return true;
}

// PyTorch leaves the choice among equal elements to the standard library: a partial sort if k is small, else
// a selection and a sort of all but the last (aten/src/ATen/native/TopKImpl.h). The same calls choose the
// same.
bool sorts_partly(const SortRows& job, int64_t k) { return k <= job.n / 64; }

// A smaller entry takes the place of the top of a heap of k. The hole sinks to a leaf, always to the larger
// child, and the entry rises from there (Floyd; Knuth, The Art of Computer Programming 3, 5.2.3, exercise
// 18).
template <class Entry>
void replace_top(Entry* heap, int64_t k, const Entry& entry) {
  int64_t hole = 0;
  for (int64_t child = 1; child < k; child = 2 * hole + 1) {
    if (child + 1 < k && !(heap[child + 1].key() < heap[child].key())) ++child;
    heap[hole] = heap[child];
    hole = child;
  }
  for (int64_t parent; hole > 0; hole = parent) {
    parent = (hole - 1) / 2;
    if (!(heap[parent].key() < entry.key())) break;
    heap[hole] = heap[parent];
  }
  heap[hole] = entry;
}

// What std::partial_sort does, without the entries of all elements: a heap of the first k, whose top is
// replaced by each later element below it. Chooses among equal ones as libstdc++ does.
template <class Entry>
void sort_partly(const SortRows& job, int64_t row, int64_t k, bool descending, Entry* heap) {
  const auto by_key = [](const Entry& a, const Entry& b) { return a.key() < b.key(); };
  using Key = typename Entry::Key;
  const FindBelow<Key> below = find_below_function<Key>();
  int64_t count = 0;
  each_key_block<Entry>(job, row, descending, 0, job.n, [&](const Key* keys, int64_t first, int64_t n) {
    int64_t i = 0;
    if (count < k) {
      for (; i < n && count < k; ++i) heap[count++] = Entry::make(keys[i], first + i);
      if (count == k) std::make_heap(heap, heap + k, by_key);
    }
    const auto next = [&](int64_t from) { return below(keys, from, n, static_cast<Key>(heap[0].key())); };
    for (i = next(i); i < n; i = next(i + 1)) replace_top(heap, k, Entry::make(keys[i], first + i));
  });
  std::sort_heap(heap, heap + k, by_key);
}

template <class Entry>
void select_like_pytorch(const SortRows& job, int64_t k, bool sorted, Entry* entries) {
  const auto by_key = [](const Entry& a, const Entry& b) { return a.key() < b.key(); };
  if (sorts_partly(job, k)) return std::partial_sort(entries, entries + k, entries + job.n, by_key);
  std::nth_element(entries, entries + k - 1, entries + job.n, by_key);
  if (sorted) std::sort(entries, entries + k - 1, by_key);
}

// ---- one element of a row

template <class Entry>
bool is_nan_key(const SortRows& job, uint64_t key) {
  return is_floating(job.dtype) && key == uint64_t{static_cast<typename Entry::Key>(~uint64_t{0})};
}

// Its place in the order, in which the NaNs come after the numbers.
int64_t selected_place(const SortRows& job, Select what, int64_t k, int64_t nans) {
  const int64_t numbers = job.n - nans;
  if (what == Select::Kth) return k;
  if (what == Select::Median) return nans ? numbers : (job.n - 1) / 2;
  return numbers ? (numbers - 1) / 2 : 0;
}

// A long row: how often each leading digit occurs tells which of them the element has, and only the entries
// with that digit are made and searched.
constexpr int64_t kSplitFrom = 16 * 1024;
constexpr int kLeadingBits = 12;
template <class Entry>
Entry select_by_digit(const SortRows& job, int64_t row, Select what, int64_t k) {
  using Key = typename Entry::Key;
  constexpr int kShift = 8 * Entry::kKeyBytes - kLeadingBits;
  struct Counts {
    int64_t of[int64_t{1} << kLeadingBits] = {}, nans = 0, first = 0;
  };
  const int64_t part = std::max(kChunk, job.n / 64), parts = ceil_div(job.n, part);
  const auto counts = std::make_unique<Counts[]>(parts);
  parallel_for(0, job.n, part, [&](int64_t begin, int64_t end) {
    Counts& c = counts[begin / part];
    each_key_block<Entry>(job, row, false, begin, end, [&](const Key* keys, int64_t, int64_t n) {
      for (int64_t i = 0; i < n; ++i) ++c.of[keys[i] >> kShift];
      for (int64_t i = 0; i < n; ++i) c.nans += is_nan_key<Entry>(job, keys[i]);
    });
  });
  int64_t nans = 0;
  for (int64_t p = 0; p < parts; ++p) nans += counts[p].nans;
  int64_t place = selected_place(job, what, k, nans), digit = 0, found = 0;
  for (;; ++digit) {
    found = 0;
    for (int64_t p = 0; p < parts; ++p) counts[p].first = std::exchange(found, found + counts[p].of[digit]);
    if (place < found) break;
    place -= found;
  }
  const auto entries = std::make_unique_for_overwrite<Entry[]>(found);
  parallel_for(0, job.n, part, [&](int64_t begin, int64_t end) {
    Entry* to = entries.get() + counts[begin / part].first;
    each_key_block<Entry>(job, row, false, begin, end, [&](const Key* keys, int64_t first, int64_t n) {
      for (int64_t i = 0; i < n; ++i)
        if (static_cast<int64_t>(keys[i] >> kShift) == digit) *to++ = Entry::make(keys[i], first + i);
    });
  });
  std::nth_element(entries.get(), entries.get() + place, entries.get() + found);
  return entries[place];
}

template <class Entry>
void sort_rows_as(const SortRows& job, bool descending, uint64_t base, void* values, int64_t* indices) {
  each_row<Entry>(job, 2 * job.n, [&](int64_t r, Entry* entries) {
    make_entries(job, r, descending, entries, base);
    sort_entries(entries, entries + job.n, job.n);
    write_entries(job, r, entries, job.n, r * job.n, values, indices);
  });
}

struct KeyRange {
  uint64_t low = ~uint64_t{0}, high = 0;
};
KeyRange key_range(const SortRows& job, bool descending) {
  KeyRange range;
  for (int64_t r = 0; r < job.rows; ++r) {
    each_key_block<Wide>(job, r, descending, 0, job.n, [&](const uint64_t* keys, int64_t, int64_t n) {
      const auto [low, high] = std::minmax_element(keys, keys + n);
      range = {std::min(range.low, *low), std::max(range.high, *high)};
    });
  }
  return range;
}

}  // namespace

void sort_rows(const SortRows& job, bool descending, void* values, int64_t* indices) {
  if (job.n > int64_t{UINT32_MAX}) return sort_rows_as<Wide>(job, descending, 0, values, indices);
  if (item_size(job.dtype) <= 4) return sort_rows_as<Narrow>(job, descending, 0, values, indices);
  // 64-bit integers seldom use their range: counted from the least, their keys are short.
  const KeyRange range =
      is_integral(job.dtype, false) ? key_range(job, descending) : KeyRange{0, ~uint64_t{0}};
  if (range.high - range.low <= UINT32_MAX)
    return sort_rows_as<Narrow>(job, descending, range.low, values, indices);
  sort_rows_as<Wide>(job, descending, 0, values, indices);
}

void topk_rows(const SortRows& job, int64_t k, bool largest, bool sorted, void* values, int64_t* indices) {
  if (k == 0) return;
  const int64_t room = std::min(job.n, std::max<int64_t>(2 * k, k + 256)) + 2;
  visit_entry(job, [&]<class Entry>() {
    each_row<Entry>(job, room, [&](int64_t r, Entry* kept) {
      if (k <= kFew && sorts_partly(job, k)) {
        sort_partly(job, r, k, largest, kept);
        return write_entries(job, r, kept, k, r * k, values, indices);
      }
      if (sorted || sorts_partly(job, k)) {
        const int64_t seen = std::min(k + 1, job.n);
        if (k <= kFew) keep_few(job, r, seen, largest, kept);
        else keep_smallest(job, r, seen, largest, kept, room);
        if (all_distinct(kept, seen)) return write_entries(job, r, kept, k, r * k, values, indices);
      }
      const auto all = std::make_unique_for_overwrite<Entry[]>(job.n);
      make_entries(job, r, largest, all.get());
      select_like_pytorch(job, k, sorted, all.get());
      write_entries(job, r, all.get(), k, r * k, values, indices);
    });
  });
}

void select_rows(const SortRows& job, Select what, int64_t k, void* values, int64_t* indices) {
  visit_entry(job, [&]<class Entry>() {
    if (job.n >= kSplitFrom) {
      return each_row<Entry>(job, 0, [&](int64_t r, Entry*) {
        const Entry found = select_by_digit<Entry>(job, r, what, k);
        write_entries(job, r, &found, 1, r, values, indices);
      });
    }
    each_row<Entry>(job, job.n, [&](int64_t r, Entry* entries) {
      make_entries(job, r, false, entries);
      int64_t nans = 0;
      for (int64_t i = 0; i < job.n; ++i) nans += is_nan_key<Entry>(job, entries[i].key());
      const int64_t place = selected_place(job, what, k, nans);
      std::nth_element(entries, entries + place, entries + job.n);
      write_entries(job, r, entries + place, 1, r, values, indices);
    });
  });
}

void mode_rows(const SortRows& job, void* values, int64_t* indices) {
  visit_entry(job, [&]<class Entry>() {
    each_row<Entry>(job, 2 * job.n, [&](int64_t r, Entry* entries) {
      make_entries(job, r, false, entries);
      sort_entries(entries, entries + job.n, job.n);
      int64_t longest = 0, last = 0;
      for (int64_t i = 0; i < job.n;) {
        int64_t end = i + 1;
        while (end < job.n && entries[end].key() == entries[i].key()) ++end;
        if (end - i > longest) {
          longest = end - i;
          last = end - 1;
        }
        i = end;
      }
      write_entries(job, r, entries + last, 1, r, values, indices);
    });
  });
}

}  // namespace rushlight::cpu
