#include "rushlight/autograd/variable.h"

#include <mutex>

#include "rushlight/autograd/accumulate.h"
#include "rushlight/autograd/record.h"
#include "rushlight/autograd/retain.h"
#include "rushlight/core/free_list.h"
#include "rushlight/core/inference.h"

namespace rushlight {
Tensor view_as_real(const Tensor& input);  // ops/complex.cpp
Tensor view_as_complex(const Tensor& input);
}  // namespace rushlight

namespace rushlight::autograd {
namespace {

// The region of `base` with this geometry, which counts in elements of `dtype`: a complex tensor may be seen
// through real views and the other way round.
Tensor region(const Tensor& base, DType dtype, const Dims& sizes, const Dims& strides, int64_t offset) {
  if (dtype == base.dtype()) return base.as_strided(sizes, strides, offset);
  if (is_complex(base.dtype())) return view_as_real(base).as_strided(sizes, strides, offset);
  Dims pair_sizes = sizes, pair_strides = strides;
  for (int64_t& s : pair_strides) s *= 2;
  pair_sizes.push_back(2);
  pair_strides.push_back(1);
  return view_as_complex(base.as_strided(pair_sizes, pair_strides, offset * 2));
}

RL_FAST_TLS constinit thread_local bool grad_mode = true;
RL_FAST_TLS constinit thread_local bool inference_mode = false;

class SpinGuard {
 public:
  explicit SpinGuard(std::atomic_flag& flag) : flag_(flag) {
    while (flag_.test_and_set(std::memory_order_acquire)) {
    }
  }
  ~SpinGuard() { flag_.clear(std::memory_order_release); }

 private:
  std::atomic_flag& flag_;
};

// Hands a gradient on: the change of an in-place operation that was computed apart and copied into place.
class Forward final : public Node {
 public:
  const char* name() const override { return "torch::autograd::CopyBackwards"; }
  Gradients backward(const Gradients& grads) override { return {Tensor(), grads[0]}; }
};

// The history of a base after one of its views was changed by `change`: the gradient of the part goes through
// the change, the rest passes by. Inputs: the base as it was, then the change's inputs but the first (the
// view itself).
class CopySlices final : public Node {
 public:
  CopySlices(const Tensor& base, const Tensor& view, Ref<Node> change)
      : base_sizes_(base.sizes()),
        base_strides_(base.strides()),
        view_sizes_(view.sizes()),
        view_strides_(view.strides()),
        view_dtype_(view.dtype()),
        view_offset_(view.storage_offset() - offset_in(view.dtype(), base)),
        change_(std::move(change)) {
    add_edge(gradient_edge(base));
    for (size_t i = 1; i < change_->edges().size(); ++i) add_edge(change_->edges()[i]);
  }
  const char* name() const override { return "torch::autograd::CopySlices"; }
  void release() override {
    change_->release();
    Node::release();
  }
  Gradients backward(const Gradients& grads) override {
    if (!grads[0].defined()) return Gradients();
    RL_CHECK(!change_->is_released(), kReleasedMessage);
    Tensor rest = make_tensor_like_base(grads[0]);
    rest.copy_(grads[0]);
    Tensor part = region(rest, view_dtype_, view_sizes_, view_strides_, view_offset_);
    Gradients inner = change_->backward({part.clone()});
    if (inner.size() > 0 && inner[0].defined()) part.copy_(inner[0]);
    else part.zero_();
    Gradients out{rest};
    for (size_t i = 1; i < inner.size(); ++i) out.push_back(inner[i]);
    return out;
  }

 private:
  // Where the base begins, counted in elements of `dtype`.
  static int64_t offset_in(DType dtype, const Tensor& base) {
    return base.storage_offset() * base.item_size() / item_size(dtype);
  }
  Tensor make_tensor_like_base(const Tensor& g) const {
    int64_t last = 0;
    for (int64_t i = 0; i < base_sizes_.size(); ++i) last += (base_sizes_[i] - 1) * base_strides_[i];
    Tensor memory = make_tensor(numel_of(base_sizes_) ? last + 1 : 0, g.dtype(), g.device());
    return make_alias(memory, base_sizes_, base_strides_, 0);
  }

  Dims base_sizes_, base_strides_;
  Dims view_sizes_, view_strides_;
  DType view_dtype_;
  int64_t view_offset_;  // from the first element of the base
  Ref<Node> change_;
};

// A view of a tensor with a history that was made while nothing was recorded. It says that it requires
// gradients, as its base does, and none goes anywhere from it (PyTorch's DifferentiableViewMeta). Asking the
// view itself to require gradients makes it a leaf.
bool is_outside_graph(const Tensor& t) {
  const AutogradMeta* m = meta(t);
  return m && m->requires_grad && !m->grad_fn && t.impl()->view_base &&
         t.impl()->view_kind == TensorImpl::ViewKind::NoGrad;
}

const char kMadeWithoutRecording[] = "A view was created in no_grad mode and ";
const char kMoveBothInOrOut[] =
    " Given that this use case is ambiguous and error-prone, it is forbidden. You can clarify your code by "
    "moving both the view and the inplace either both inside the no_grad block (if you don't want the "
    "inplace to be tracked) or both outside (if you want the inplace to be tracked).";

}  // namespace

const char kReleasedMessage[] =
    "Trying to backward through the graph a second time (or directly access saved tensors after they have "
    "already been "
    "freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). "
    "Specify "
    "retain_graph=True if you need to backward through the graph a second time or if you need to access "
    "saved tensors "
    "after calling backward.";

AutogradMeta::~AutogradMeta() {
  if (retains_grad) forget_retained(*this);
  release_iteratively(std::move(grad_fn));
}

AutogradMeta* meta(const Tensor& tensor) { return static_cast<AutogradMeta*>(tensor.impl()->autograd.get()); }

AutogradMeta& make_meta(const Tensor& tensor) {
  auto& slot = tensor.impl()->autograd;
  if (!slot) slot = std::make_unique<AutogradMeta>();
  return static_cast<AutogradMeta&>(*slot);
}

bool grad_enabled() { return grad_mode; }
void set_grad_enabled(bool enabled) { grad_mode = enabled; }
bool inference_mode_enabled() { return inference_mode; }
void set_inference_mode(bool enabled) {
  inference_mode = enabled;
  make_inference_tensors(enabled);
}

bool tracks(TensorList tensors) {
  if (!grad_mode) return false;
  for (const Tensor& t : tensors)
    if (has_history(t)) return true;
  return false;
}

Ref<Node> grad_fn(const Tensor& tensor) {
  if (!tensor.defined()) return nullptr;
  AutogradMeta* m = meta(tensor);
  const Ref<TensorImpl>& base = tensor.impl()->view_base;
  if (!base) return m ? m->grad_fn : nullptr;
  const uint32_t version = tensor.version();
  if (m && m->grad_fn && m->view_version == version) return m->grad_fn;
  const Tensor whole{base};
  if (!has_history(whole)) return m ? m->grad_fn : nullptr;
  if (is_outside_graph(tensor)) {
    RL_CHECK(m->view_version == version, kMadeWithoutRecording,
             "its base or another view of its base has been modified inplace with grad mode enabled.",
             kMoveBothInOrOut);
    return nullptr;
  }
  if (!m && !meta(whole)->grad_fn)
    return nullptr;  // the base became a leaf that requires grad after the view was made
  if (!m && version == 0) return nullptr;  // made without recording, and nothing has changed since
  if (!m || m->grad_fn) {
    if (!m && tensor.impl()->view_kind == TensorImpl::ViewKind::NoGrad) return nullptr;
    GradMode on(true);
    const Tensor fresh =
        region(whole, tensor.dtype(), tensor.sizes(), tensor.strides(), tensor.storage_offset());
    AutogradMeta& own = make_meta(tensor);
    own.grad_fn = meta(fresh)->grad_fn;
    own.output_slot = 0;
    own.view_version = version;
  }
  return meta(tensor)->grad_fn;
}

Edge gradient_edge(const Tensor& tensor) {
  if (!tensor.defined()) return {};
  if (Ref<Node> node = grad_fn(tensor)) return {std::move(node), meta(tensor)->output_slot};
  if (const AutogradMeta* m = meta(tensor); m && m->requires_grad && !is_outside_graph(tensor))
    return {accumulator_of(tensor), 0};
  return {};
}

namespace {

void check_no_leaf(const AutogradMeta* m) {
  RL_CHECK(!(m && m->requires_grad && !m->grad_fn),
           "a leaf Variable that requires grad is being used in an in-place operation.");
}

}  // namespace

void check_in_place(const Tensor& self) {
  const TensorImpl& impl = *self.impl();
  RL_CHECK(
      !impl.inference || inference_mode,
      "Inplace update to inference tensor outside InferenceMode is not allowed.You can make a clone to get a "
      "normal "
      "tensor before doing inplace update.See https://github.com/pytorch/rfcs/pull/17 for more details.");
  if (!grad_mode) return;
  const AutogradMeta* m = meta(self);
  if (!impl.view_base) return check_no_leaf(m);
  const Tensor base{impl.view_base};
  const AutogradMeta* bm = meta(base);
  if (!has_history(base) && !has_history(self)) return check_no_leaf(m);
  if (impl.view_kind == TensorImpl::ViewKind::OneOfSeveral) {
    throw_error<RuntimeError>("Output ", m ? m->output_slot : 0, " of ",
                              m && m->grad_fn ? operation_name(*m->grad_fn) : "a function",
                              " is a view and is being modified inplace. This view is the output of a "
                              "function that returns multiple views. Such "
                              "functions do not allow the output views to be modified inplace. You should "
                              "replace the inplace operation by an "
                              "out-of-place one.");
  }
  RL_CHECK(impl.view_kind != TensorImpl::ViewKind::NoGrad || (m && m->grad_fn), kMadeWithoutRecording,
           "is being modified inplace with grad mode enabled.", kMoveBothInOrOut);
  RL_CHECK((bm && bm->grad_fn) || !(has_history(self) || (bm && bm->requires_grad)),
           "a view of a leaf Variable that requires grad is being used in an in-place operation.");
}

void rebase_history(const Tensor& self, Ref<Node> node) {
  self.bump_version();
  AutogradMeta& m = make_meta(self);
  node->add_output_info(self);
  if (const Ref<TensorImpl>& base_impl = self.impl()->view_base) {
    const Tensor base{base_impl};
    auto slices = make_ref<CopySlices>(base, self, std::move(node));
    slices->add_output_info(base);
    AutogradMeta& bm = make_meta(base);
    bm.grad_fn = slices;
    bm.output_slot = 0;
    m.view_version = self.version() - 1;  // stale: grad_fn() rebuilds it from the base
    if (!m.grad_fn) m.grad_fn = slices;
    grad_fn(self);
    move_retained(self);
    move_retained(base);
    return;
  }
  m.grad_fn = std::move(node);
  m.output_slot = 0;
  move_retained(self);
}

void adopt_history(const Tensor& self, const Tensor& result) {
  const AutogradMeta& theirs = *meta(result);
  if (self.impl()->view_base || theirs.grad_fn->outputs().size() != 1 || self.dtype() != result.dtype()) {
    // Behind a view the change is seen as a function of (the old elements, the result).
    auto forward = make_ref<Forward>();
    forward->add_edge({});
    forward->add_edge(gradient_edge(result));
    rebase_history(self, std::move(forward));
    return;
  }
  AutogradMeta& m = make_meta(self);
  m.grad_fn = theirs.grad_fn;
  m.output_slot = theirs.output_slot;
  move_retained(self);
}

void set_view(const Tensor& view, const Tensor& base, bool one_of_several) {
  TensorImpl* impl = view.impl();
  impl->view_base = base.impl()->view_base ? base.impl()->view_base : base.ref();
  impl->view_kind = !grad_mode       ? TensorImpl::ViewKind::NoGrad
                    : one_of_several ? TensorImpl::ViewKind::OneOfSeveral
                                     : TensorImpl::ViewKind::Plain;
  if (grad_mode || !has_history(base) || !is_inexact(view.dtype())) return;
  AutogradMeta& m = make_meta(view);
  m.requires_grad = true;
  m.view_version = view.version();
}

Tensor view_base(const Tensor& tensor) { return Tensor(tensor.impl()->view_base); }

AccumulateGrad::AccumulateGrad(const Tensor& leaf) : leaf_(leaf) { add_output_info(leaf); }

AccumulateGrad::~AccumulateGrad() {
  AutogradMeta* m = meta(leaf_);
  SpinGuard guard(m->accumulator_lock);
  if (m->accumulator == this) m->accumulator = nullptr;
}

Ref<Node> accumulator_of(const Tensor& leaf) {
  AutogradMeta& m = make_meta(leaf);
  SpinGuard guard(m.accumulator_lock);
  if (m.accumulator) {
    if (Ref<Node> alive = Ref<Node>::if_alive(m.accumulator)) return alive;
  }
  auto fresh = make_ref<AccumulateGrad>(leaf);
  m.accumulator = fresh.get();
  return fresh;
}

namespace {

// Threads that run backward through graphs with common leaves take turns at each leaf.
std::mutex& mutex_of(const AutogradMeta& m) {
  static std::mutex mutexes[64];
  return mutexes[reinterpret_cast<uintptr_t>(&m) / alignof(std::max_align_t) / 8 % 64];
}

// `g` is held by the caller and by the list it came in.
void add_to_grad(AutogradMeta& m, const Tensor& g) {
  std::lock_guard lock(mutex_of(m));
  if (!m.grad.defined()) {
    // The first gradient is taken as it is when nothing else can see it, and copied when something can.
    const bool stealable =
        !grad_enabled() && g.is_contiguous() && g.impl()->use_count() <= 2 && g.storage()->use_count() == 1;
    m.grad = stealable ? g : g.clone();
  } else if (!grad_enabled()) {
    m.grad.add_(g);
  } else {
    m.grad = m.grad.add(g);
  }
}

}  // namespace

Gradients AccumulateGrad::backward(const Gradients& grads) {
  Tensor g = grads[0];
  if (!g.defined()) return {};
  AutogradMeta& m = *meta(leaf_);
  for (auto& hook : m.hooks) {
    Gradients in, out{g};
    hook->run(in, out);
    g = out[0];
  }
  add_to_grad(m, g);
  for (auto& hook : m.post_accumulate_hooks) {
    Gradients in, out{leaf_};
    hook->run(in, out);
  }
  return {};
}

}  // namespace rushlight::autograd

namespace rushlight {

using autograd::make_meta;
using autograd::meta;

bool Tensor::requires_grad() const {
  // A view follows its base, as PyTorch's does, even when the base came to require gradients later.
  return autograd::has_history(*this) ||
         (impl()->view_base && autograd::has_history(Tensor(impl()->view_base)));
}

bool Tensor::is_leaf() const { return !autograd::grad_fn(*this); }

const Tensor& Tensor::grad() const {
  static const Tensor none;
  const autograd::AutogradMeta* m = meta(*this);
  return m ? m->grad : none;
}

void Tensor::set_grad(const Tensor& grad) const {
  if (!grad.defined() && !meta(*this)) return;
  make_meta(*this).grad = grad;
}

const Tensor& Tensor::set_requires_grad(bool value) const {
  RL_CHECK(!value || is_inexact(dtype()),
           "only Tensors of floating point and complex dtype can require gradients");
  RL_CHECK(value || is_leaf(), "you can only change requires_grad flags of leaf variables.",
           " If you want to use a computed variable in a subgraph that doesn't require differentiation use "
           "var_no_grad = "
           "var.detach().");
  RL_CHECK(!value || !impl()->inference || autograd::inference_mode_enabled(),
           "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.");
  if (!value && !meta(*this)) return *this;
  if (impl()->view_kind == TensorImpl::ViewKind::NoGrad) impl()->view_kind = TensorImpl::ViewKind::Plain;
  if (is_leaf()) make_meta(*this).requires_grad = value;
  return *this;
}

void Tensor::retain_grad() const {
  RL_CHECK(requires_grad(), "can't retain_grad on Tensor that has requires_grad=False");
  if (!is_leaf()) autograd::retain_gradient(*this);
}

Tensor Tensor::data() const {
  Tensor alias = make_alias(*this);
  alias.impl()->own_version = make_ref<VersionCounter>();
  return alias;
}

}  // namespace rushlight
