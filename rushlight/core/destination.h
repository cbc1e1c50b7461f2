// Memory lent to the next result, so that `out=` costs no second pass over the elements.
#pragma once

#include "rushlight/core/free_list.h"
#include "rushlight/core/tensor.h"

namespace rushlight {

// While it lives, the first tensor that this thread makes with the sizes and the dtype of `out` is a view of
// it. What `out` held is lost then, also where the operation fails later: nothing that the operation reads
// may share memory with it. A tensor that is not contiguous is not lent.
class Destination {
 public:
  explicit Destination(const Tensor& out);
  ~Destination();
  Destination(const Destination&) = delete;
  Destination& operator=(const Destination&) = delete;

 private:
  const Tensor* before_;
  Ref<Storage> storage_;
  uint32_t version_;
};

namespace detail {

// The tensor that is lent at present, and its end.
RL_FAST_TLS inline constinit thread_local const Tensor* lent_output = nullptr;
Tensor take_lent_output(DimsRef sizes, DType dtype);  // undefined if it is of other sizes or another dtype

}  // namespace detail
}  // namespace rushlight
