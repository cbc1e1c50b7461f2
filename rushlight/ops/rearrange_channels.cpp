// Layers that move elements between channels and places.
#include "rushlight/ops/ops.h"

namespace rushlight::nn::functional {
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

}  // namespace

Tensor pixel_shuffle(const Tensor& input, int64_t r) {
  RL_CHECK(input.dim() >= 3, "pixel_shuffle expects input to have at least 3 dimensions, but got input with ", input.dim(), " dimension(s)");
  RL_CHECK(r > 0, "pixel_shuffle expects a positive upscale_factor, but got ", r);
  const int64_t channels = input.size(-3), h = input.size(-2), w = input.size(-1);
  RL_CHECK(r <= INT32_MAX && channels % (r * r) == 0, "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, but input.size(-3)=",
           channels, " is not divisible by ", r * r);
  const int64_t left = channels / (r * r);
  const Tensor parts = input.reshape(after_leading(input, 3, {left, r, r, h, w}));
  return parts.permute(order_of(parts.dim(), {-5, -2, -4, -1, -3})).reshape(after_leading(input, 3, {left, h * r, w * r}));
}

Tensor pixel_unshuffle(const Tensor& input, int64_t r) {
  RL_CHECK(input.dim() >= 3, "pixel_unshuffle expects input to have at least 3 dimensions, but got input with ", input.dim(), " dimension(s)");
  RL_CHECK(r > 0, "pixel_unshuffle expects a positive downscale_factor, but got ", r);
  const int64_t channels = input.size(-3), h = input.size(-2), w = input.size(-1);
  RL_CHECK(h % r == 0, "pixel_unshuffle expects height to be divisible by downscale_factor, but input.size(-2)=", h, " is not divisible by ", r);
  RL_CHECK(w % r == 0, "pixel_unshuffle expects width to be divisible by downscale_factor, but input.size(-1)=", w, " is not divisible by ", r);
  const Tensor parts = input.reshape(after_leading(input, 3, {channels, h / r, r, w / r, r}));
  return parts.permute(order_of(parts.dim(), {-5, -3, -1, -4, -2})).reshape(after_leading(input, 3, {channels * r * r, h / r, w / r}));
}

Tensor channel_shuffle(const Tensor& input, int64_t groups) {
  RL_CHECK(input.dim() > 2, "channel_shuffle expects input with > 2 dims, but got input with sizes ", to_string(input.sizes()));
  const int64_t channels = input.sizes()[1];
  RL_CHECK(groups > 0, "Number of groups to divide channels in must be positive. Value of groups:", groups);
  RL_CHECK(channels % groups == 0, "Number of channels must be divisible by groups. Got ", channels, " channels and ", groups, " groups.");
  Dims sizes{input.sizes()[0], groups, channels / groups};
  for (int64_t d = 2; d < input.dim(); ++d) sizes.push_back(input.sizes()[d]);
  return input.reshape(sizes).transpose(1, 2).reshape(input.sizes());
}

}  // namespace rushlight::nn::functional
