// Module: the base of every network part, in C++ and in Python.
//
//   struct Net : nn::Module {
//     nn::Shared<nn::Linear> hidden = add("hidden", nn::make<nn::Linear>(2, 16));
//     nn::Shared<nn::Linear> out = add("out", nn::make<nn::Linear>(16, 1, {.bias = false}));
//     Tensor forward(const Tensor& x) override { return out(tanh(hidden(x))); }
//   };
//   auto net = nn::make<Net>();
//   Tensor y = net(ones({5, 2}));
//   assert(y.sizes() == Dims({5, 1}));
//   assert(net->named_parameters()[0].first == "hidden.weight");
//
// A module lives in one of two states. Native: its parameters, buffers, children and options are the C++
// members below and its reference count is an atomic integer. Owned: a foreign object (a Python instance)
// owns it. Then that object's reference count *is* the module's count, and that object's attributes *are* its
// state: every accessor below reads and writes them through `Peer`, so that Python's own dicts, garbage
// collector, pickle and deepcopy see all there is. A module becomes owned once, with everything below it, and
// stays so until it dies; no other thread may use it meanwhile.
#pragma once

#include <atomic>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rushlight/nn/failure.h"
#include "rushlight/nn/options.h"

namespace rushlight::nn {

class Module;

// Counted pointer to a module; calling it calls the module. TypeError where there is none.
template <class T>
class Shared {
 public:
  Shared() = default;
  explicit Shared(T* p) : p_(p) {
    if (p_) p_->retain();
  }
  Shared(const Shared& o) : Shared(o.p_) {}
  Shared(Shared&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
  template <class U>
  requires std::is_convertible_v<U*, T*> Shared(const Shared<U>& o) : Shared(o.get()) {}
  Shared& operator=(Shared o) noexcept {
    std::swap(p_, o.p_);
    return *this;
  }
  ~Shared() {
    if (p_) p_->release();
  }
  T* get() const { return p_; }
  T* operator->() const { return &**this; }
  T& operator*() const {
    RL_CHECK_AS(TypeError, p_, "'NoneType' object is not callable");
    return *p_;
  }
  template <class... A>
  decltype(auto) operator()(A&&... arguments) const {
    return (**this)(std::forward<A>(arguments)...);
  }
  explicit operator bool() const { return p_ != nullptr; }

 private:
  T* p_ = nullptr;
};

template <class T, class... Args>
Shared<T> make(Args&&... args) {
  return Shared<T>(new T(std::forward<Args>(args)...));
}

// The same with options by name behind what a layer must be given: make<Conv2d>(1, 16, 3, {.padding = 1}).
template <class T>
Shared<T> make(typename T::Options options) {
  return Shared<T>(new T(std::move(options)));
}
template <class T, class A>
Shared<T> make(A&& a, typename T::Options options) {
  return Shared<T>(new T(std::forward<A>(a), std::move(options)));
}
template <class T, class A, class B>
Shared<T> make(A&& a, B&& b, typename T::Options options) {
  return Shared<T>(new T(std::forward<A>(a), std::forward<B>(b), std::move(options)));
}
template <class T, class A, class B, class C>
Shared<T> make(A&& a, B&& b, C&& c, typename T::Options options) {
  return Shared<T>(new T(std::forward<A>(a), std::forward<B>(b), std::forward<C>(c), std::move(options)));
}

template <class T>
using Named = std::vector<std::pair<std::string, T>>;

struct Buffer {
  Tensor value;
  bool persistent = true;  // part of the state dict
};

// What load_state_dict could not place, when it is not strict.
struct IncompatibleKeys {
  std::vector<std::string> missing, unexpected;
};

// What the owner of a module can do; one instance for the process, set by the binding. `self` is the owner.
class Peer {
 public:
  virtual void retain(void* self) = 0;
  virtual void release(void* self) = 0;
  virtual Tensor call(Module& module, void* self, std::initializer_list<Tensor> inputs) = 0;
  virtual Tensor tensor(void* self,
                        const Name& name) = 0;  // parameter, buffer, or plain attribute; empty for None
  virtual void set_tensor(void* self, const Name& name, const Tensor& value) = 0;
  virtual Named<Tensor> parameters(void* self) = 0;
  virtual Named<Buffer> buffers(void* self) = 0;
  virtual Named<Shared<Module>> children(void* self) = 0;
  virtual void set_child(void* self, const std::string& name, Module& child) = 0;
  virtual bool training(void* self) = 0;
  virtual void set_training(void* self, bool mode) = 0;
  virtual void read_options(Module& module, void* self) = 0;
  virtual std::string show(void* self, const std::string& attribute, bool quoted) = 0;
  virtual std::string class_name(void* self) = 0;
  virtual std::string extra_repr(Module& module, void* self) = 0;

 protected:
  ~Peer() = default;
};
inline Peer* peer = nullptr;

class Module {
 public:
  Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  virtual ~Module() = default;

  // ---- For those who write modules.

  // The computation. Parents call the module itself, m(x), so that hooks and overrides of an owner have their
  // say.
  virtual Tensor forward(const Tensor& input);
  virtual Tensor forward(const Tensor& input, const Tensor& target);
  virtual void visit_options(OptionVisitor&) {}
  // Checks the options and makes the parameters, uninitialised; then reset_parameters() fills them.
  virtual void build() {}
  virtual void reset_parameters() {}
  // The text between the parentheses of the printed module.
  virtual std::string extra_repr() { return ""; }
  virtual std::string class_name() const;

  // KeyError for names that are taken, empty or have a dot. Parameters get requires_grad unless they are
  // integers; ValueError for one that was computed from others. A value may be undefined, a child null: None.
  void register_parameter(const std::string& name, const Tensor& value);
  void register_buffer(const std::string& name, const Tensor& value, bool persistent = true);
  void register_module(const std::string& name, const Shared<Module>& child);
  template <class T>
  Shared<T> add(const std::string& name, const Shared<T>& child) {
    register_module(name, child);
    return child;
  }
  // A parameter or buffer as it is now.
  Tensor tensor(const Name& name) const {
    return self_ ? peer->tensor(self_, name) : find_tensor(name.text());
  }
  // Replaces a parameter or buffer.
  void set_tensor(const Name& name, const Tensor& value);

  // ---- For those who use them.

  // An error that leaves has as its hint which module below failed, and with what input.
  Tensor operator()(const Tensor& input) {
    try {
      return self_ ? peer->call(*this, self_, {input}) : forward(input);
    } catch (Error& e) {
      explain_failure(e, *this, {input});
      throw;
    }
  }
  Tensor operator()(const Tensor& input, const Tensor& target) {
    try {
      return self_ ? peer->call(*this, self_, {input, target}) : forward(input, target);
    } catch (Error& e) {
      explain_failure(e, *this, {input, target});
      throw;
    }
  }

  std::vector<Tensor> parameters(bool recurse = true) const;
  std::vector<Tensor> buffers(bool recurse = true) const;
  Named<Tensor> named_parameters(const std::string& prefix = "",
                                 bool recurse = true) const;  // each tensor once
  Named<Tensor> named_buffers(const std::string& prefix = "", bool recurse = true) const;
  Named<Shared<Module>> children() const { return self_ ? peer->children(self_) : children_; }
  std::vector<Shared<Module>> modules();  // itself and all below it, each once
  Named<Shared<Module>> named_modules(const std::string& prefix = "");

  bool training() const { return self_ ? peer->training(self_) : training_; }
  void train(bool mode = true);
  void eval() { train(false); }
  void requires_grad_(bool requires_grad = true);
  void zero_grad(bool set_to_none = true);
  void to(DType dtype);  // floating and complex parameters and buffers
  void to(Device device);
  void apply(const std::function<void(Module&)>& f);  // children first

  // Parameters and persistent buffers by their dotted names; the tensors share memory with the module's.
  Named<Tensor> state_dict(const std::string& prefix = "") const;
  // Copies values in. RuntimeError with PyTorch's list of missing and unexpected keys and sizes that do not
  // match.
  IncompatibleKeys load_state_dict(const Named<Tensor>& state, bool strict = true);

  // "Linear(in_features=2, out_features=3, bias=True)", children on lines of their own.
  virtual std::string to_string();

  // Reference count: (count << 1 | 1) while native, the owner's address while owned.
  void retain() const;
  void release() const;

  void* self() const { return self_; }

 protected:
  friend class Ownership;

  // Those of this module alone, a tensor that has two names twice.
  Named<Tensor> own_parameters() const { return self_ ? peer->parameters(self_) : parameters_; }
  // A new uninitialised parameter.
  void new_parameter(const char* name, DimsRef sizes, const OptDevice& device, const OptDType& dtype);
  // "p={p}, inplace={inplace}" with the values of attributes in place; {name!r} quotes text.
  std::string format(std::string_view pattern);

  void* self_ = nullptr;  // the object that holds the state, if it is not held here

 private:
  Tensor find_tensor(std::string_view name) const;
  Named<Buffer> own_buffers() const { return self_ ? peer->buffers(self_) : buffers_; }
  void check_name(std::string_view what, const std::string& name) const;
  void convert(const std::function<Tensor(const Tensor&)>& f);
  void collect_state(const std::string& prefix, Named<Tensor>& out) const;
  template <class F>
  void visit_below(const std::string& prefix, std::vector<const Module*>& seen, F&& f);

  mutable std::atomic<uintptr_t> count_{1};
  Named<Tensor> parameters_;
  Named<Buffer> buffers_;
  Named<Shared<Module>> children_;
  bool training_ = true;
};

std::ostream& operator<<(std::ostream& out, Module& module);

// The binding's door into a module: hands it to an owner and takes its native state out.
class Ownership {
 public:
  // `self` must be suitable for peer->retain; it gets one reference for each native one.
  static void give(Module& m, void* self);
  static Named<Tensor>& parameters(Module& m) { return m.parameters_; }
  static Named<Buffer>& buffers(Module& m) { return m.buffers_; }
  static Named<Shared<Module>>& children(Module& m) { return m.children_; }
  static bool training(const Module& m) { return m.training_; }
};

}  // namespace rushlight::nn
