#include "rushlight/optim/batch.h"

#include "rushlight/autograd/variable.h"
#include "rushlight/ops/memory.h"

namespace rushlight::optim {
namespace {

bool same_layout(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && ((a.is_contiguous() && b.is_contiguous()) || a.strides() == b.strides());
}

void check_dtype(DType dtype) {
  RL_CHECK_AS(NotImplementedError, is_inexact(dtype), "an optimizer step is not implemented for '",
              info(dtype).message_name, "'");
}

}  // namespace

void* Batch::dense(const Tensor& tensor, const Tensor& layout) {
  if (same_layout(tensor, layout)) return tensor.raw_data();
  Tensor copy = make_tensor_like(layout, layout.dtype());
  copy.copy_(tensor);
  write_back_.emplace_back(tensor, copy);
  return copy.raw_data();
}

void Batch::add(cpu::Update update, const Tensor& param, const Tensor& grad,
                const Tensor (&state)[cpu::Update::kMaxState]) {
  check_dtype(param.dtype());
  RL_CHECK(grad.sizes() == param.sizes(),
           "The size of tensor a must match the size of tensor b: a parameter of shape ",
           to_string(param.sizes()), " has a gradient of shape ", to_string(grad.sizes()));
  const autograd::NoGrad no_grad;
  Tensor layout = param;
  if (!param.is_contiguous() &&
      !is_dense(param)) {  // stands in for the parameter, and its layout for all others
    layout = make_tensor_like(param, param.dtype());
    layout.copy_(param);
    write_back_.emplace_back(param, layout);
  }
  update.param = layout.raw_data();
  if (same_layout(grad, layout)) {
    update.grad = grad.raw_data();
    kept_.push_back(grad);
  } else {
    Tensor copy = make_tensor_like(layout, layout.dtype());
    copy.copy_(grad);
    update.grad = copy.raw_data();
    kept_.push_back(std::move(copy));
  }
  for (int i = 0; i < cpu::Update::kMaxState; ++i) {
    if (!state[i].defined()) continue;
    RL_CHECK(state[i].sizes() == param.sizes(),
             "The size of tensor a must match the size of tensor b: a parameter of shape ",
             to_string(param.sizes()), " has state of shape ", to_string(state[i].sizes()));
    update.state[i] = dense(state[i], layout);
    kept_.push_back(state[i]);
  }
  update.dtype = to_real(param.dtype());
  update.n = param.numel() * (is_complex(param.dtype()) ? 2 : 1);
  size_ += update.n;
  param.bump_version();
  kept_.push_back(param);
  updates_.push_back(update);
}

void Batch::run() {
  cpu::run_updates(updates_);
  const autograd::NoGrad no_grad;
  for (auto& [to, from] : write_back_) to.copy_(from);
}

}  // namespace rushlight::optim
