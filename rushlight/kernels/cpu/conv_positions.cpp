#include "rushlight/kernels/cpu/conv_positions.h"

#include <algorithm>
#include <limits>
#include <span>

#include "rushlight/core/ceil_div.h"
#include "rushlight/core/thread_pool.h"
#include "rushlight/kernels/cpu/conv_band.h"
#include "rushlight/kernels/cpu/conv_kernels.h"
#include "rushlight/kernels/cpu/gemm_packed.h"

namespace rushlight::cpu {
namespace {

constexpr int64_t kManyTaps = 128, kManyOutputs = 32;  // fewer do not earn the packing
constexpr int64_t kRowOutputs = 128;         // nor do fewer where output rows are whole panels as they lie
constexpr int64_t kJoinedPositions = 512;    // of images that share a product, about
constexpr int64_t kImageElements = 1 << 20;  // of those images, about
constexpr int64_t kJoinedPlanes = kGemmBlockColumns;  // the same where images need no copy
constexpr int64_t kSmallPlane = 256;                  // such planes share a product
constexpr int64_t kMaxRuns = kPanelsPacked * 32;      // columns of so many panels, at most

// Columns are the output positions of some images, one image after the other.
template <class T>
struct Positions {
  const T* images;
  int64_t image_size, row_pitch;  // from image to image, from output row to output row
  int64_t step;                   // from output column to output column
  int64_t out_h, out_w;
  const int64_t* offsets;  // of (channel, tap)
  int64_t end;             // elements of images that can be read

  void pack(int64_t column, int64_t width, int64_t kk, int64_t depth, T* dst) const {
    const int64_t nr = gemm_kernels<T>().nr, most = kPanelsPacked * nr;
    for (int64_t j = 0; j < width; j += most)
      pack_panels(column + j, std::min(most, width - j), kk, depth, dst + j * depth);
  }

  void pack_panels(int64_t column, int64_t width, int64_t kk, int64_t depth, T* dst) const {
    const int64_t nr = gemm_kernels<T>().nr;
    PositionRun run[kMaxRuns];
    const int runs = find_runs(column, static_cast<int>(width), run);
    int64_t whole = depth;  // rows whose vectors lie inside
    while (whole > 0 &&
           offsets[kk + whole - 1] + run[runs - 1].source + run[runs - 1].count * step + nr > end)
      --whole;
    if (whole > 0) {
      conv_kernels<T>().pack_positions(whole, images, offsets + kk, static_cast<int>(step), runs, run, dst,
                                       depth * nr);
    }
    for (int64_t q = whole; q < depth; ++q) {
      for (const PositionRun& r : std::span(run, static_cast<size_t>(runs))) {
        const T* src = images + offsets[kk + q] + r.source;
        for (int64_t i = 0, place = r.column; i < r.count; ++i, ++place)
          dst[(place / nr * depth + q) * nr + place % nr] = src[i * step];
      }
    }
  }

  int find_runs(int64_t position, int count, PositionRun* run) const {
    int64_t j = position % out_w, row = position / out_w, i = row % out_h, image = row / out_h;
    int runs = 0;
    for (int done = 0; done < count; j = 0) {
      const int64_t length = std::min<int64_t>(out_w - j, count - done);
      run[runs++] = {image * image_size + i * row_pitch + j * step, done, static_cast<int>(length)};
      done += static_cast<int>(length);
      if (++i == out_h) i = 0, ++image;
    }
    return runs;
  }
};

int64_t output_grain(const Correlation& c, int64_t images) {
  return std::max<int64_t>(1, 32768 / (images * c.out_h * c.out_w));
}

// Rows of positions, `count` images one after the other in a row, to where the correlation wants them.
template <class T>
void store_images(const Correlation& c, const T* products, int64_t count, T* y) {
  const auto& kernels = conv_kernels<T>();
  const int64_t each = c.out_h * c.out_w, image_stride = c.groups * c.out_channels * c.out_plane;
  parallel_for(0, c.out_channels, output_grain(c, count), [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o) {
      const T* src = products + o * count * each;
      T* plane = y + o * c.out_plane;
      if (c.out_column == 1 && c.out_row == c.out_w) {
        kernels.store_rows(count, each, src, each, plane, image_stride);
        continue;
      }
      for (int64_t row = 0; row < count * c.out_h; ++row, src += c.out_w) {
        T* dst = plane + row / c.out_h * image_stride + row % c.out_h * c.out_row;
        for (int64_t j = 0; j < c.out_w; ++j) dst[j * c.out_column] = src[j];
      }
    }
  });
}

// The same for two correlations whose outputs are the even and the odd columns of a row.
template <class T>
void store_images(const Correlation& even, const Correlation& odd, const T* even_products,
                  const T* odd_products, int64_t count, T* y) {
  const int64_t image_stride = even.groups * even.out_channels * even.out_plane;
  parallel_for(0, even.out_channels, output_grain(even, count), [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o) {
      for (int64_t image = 0; image < count; ++image) {
        const int64_t first = (o * count + image) * even.out_h;
        conv_kernels<T>().merge_rows(even.out_h, even.out_w + odd.out_w, even_products + first * even.out_w,
                                     even.out_w, odd_products + first * odd.out_w, odd.out_w,
                                     y + image * image_stride + o * even.out_plane, even.out_row);
      }
    }
  });
}

// What all shares of the images have in common.
template <class T>
struct Products {
  const std::vector<CorrelationPart<T>>& parts;
  const std::vector<std::vector<int64_t>>& offsets;  // of (channel, tap) of each part
  int64_t joined;                                    // images that share a product, at most

  int64_t size() const {  // of a part, slack included
    return parts[0].c.out_channels * joined * parts[0].c.out_h * parts[0].c.out_w + kRowSlack;
  }
  bool is_direct() const {
    const Correlation& c = parts[0].c;
    return joined == 1 && parts.size() == 1 && c.out_column == 1 && c.out_row == c.out_w;
  }

  void multiply(size_t part, Positions<T> positions, int64_t count, int64_t group, const T* bias,
                T* out) const {
    const Correlation& c = parts[part].c;
    positions.out_h = c.out_h, positions.out_w = c.out_w, positions.offsets = offsets[part].data();
    Output<T> target{out, count * c.out_h * c.out_w, 1};
    if (bias) target.row_bias = bias + group * c.out_channels;
    Matrix<const T> w = parts[part].w;
    w.data += group * c.out_channels * c.depth();
    packed_product(c.out_channels, target.row_stride, c.depth(), StridedLeft<T, T>{w}, positions, target);
  }

  void run(const Positions<T>& positions, int64_t count, int64_t group, const T* bias, T* y) const {
    if (is_direct()) return multiply(0, positions, count, group, bias, y);
    T* products = ThreadScratch::get<T>(Slot::Product, (parts.size() > 1 ? 2 : 1) * size());
    T* odd_products = products + size();
    for (size_t p = 0; p < parts.size(); ++p) {
      T* target = y + parts[p].begin;
      multiply(p, positions, count, group, bias, products);
      if (p + 1 < parts.size() && parts[p + 1].is_odd) {
        multiply(p + 1, positions, count, group, bias, odd_products);
        store_images(parts[p].c, parts[p + 1].c, products, odd_products, count, target);
        ++p;
      } else {
        store_images(parts[p].c, products, count, target);
      }
    }
  }

  // Calls f(first image, images) for all images. Large products are split among the threads one after the
  // other; small ones are dealt out whole.
  template <class F>
  void for_each_share(const F& f) const {
    const int64_t batch = parts[0].c.batch, shares = ceil_div(batch, joined);
    int64_t work = 0;
    for (const CorrelationPart<T>& part : parts) work += part.c.work() / shares;
    const bool whole = work <= 8 * kGemmSerialWork;
    parallel_for(0, shares, whole ? 1 : shares, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) f(i * joined, std::min(joined, batch - i * joined));
    });
  }
};

std::vector<int64_t> for_each_channel(int64_t channels, int64_t channel_size,
                                      const std::vector<int64_t>& offsets) {
  std::vector<int64_t> all;
  all.reserve(static_cast<size_t>(channels) * offsets.size());
  for (int64_t channel = 0; channel < channels; ++channel) {
    for (int64_t offset : offsets) all.push_back(channel * channel_size + offset);
  }
  return all;
}

// What all parts read, for outputs as high and wide as the largest ones.
template <class T>
Correlation united(const std::vector<CorrelationPart<T>>& parts) {
  Correlation all = parts[0].c;
  for (size_t p = 1; p < parts.size(); ++p) {
    const Correlation& c = parts[p].c;
    all.row.insert(all.row.end(), c.row.begin(), c.row.end());
    all.column.insert(all.column.end(), c.column.begin(), c.column.end());
    all.out_h = std::max(all.out_h, c.out_h), all.out_w = std::max(all.out_w, c.out_w);
  }
  return all;
}

}  // namespace

template <class T>
bool positions_pay(const std::vector<CorrelationPart<T>>& parts) {
  const Correlation& first = parts[0].c;
  if (parts.size() == 1 && first.out_w % gemm_kernels<T>().nr == 0 && first.out_channels < kRowOutputs)
    return false;
  int64_t most = 0;
  for (const CorrelationPart<T>& part : parts) {
    if (part.c.is_empty() || part.c.depth() == 0 || part.c.out_channels < kManyOutputs) return false;
    most = std::max(most, part.c.depth());
  }
  return most >= kManyTaps;
}

bool planes_pay(const Correlation& c) {
  if (c.is_empty() || c.depth() < kManyTaps || c.out_channels < kManyOutputs || c.step_w > 2) return false;
  return c.step_h * c.step_w > 1 || (c.batch > 1 && c.out_h * c.out_w <= kSmallPlane);
}

template <class T>
void correlate_positions(const std::vector<CorrelationPart<T>>& parts, const T* x, const T* bias, T* y) {
  const Correlation all = united(parts);
  const Band band(all, std::numeric_limits<int64_t>::max());
  const int64_t image_size = all.in_channels * band.size();
  const int64_t joined = std::clamp<int64_t>(
      std::min(kJoinedPositions / (all.out_h * all.out_w), kImageElements / image_size), 1, all.batch);
  std::vector<std::vector<int64_t>> offsets;
  auto tap = band.offsets.begin();
  for (const CorrelationPart<T>& part : parts) {
    const std::vector<int64_t> taps(tap, tap + part.c.taps());
    offsets.push_back(for_each_channel(all.in_channels, band.size(), taps));
    tap += part.c.taps();
  }
  const Products<T> products{parts, offsets, joined};
  products.for_each_share([&](int64_t first, int64_t count) {
    T* images = ThreadScratch::get<T>(Slot::ConvImage, joined * image_size + kImageSlack);
    const Positions<T> positions{images, image_size, band.pitch, 1,
                                 0,      0,          nullptr,    joined * image_size + kImageSlack};
    for (int64_t g = 0; g < all.groups; ++g) {
      const int64_t planes = all.in_channels * all.in_h * all.in_w;
      const T* in = x + (first * all.groups + g) * planes;
      parallel_for(0, count * all.in_channels, std::max<int64_t>(1, 32768 / band.size()),
                   [&](int64_t begin, int64_t end) {
                     std::fill(images + begin * band.size(), images + end * band.size(), T(0));
                     for (int64_t p = begin; p < end; ++p) {
                       const T* plane = in + p / all.in_channels * all.groups * planes;
                       band.load(plane + p % all.in_channels * all.in_h * all.in_w, 0, all.out_h,
                                 images + p * band.size());
                     }
                   });
      products.run(positions, count, g, bias,
                   y + (first * all.groups + g) * all.out_channels * all.out_plane);
    }
  });
}

template <class T>
void correlate_planes(const CorrelationPart<T>& part, const T* x, const T* bias, T* y) {
  const Correlation& c = part.c;
  const int64_t plane = c.in_h * c.in_w, image_size = c.groups * c.in_channels * plane;
  const int64_t shares = ceil_div(c.batch, std::max<int64_t>(1, kJoinedPlanes / (c.out_h * c.out_w)));
  const std::vector<CorrelationPart<T>> parts = {part};
  const std::vector<std::vector<int64_t>> offsets = {for_each_channel(c.in_channels, plane, {0})};
  const Products<T> products{parts, offsets, ceil_div(c.batch, shares)};
  products.for_each_share([&](int64_t first, int64_t count) {
    for (int64_t g = 0; g < c.groups; ++g) {
      const int64_t begin = first * image_size + g * c.in_channels * plane;
      const Positions<T> positions{x + begin, image_size, c.step_h * c.in_w, c.step_w,
                                   c.out_h,   c.out_w,    nullptr,           c.batch * image_size - begin};
      products.run(positions, count, g, bias, y + (first * c.groups + g) * c.out_channels * c.out_plane);
    }
  });
}

#define RL_INSTANTIATE(T)                                                                               \
  template bool positions_pay<T>(const std::vector<CorrelationPart<T>>&);                               \
  template void correlate_positions<T>(const std::vector<CorrelationPart<T>>&, const T*, const T*, T*); \
  template void correlate_planes<T>(const CorrelationPart<T>&, const T*, const T*, T*);
RL_INSTANTIATE(float)
RL_INSTANTIATE(double)
#undef RL_INSTANTIATE

}  // namespace rushlight::cpu
