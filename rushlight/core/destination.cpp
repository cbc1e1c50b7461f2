#include "rushlight/core/destination.h"

#include <utility>

namespace rushlight {

Destination::Destination(const Tensor& out)
    : before_(std::exchange(detail::lent_output, out.is_contiguous() ? &out : nullptr)),
      storage_(out.storage()),
      version_(storage_->version.load(std::memory_order_relaxed)) {}

// Whoever fills a new tensor counts its versions from nought; those of `out` go on.
Destination::~Destination() {
  detail::lent_output = before_;
  storage_->version.store(version_, std::memory_order_relaxed);
}

Tensor detail::take_lent_output(DimsRef sizes, DType dtype) {
  const Tensor& out = *lent_output;
  if (out.dtype() != dtype || !(DimsRef(out.sizes()) == sizes)) return {};
  lent_output = nullptr;
  return make_alias(out);
}

}  // namespace rushlight
