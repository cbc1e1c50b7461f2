// The updates of one optimizer step, gathered and then run at once.
#pragma once

#include <vector>

#include "rushlight/core/tensor.h"
#include "rushlight/optim/rules.h"

namespace rushlight::optim {

class Batch {
 public:
  // The update of `param`, whose coefficients are set, joins the batch. `state[i]` may be undefined. Nothing
  // is copied where all have one dense layout and dtype; otherwise dense copies take part and run() copies
  // their results back.
  void add(cpu::Update update, const Tensor& param, const Tensor& grad,
           const Tensor (&state)[cpu::Update::kMaxState]);
  // Elements in all.
  int64_t size() const { return size_; }
  void run();

 private:
  // The tensor itself, or a dense stand-in that run() writes back.
  void* dense(const Tensor& tensor, const Tensor& layout);

  std::vector<cpu::Update> updates_;
  std::vector<Tensor> kept_;
  std::vector<std::pair<Tensor, Tensor>> write_back_;  // to, from
  int64_t size_ = 0;
};

}  // namespace rushlight::optim
