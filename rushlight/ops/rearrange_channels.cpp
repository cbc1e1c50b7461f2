// Layers that move elements between channels and places.
#include "rushlight/ops/linear_map.h"
#include "rushlight/ops/ops.h"

namespace rushlight {
namespace {

// The leading sizes of t, all but the last `count`, followed by these.
Dims after_leading(const Tensor& t, int64_t count, std::initializer_list<int64_t> last) {
  Dims out(t.sizes().data(), t.dim() - count);
  for (int64_t s : last) out.push_back(s);
  return out;
}

// 0, 1, ..., then these from the back, for a tensor of this rank.
Dims order_of(int64_t rank, std::initializer_list<int64_t> last) {
  Dims out;
  for (int64_t d = 0; d < rank - static_cast<int64_t>(last.size()); ++d) out.push_back(d);
  for (int64_t d : last) out.push_back(rank + d);
  return out;
}

// A row-major copy, always.
Tensor dense_copy(const Tensor& t) { return make_tensor(t.sizes(), t.dtype(), t.device()).copy_(t); }

// (*, C r^2, H, W) to (*, C, H r, W r), and back.
Tensor to_pixels(const Tensor& t, int64_t r) {
  const int64_t left = t.size(-3) / (r * r), h = t.size(-2), w = t.size(-1);
  const Tensor parts = t.reshape(after_leading(t, 3, {left, r, r, h, w}));
  const Tensor moved = parts.permute(order_of(parts.dim(), {-5, -2, -4, -1, -3}));
  return with_sizes(dense_copy(moved), after_leading(t, 3, {left, h * r, w * r}));
}
Tensor to_channels(const Tensor& t, int64_t r) {
  const int64_t channels = t.size(-3), h = t.size(-2) / r, w = t.size(-1) / r;
  const Tensor parts = t.reshape(after_leading(t, 3, {channels, h, r, w, r}));
  const Tensor moved = parts.permute(order_of(parts.dim(), {-5, -3, -1, -4, -2}));
  return with_sizes(dense_copy(moved), after_leading(t, 3, {channels * r * r, h, w}));
}
struct PixelShuffle {
  int64_t factor;
  bool to_plane;  // the forward map

  const char* name(bool transposed) const {
    return to_plane != transposed ? "PixelShuffleBackward0" : "PixelUnshuffleBackward0";
  }
  Tensor apply(const Tensor& x, bool transposed) const {
    return to_plane != transposed ? to_pixels(x, factor) : to_channels(x, factor);
  }
};

struct ChannelShuffle {
  int64_t groups, rest;  // whose product is the number of channels

  const char* name(bool) const { return "ChannelShuffleBackward0"; }
  Tensor apply(const Tensor& x, bool transposed) const {
    Dims sizes{x.sizes()[0], transposed ? rest : groups, transposed ? groups : rest};
    for (int64_t d = 2; d < x.dim(); ++d) sizes.push_back(x.sizes()[d]);
    return with_sizes(dense_copy(x.reshape(sizes).transpose(1, 2)), x.sizes());
  }
};

}  // namespace

namespace nn::functional {

Tensor pixel_shuffle(const Tensor& input, int64_t r) {
  RL_CHECK(input.dim() >= 3, "pixel_shuffle expects input to have at least 3 dimensions, but got input with ",
           input.dim(), " dimension(s)");
  RL_CHECK(r > 0, "pixel_shuffle expects a positive upscale_factor, but got ", r);
  const int64_t channels = input.size(-3);
  RL_CHECK(r <= INT32_MAX && channels % (r * r) == 0,
           "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of "
           "upscale_factor, but input.size(-3)=",
           channels, " is not divisible by ",
           static_cast<int64_t>(static_cast<uint64_t>(r) * static_cast<uint64_t>(r)));
  return apply_linear(PixelShuffle{r, true}, input);
}

Tensor pixel_unshuffle(const Tensor& input, int64_t r) {
  RL_CHECK(input.dim() >= 3,
           "pixel_unshuffle expects input to have at least 3 dimensions, but got input with ", input.dim(),
           " dimension(s)");
  RL_CHECK(r > 0, "pixel_unshuffle expects a positive downscale_factor, but got ", r);
  const int64_t h = input.size(-2), w = input.size(-1);
  RL_CHECK(h % r == 0,
           "pixel_unshuffle expects height to be divisible by downscale_factor, but input.size(-2)=", h,
           " is not divisible by ", r);
  RL_CHECK(w % r == 0,
           "pixel_unshuffle expects width to be divisible by downscale_factor, but input.size(-1)=", w,
           " is not divisible by ", r);
  return apply_linear(PixelShuffle{r, false}, input);
}

Tensor channel_shuffle(const Tensor& input, int64_t groups) {
  RL_CHECK(input.dim() > 2, "channel_shuffle expects input with > 2 dims, but got input with sizes ",
           to_string(input.sizes()));
  const int64_t channels = input.sizes()[1];
  RL_CHECK(groups > 0, "Number of groups to divide channels in must be positive. Value of groups:", groups);
  RL_CHECK(channels % groups == 0, "Number of channels must be divisible by groups. Got ", channels,
           " channels and ", groups, " groups.");
  return apply_linear(ChannelShuffle{groups, channels / groups}, input);
}

}  // namespace nn::functional
}  // namespace rushlight
