// Spreads normalisation over threads by channels, rows and groups.
#include "rushlight/kernels/cpu/norm.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "rushlight/core/allocator.h"
#include "rushlight/core/ceil_div.h"
#include "rushlight/core/thread_pool.h"
#include "rushlight/kernels/cpu/bytes.h"
#include "rushlight/kernels/cpu/norm_kernels.h"

namespace rushlight::cpu {
namespace {

constexpr int64_t kGrain = 16 * 1024;  // elements

int64_t grain(int64_t size_each) { return std::max<int64_t>(1, kGrain / std::max<int64_t>(1, size_each)); }

template <class T>
T reciprocal_deviation(double squares, int64_t n, double eps) {
  return static_cast<T>(1 / std::sqrt(squares / static_cast<double>(n) + eps));
}

// With single elements between the channels, a strip of kStrip channels is worked at a time, row by row.
constexpr int64_t kStrip = 64;

template <class F>
void each_strip(const ChannelShape& s, F&& f) {
  parallel_for(0, ceil_div(s.channels, kStrip), grain(s.batch * kStrip), [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) f(k * kStrip, std::min(kStrip, s.channels - k * kStrip));
  });
}

template <class T>
void strip_moments(const ChannelShape& s, const T* x, T* mean, T* variance) {
  each_strip(s, [&](int64_t first, int64_t width) {
    double sum[kStrip] = {}, squares[kStrip] = {};
    for (int64_t n = 0; n < s.batch; ++n) {
      for (int64_t j = 0; j < width; ++j) sum[j] += static_cast<double>(x[n * s.channels + first + j]);
    }
    for (int64_t j = 0; j < width; ++j) sum[j] /= static_cast<double>(s.batch);
    for (int64_t n = 0; n < s.batch; ++n) {
      for (int64_t j = 0; j < width; ++j) {
        const double d = static_cast<double>(x[n * s.channels + first + j]) - sum[j];
        squares[j] += d * d;
      }
    }
    for (int64_t j = 0; j < width; ++j) {
      mean[first + j] = static_cast<T>(sum[j]);
      variance[first + j] = static_cast<T>(squares[j] / static_cast<double>(s.batch));
    }
  });
}

template <class T>
void strip_sums(const ChannelShape& s, const T* g, const T* x, const T* mean, T* sum_g, T* sum_gx) {
  each_strip(s, [&](int64_t first, int64_t width) {
    double plain[kStrip] = {}, product[kStrip] = {};
    for (int64_t n = 0; n < s.batch; ++n) {
      for (int64_t j = 0; j < width; ++j) {
        const int64_t i = n * s.channels + first + j;
        plain[j] += static_cast<double>(g[i]);
        product[j] +=
            static_cast<double>(g[i]) * (static_cast<double>(x[i]) - static_cast<double>(mean[first + j]));
      }
    }
    for (int64_t j = 0; j < width; ++j) {
      sum_g[first + j] = static_cast<T>(plain[j]);
      sum_gx[first + j] = static_cast<T>(product[j]);
    }
  });
}

// f(run of elements, channel) for every contiguous run.
template <class F>
void each_run(const ChannelShape& s, F&& f) {
  parallel_for(0, s.batch * s.channels, grain(s.inner), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) f(r * s.inner, r % s.channels);
  });
}

template <class F>
void each_row(int64_t rows, int64_t size, F&& f) {
  parallel_for(0, rows, grain(size), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) f(r);
  });
}

// Where the rows of an output are computed: in their place or, where the output is too large for the caches,
// in a buffer, from which they go past these.
template <class T>
class RowOutput {
 public:
  RowOutput(int64_t rows, int64_t size)
      : bytes_(size * static_cast<int64_t>(sizeof(T))),
        streams_(bytes_ >= kLeast && bytes_ <= kMost && exceeds_caches(rows * bytes_)),
        buffer_(streams_ ? static_cast<size_t>(bytes_) : 0) {}
  ~RowOutput() {
    if (streams_) end_stream();
  }
  RowOutput(const RowOutput&) = delete;
  RowOutput& operator=(const RowOutput&) = delete;

  template <class F>
  void write(T* row, F&& compute) const {
    if (!streams_) return compute(row);
    compute(buffer_.as<T>());
    stream_bytes(row, buffer_.as<T>(), static_cast<size_t>(bytes_));
  }

 private:
  static constexpr int64_t kLeast = 4 * 1024, kMost = 32 * 1024;  // bytes of a row
  int64_t bytes_;
  bool streams_;
  Scratch buffer_;
};

}  // namespace

template <class T>
void channel_moments(const ChannelShape& s, const T* x, T* mean, T* variance) {
  if (s.inner == 1) return strip_moments(s, x, mean, variance);
  const NormKernels<T>& k = norm_table().of<T>();
  const double count = static_cast<double>(s.batch) * static_cast<double>(s.inner);
  parallel_for(0, s.channels, grain(s.batch * s.inner), [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) {
      double sum = 0, squares = 0;
      for (int64_t n = 0; n < s.batch; ++n) sum += k.sum(x + (n * s.channels + c) * s.inner, s.inner);
      mean[c] = static_cast<T>(sum / count);
      for (int64_t n = 0; n < s.batch; ++n)
        squares += k.squares(x + (n * s.channels + c) * s.inner, s.inner, mean[c]);
      variance[c] = static_cast<T>(squares / count);
    }
  });
}

template <class T>
void channel_affine(const ChannelShape& s, const T* x, const T* scale, const T* shift, T* y) {
  const NormKernels<T>& k = norm_table().of<T>();
  if (s.inner > 1)
    return each_run(s, [&](int64_t at, int64_t c) { k.affine(x + at, s.inner, scale[c], shift[c], y + at); });
  each_row(s.batch, s.channels, [&](int64_t n) {
    k.affine_row(x + n * s.channels, s.channels, 1, 0, scale, shift, y + n * s.channels);
  });
}

template <class T>
void channel_sums(const ChannelShape& s, const T* g, const T* x, const T* mean, T* sum_g, T* sum_gx) {
  if (s.inner == 1) return strip_sums(s, g, x, mean, sum_g, sum_gx);
  const NormKernels<T>& k = norm_table().of<T>();
  parallel_for(0, s.channels, grain(s.batch * s.inner), [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) {
      Sums all{0, 0};
      for (int64_t n = 0; n < s.batch; ++n) {
        const int64_t at = (n * s.channels + c) * s.inner;
        const Sums part = k.products(g + at, x + at, s.inner, mean[c]);
        all.first += part.first;
        all.second += part.second;
      }
      sum_g[c] = static_cast<T>(all.first);
      sum_gx[c] = static_cast<T>(all.second);
    }
  });
}

template <class T>
void channel_combine(const ChannelShape& s, const T* g, const T* x, const T* a, const T* b, const T* c,
                     T* out) {
  const NormKernels<T>& k = norm_table().of<T>();
  if (s.inner > 1)
    return each_run(s, [&](int64_t at, int64_t ch) {
      k.combine(g + at, x + at, s.inner, a[ch], b[ch], c[ch], out + at);
    });
  each_row(s.batch, s.channels, [&](int64_t n) {
    const int64_t at = n * s.channels;
    for (int64_t j = 0; j < s.channels; ++j) out[at + j] = g[at + j] * a[j] + (x[at + j] * b[j] + c[j]);
  });
}

template <class T>
void layer_norm(int64_t rows, int64_t size, const T* x, const T* weight, const T* bias, double eps, T* y,
                T* mean, T* rstd) {
  const NormKernels<T>& k = norm_table().of<T>();
  // A few rows in step: what one row's sum waits for, the processor fills with the next one's. Together they
  // stay in the first-level cache.
  constexpr int64_t kInStep = 8, kBytes = 16 * 1024;
  const int64_t few = std::clamp<int64_t>(kBytes / std::max<int64_t>(1, size * sizeof(T)), 1, kInStep);
  parallel_for(0, rows, grain(size), [&](int64_t begin, int64_t end) {
    const RowOutput<T> out(rows, size);
    for (int64_t first = begin; first < end; first += few) {
      const int64_t last = std::min(end, first + few);
      for (int64_t r = first; r < last; ++r)
        mean[r] = static_cast<T>(k.sum(x + r * size, size) / static_cast<double>(size));
      for (int64_t r = first; r < last; ++r)
        rstd[r] = reciprocal_deviation<T>(k.squares(x + r * size, size, mean[r]), size, eps);
      for (int64_t r = first; r < last; ++r)
        out.write(y + r * size, [&](T* to) {
          k.affine_row(x + r * size, size, rstd[r], -mean[r] * rstd[r], weight, bias, to);
        });
    }
  });
}

template <class T>
void rms_norm(int64_t rows, int64_t size, const T* x, const T* weight, double eps, T* y, T* rstd) {
  const NormKernels<T>& k = norm_table().of<T>();
  parallel_for(0, rows, grain(size), [&](int64_t begin, int64_t end) {
    const RowOutput<T> out(rows, size);
    for (int64_t r = begin; r < end; ++r) {
      const T* row = x + r * size;
      rstd[r] = reciprocal_deviation<T>(k.squares(row, size, T(0)), size, eps);
      // What is added keeps the sign of a zero.
      out.write(y + r * size, [&](T* to) { k.affine_row(row, size, rstd[r], T(-0.0), weight, nullptr, to); });
    }
  });
}

template <class T>
void layer_norm_backward(int64_t rows, int64_t size, const T* g, const T* x, const T* weight, const T* mean,
                         const T* rstd, T* dx, T* dw, T* db) {
  const NormKernels<T>& k = norm_table().of<T>();
  const auto mean_of = [&](int64_t r) { return mean ? mean[r] : T(0); };
  const auto row_of_dx = [&](int64_t r, T* to) {
    const T *gr = g + r * size, *xr = x + r * size;
    const Sums s =
        weight ? k.weighted(gr, xr, weight, size, mean_of(r)) : k.products(gr, xr, size, mean_of(r));
    // dx = rstd (g w - mean(g w) - xhat mean(g w xhat)), with xhat = (x - mean) rstd; without a mean the
    // second term is not there either.
    const double deviation = rstd[r], n = static_cast<double>(size);
    const double b = -s.second * deviation * deviation * deviation / n,
                 c = mean ? -s.first * deviation / n - b * static_cast<double>(mean[r]) : 0;
    if (weight) k.combine_row(gr, xr, weight, size, rstd[r], static_cast<T>(b), static_cast<T>(c), to);
    else k.combine(gr, xr, size, rstd[r], static_cast<T>(b), static_cast<T>(c), to);
  };
  // Partial sums of at most 64 bands of rows, which then come together in order. A row's share in them is
  // added while the row is in the cache.
  const bool sums = dw || db;
  const int64_t band = std::max<int64_t>({1, (rows + 63) / 64, grain(size)}), bands = ceil_div(rows, band);
  std::vector<T> partial(sums ? static_cast<size_t>(2 * bands * size) : 0, T(0));
  parallel_for(0, bands, 1, [&](int64_t begin, int64_t end) {
    const RowOutput<T> out(rows, size);
    for (int64_t r = begin * band; r < std::min(rows, end * band); ++r) {
      if (dx) out.write(dx + r * size, [&](T* to) { row_of_dx(r, to); });
      if (!sums) continue;
      T* to = partial.data() + 2 * (r / band) * size;
      k.collect(g + r * size, x + r * size, size, mean_of(r), rstd[r], to, to + size);
    }
  });
  for (int64_t which = 0; which < 2; ++which) {
    T* out = which == 0 ? dw : db;
    if (!out) continue;
    std::fill_n(out, size, T(0));
    for (int64_t b = 0; b < bands; ++b) {
      const T* from = partial.data() + (2 * b + which) * size;
      for (int64_t j = 0; j < size; ++j) out[j] += from[j];
    }
  }
}

template <class T>
void group_norm(const GroupShape& s, const T* x, const T* weight, const T* bias, double eps, T* y, T* mean,
                T* rstd) {
  const NormKernels<T>& k = norm_table().of<T>();
  const int64_t size = s.channels * s.inner;
  each_row(s.batch * s.groups, size, [&](int64_t r) {
    const T* part = x + r * size;
    mean[r] = static_cast<T>(k.sum(part, size) / static_cast<double>(size));
    rstd[r] = reciprocal_deviation<T>(k.squares(part, size, mean[r]), size, eps);
    for (int64_t c = 0; c < s.channels; ++c) {
      const int64_t channel = r % s.groups * s.channels + c;
      const T a = weight ? rstd[r] * weight[channel] : rstd[r];
      k.affine(part + c * s.inner, s.inner, a, (bias ? bias[channel] : T(0)) - a * mean[r],
               y + r * size + c * s.inner);
    }
  });
}

template <class T>
void group_norm_backward(const GroupShape& s, const T* g, const T* x, const T* weight, const T* mean,
                         const T* rstd, T* dx, T* dw, T* db) {
  const NormKernels<T>& k = norm_table().of<T>();
  const int64_t size = s.channels * s.inner, channels = s.groups * s.channels;
  const auto sums = std::make_unique_for_overwrite<Sums[]>(static_cast<size_t>(s.batch * channels));
  each_row(s.batch * s.groups, size, [&](int64_t r) {
    const double n = static_cast<double>(size), deviation = rstd[r];
    Sums all{0, 0};
    for (int64_t c = 0; c < s.channels; ++c) {
      const int64_t at = r * size + c * s.inner;
      const Sums part = sums[r * s.channels + c] = k.products(g + at, x + at, s.inner, mean[r]);
      const double w = weight ? static_cast<double>(weight[r % s.groups * s.channels + c]) : 1.0;
      all.first += w * part.first;
      all.second += w * part.second;
    }
    if (!dx) return;
    const double b = -all.second * deviation * deviation * deviation / n,
                 shift = -all.first * deviation / n - b * static_cast<double>(mean[r]);
    for (int64_t c = 0; c < s.channels; ++c) {
      const int64_t at = r * size + c * s.inner;
      const T a = weight ? rstd[r] * weight[r % s.groups * s.channels + c] : rstd[r];
      k.combine(g + at, x + at, s.inner, a, static_cast<T>(b), static_cast<T>(shift), dx + at);
    }
  });
  for (int64_t c = 0; c < channels && (dw || db); ++c) {
    double w = 0, v = 0;
    for (int64_t n = 0; n < s.batch; ++n) {
      w += sums[n * channels + c].second * static_cast<double>(rstd[n * s.groups + c / s.channels]);
      v += sums[n * channels + c].first;
    }
    if (dw) dw[c] = static_cast<T>(w);
    if (db) db[c] = static_cast<T>(v);
  }
}

#define RL_NORM(T)                                                                                          \
  template void channel_moments<T>(const ChannelShape&, const T*, T*, T*);                                  \
  template void channel_affine<T>(const ChannelShape&, const T*, const T*, const T*, T*);                   \
  template void channel_sums<T>(const ChannelShape&, const T*, const T*, const T*, T*, T*);                 \
  template void channel_combine<T>(const ChannelShape&, const T*, const T*, const T*, const T*, const T*,   \
                                   T*);                                                                     \
  template void layer_norm<T>(int64_t, int64_t, const T*, const T*, const T*, double, T*, T*, T*);          \
  template void rms_norm<T>(int64_t, int64_t, const T*, const T*, double, T*, T*);                          \
  template void layer_norm_backward<T>(int64_t, int64_t, const T*, const T*, const T*, const T*, const T*,  \
                                       T*, T*, T*);                                                         \
  template void group_norm<T>(const GroupShape&, const T*, const T*, const T*, double, T*, T*, T*);         \
  template void group_norm_backward<T>(const GroupShape&, const T*, const T*, const T*, const T*, const T*, \
                                       T*, T*, T*);
RL_NORM(float)
RL_NORM(double)
#undef RL_NORM

}  // namespace rushlight::cpu
