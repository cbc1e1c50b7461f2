// From a C++ layer class to its LayerInfo: one add_layer call a class.
#pragma once

#include <tuple>

#include "../convert.h"
#include "rushlight/nn/loss.h"
#include "nn.h"

namespace rushlight::python {

// Results of forward.
inline PyObject* wrap_result(const Tensor& t) { return wrap(t); }
inline PyObject* wrap_result(const WithIndices& r) {
  if (!r.indices.defined()) return wrap(r);
  Object values = take(wrap(r)), indices = take(wrap(r.indices));
  return PyTuple_Pack(2, values.get(), indices.get());
}
template <class... T>
PyObject* wrap_result(const std::tuple<T...>& parts) {
  return std::apply(
      [](const auto&... part) {
        Object items[] = {take(wrap_result(part))...};
        Object out = take(PyTuple_New(sizeof...(part)));
        Py_ssize_t i = 0;
        for (Object& o : items) PyTuple_SET_ITEM(out.get(), i++, o.release());
        return out.release();
      },
      parts);
}

// Arguments of forward: None where an undefined tensor may stand.
template <class P>
struct ForwardArgument : Argument<P> {
  using Argument<P>::Argument;
};
template <>
struct ForwardArgument<const Tensor&> {
  explicit ForwardArgument(PyObject* o) {
    RL_CHECK_AS(TypeError, o == Py_None || is_tensor(o),
                "expected Tensor as an argument of forward, but got ", Py_TYPE(o)->tp_name);
    if (o != Py_None) value = tensor_value(o);
  }
  const Tensor& get() const { return value; }
  Tensor value;
};

template <>
struct ForwardArgument<const nn::Lengths&> {
  explicit ForwardArgument(PyObject* o) {
    if (!is_tensor(o)) {
      value.values = dims_value(o);
      return;
    }
    const Tensor& t = tensor_value(o);
    RL_CHECK(is_integral(t.dtype(), false), "lengths must be integral");
    const Tensor dense = t.to(DType::Int64).contiguous();
    value.values = Dims(dense.data<int64_t>(), dense.numel());
  }
  const nn::Lengths& get() const { return value; }
  nn::Lengths value;
};

// The states of an LSTM.
template <>
struct ForwardArgument<const std::tuple<Tensor, Tensor>&> {
  explicit ForwardArgument(PyObject* o) {
    if (o == Py_None) return;
    RL_CHECK_AS(RuntimeError, PyTuple_Check(o) || PyList_Check(o),
                "For LSTM the states are a pair of tensors, not ", Py_TYPE(o)->tp_name);
    RL_CHECK(PySequence_Fast_GET_SIZE(o) == 2, "rnn: hx has unexpected size");
    value = {ForwardArgument<const Tensor&>(PySequence_Fast_GET_ITEM(o, 0)).get(),
             ForwardArgument<const Tensor&>(PySequence_Fast_GET_ITEM(o, 1)).get()};
  }
  const std::tuple<Tensor, Tensor>& get() const { return value; }
  std::tuple<Tensor, Tensor> value;
};

template <auto F>
struct ForwardCall;
template <class R, class C, class... P, R (C::*F)(P...)>
struct ForwardCall<F> {
  static constexpr bool unary = std::is_same_v<R(P...), Tensor(const Tensor&)>;
  static PyObject* call(nn::Module& m, PyObject* const* slots) {
    return run(m, slots, std::index_sequence_for<P...>());
  }
  template <size_t... I>
  static PyObject* run(nn::Module& m, PyObject* const* slots, std::index_sequence<I...>) {
    std::tuple<ForwardArgument<P>...> arguments{ForwardArgument<P>(slots[I])...};
    return wrap_result((static_cast<C&>(m).*F)(std::get<I>(arguments).get()...));
  }
};

// "input, hx=None": the parameters of forward, those with a default last.
inline void read_forward_names(LayerInfo& info, const std::string& text) {
  for (size_t start = 0; start < text.size();) {
    size_t end = text.find(", ", start);
    if (end == std::string::npos) end = text.size();
    const std::string item = text.substr(start, end - start);
    info.required += item.find('=') == std::string::npos;
    info.parameters.push_back(item.substr(0, item.find('=')));
    start = end + 2;
  }
}

template <class M>
struct Layer {
  inline static LayerInfo info;
  static nn::Module* blank() { return new M(nn::Blank{}); }
  static int init(PyObject* self, PyObject* args, PyObject* kwargs) {
    return layer_init(info, self, args, kwargs);
  }
};

// `file` is the module under torch.nn.modules that PyTorch has the class in: it is what pickles say.
template <class M, auto Forward = &M::forward>
PyTypeObject* add_layer(PyObject* module, const char* file, const char* name, const char* forward_names,
                        const char* doc, initproc init = nullptr) {
  LayerInfo& info = Layer<M>::info;
  info.name = name;
  info.blank = Layer<M>::blank;
  info.forward = ForwardCall<Forward>::call;
  info.unary = ForwardCall<Forward>::unary;
  read_forward_names(info, forward_names);
  auto* full_name =
      new std::string(concat("rushlight.nn.modules.", file, ".", name));  // the type refers to it
  const std::string text = init ? std::string(doc) : concat(name, layer_signature(info), "\n--\n\n", doc);
  return add_layer_type(module, &info, full_name->c_str(), typeid(M), init ? init : Layer<M>::init, text);
}

}  // namespace rushlight::python
