// Operations that change only a tensor's own geometry.
#include <algorithm>

#include "rushlight/ops/ops.h"
#include "rushlight/ops/memory.h"
#include "rushlight/ops/view.h"

namespace rushlight {

using autograd::Node;
using autograd::Record;
using autograd::tracks;

namespace {

// Gives `self` the geometry of `model`, a view of it. rule: gradient of the new shape to that of the old.
template <class Rule>
const Tensor& adopt_geometry(const char* node, const Tensor& self, const Tensor& model, Rule rule) {
  const bool recorded = tracks(self);
  autograd::check_in_place(self);
  TensorImpl* impl = self.impl();
  if (recorded && !impl->view_base) {
    Record record(node, {self});
    impl->set_geometry(model.sizes(), model.strides(), model.storage_offset());
    return record.rule_in_place(self, std::move(rule));
  }
  // A view's history is rebuilt from its base by geometry when its version is new.
  impl->set_geometry(model.sizes(), model.strides(), model.storage_offset());
  self.bump_version();
  return self;
}

template <class View>
Tensor untracked(View&& view) {
  autograd::NoGrad guard;
  return view();
}

auto reshape_rule(const Tensor& self) {
  return [sizes = self.sizes()](Node&, const Tensor& g) -> Tensor { return g.reshape(sizes); };
}

}  // namespace

const Tensor& squeeze_(const Tensor& self) {
  return adopt_geometry("SqueezeBackward3", self, untracked([&] { return self.squeeze(); }),
                        reshape_rule(self));
}
const Tensor& squeeze_(const Tensor& self, int64_t dim) {
  return adopt_geometry("SqueezeBackward4", self, untracked([&] { return self.squeeze(dim); }),
                        reshape_rule(self));
}
const Tensor& squeeze_(const Tensor& self, DimsRef dim) {
  return adopt_geometry("SqueezeBackward5", self, untracked([&] { return self.squeeze(dim); }),
                        reshape_rule(self));
}
const Tensor& unsqueeze_(const Tensor& self, int64_t dim) {
  return adopt_geometry("UnsqueezeBackward1", self, untracked([&] { return self.unsqueeze(dim); }),
                        reshape_rule(self));
}
const Tensor& transpose_(const Tensor& self, int64_t dim0, int64_t dim1) {
  return adopt_geometry("TransposeBackward1", self, untracked([&] { return self.transpose(dim0, dim1); }),
                        [=](Node&, const Tensor& g) -> Tensor { return g.transpose(dim0, dim1); });
}
const Tensor& swapaxes_(const Tensor& self, int64_t axis0, int64_t axis1) {
  return transpose_(self, axis0, axis1);
}
const Tensor& swapdims_(const Tensor& self, int64_t dim0, int64_t dim1) {
  return transpose_(self, dim0, dim1);
}
const Tensor& t_(const Tensor& self) {
  return adopt_geometry("TBackward1", self, untracked([&] { return self.t(); }),
                        [](Node&, const Tensor& g) -> Tensor { return g.t(); });
}

const Tensor& as_strided_(const Tensor& self, DimsRef size, DimsRef stride, OptInt storage_offset) {
  RL_CHECK(!tracks(self) || self.impl()->view_base,
           "as_strided_() of a tensor that requires grad is not supported; use as_strided()");
  return adopt_geometry("AsStridedBackward1", self,
                        untracked([&] { return self.as_strided(size, stride, storage_offset); }),
                        reshape_rule(self));
}

const Tensor& detach_(const Tensor& self) {
  RL_CHECK(!self.impl()->view_base,
           "Can't detach views in-place. Use detach() instead. If you are using DistributedDataParallel "
           "(DDP) for training, and "
           "gradient_as_bucket_view is set as True, gradients are views of DDP buckets, and hence detach_() "
           "cannot be called on these "
           "gradients. To fix this error, please refer to the Optimizer.zero_grad() function in "
           "torch/optim/optimizer.py as the solution.");
  if (autograd::AutogradMeta* m = autograd::meta(self)) {
    m->requires_grad = false;
    m->grad_fn = nullptr;
    m->output_slot = 0;
  }
  return self;
}

}  // namespace rushlight
