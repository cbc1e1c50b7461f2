// From the slots of a parsed call to the parameters of a C++ function, and back from its result. Types have
// been checked by then, so what can still fail here is a value.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "arguments.h"
#include "generator.h"
#include "numbers.h"
#include "tensor.h"
#include "types.h"

namespace rushlight::python {

DType dtype_like(PyObject* object);                   // a dtype or one of the types float, int, bool, complex
Dims dims_value(PyObject* object);                    // a sequence or a single int
std::vector<Tensor> tensors_value(PyObject* object);  // a sequence of tensors

DimPair dim_pair_value(PyObject* object);    // two lists or two ints
Extents extents_value(PyObject* object);     // ints or None
OptDoubles doubles_value(PyObject* object);  // a number, a sequence of numbers or None

template <class T>
T plain_value(PyObject* o);

// Argument<P> holds what a parameter of type P borrows for the time of the call.
template <class P>
struct Argument;

// The tensor of an object, or none for None; the caller holds the object.
inline const Tensor& borrow_tensor(PyObject* o) {
  static const Tensor none;
  return o == Py_None ? none : tensor_value(o);
}

template <>
struct Argument<const Tensor&> {
  explicit Argument(PyObject* o) : value(borrow_tensor(o)) {}
  const Tensor& get() const { return value; }
  bool is_large() const { return value.defined() && value.numel() > kLargeTensor; }
  const Tensor& value;
};
template <>
struct Argument<const Operand&> {
  explicit Argument(PyObject* o)
      : value(is_tensor(o) ? Operand(tensor_value(o)) : Operand(scalar_value(o))) {}
  const Operand& get() const { return value; }
  bool is_large() const { return value.is_tensor() && value.tensor().numel() > kLargeTensor; }
  Operand value;
};
template <>
struct Argument<const Scalar&> {
  explicit Argument(PyObject* o) : value(scalar_value(o)) {}
  const Scalar& get() const { return value; }
  Scalar value;
};
template <>
struct Argument<DimsRef> {
  explicit Argument(PyObject* o) : value(dims_value(o)) {}
  DimsRef get() const { return value; }
  bool is_large() const {
    int64_t product = 1;
    for (int64_t d : value)
      if (__builtin_mul_overflow(product, d, &product)) return true;
    return product > kLargeTensor;
  }
  Dims value;
};
template <>
struct Argument<OptDims> {
  explicit Argument(PyObject* o) : given(o != Py_None), value(given ? dims_value(o) : Dims()) {}
  OptDims get() const { return given ? OptDims(value) : OptDims(); }
  bool given;
  Dims value;
};
template <>
struct Argument<const Padding&> {
  explicit Argument(PyObject* o)
      : value(PyUnicode_Check(o) ? Padding(plain_value<String>(o)) : Padding(dims_value(o))) {}
  const Padding& get() const { return value; }
  Padding value;
};
template <>
struct Argument<const DimPair&> {
  explicit Argument(PyObject* o) : value(dim_pair_value(o)) {}
  const DimPair& get() const { return value; }
  DimPair value;
};
template <>
struct Argument<const Extents&> {
  explicit Argument(PyObject* o) : value(extents_value(o)) {}
  const Extents& get() const { return value; }
  Extents value;
};
template <>
struct Argument<const OptDoubles&> {
  explicit Argument(PyObject* o) : value(doubles_value(o)) {}
  const OptDoubles& get() const { return value; }
  OptDoubles value;
};
template <>
struct Argument<TensorList> {
  explicit Argument(PyObject* o) : value(tensors_value(o)) {}
  TensorList get() const { return value; }
  bool is_large() const {
    int64_t sum = 0;
    for (const Tensor& t : value) sum += t.defined() ? t.numel() : 0;
    return sum > kLargeTensor;
  }
  std::vector<Tensor> value;
};
template <>
struct Argument<Generator*> {
  explicit Argument(PyObject* o) : value(generator_value(o)) {}
  Generator* get() const { return value; }
  Generator* value;
};

template <class T>
T plain_value(PyObject* o) {
  if constexpr (std::is_same_v<T, int64_t>) return int_value(o);
  else if constexpr (std::is_same_v<T, double>) return double_value(o);
  else if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, Flag>) return PyObject_IsTrue(o) == 1;
  else if constexpr (std::is_same_v<T, DType>) return dtype_like(o);
  else if constexpr (std::is_same_v<T, Device>) return device_value(o);
  else if constexpr (std::is_same_v<T, MemoryFormat>) return memory_format_value(o);
  else if constexpr (std::is_same_v<T, Scalar>) return scalar_value(o);
  else {
    static_assert(std::is_same_v<T, std::string_view>);
    Py_ssize_t n;
    const char* text = PyUnicode_AsUTF8AndSize(o, &n);
    if (!text) throw PythonError();
    return {text, static_cast<size_t>(n)};
  }
}
template <class T>
requires requires { plain_value<T>(nullptr); }
struct Argument<T> {
  explicit Argument(PyObject* o) : value(plain_value<T>(o)) {}
  T get() const { return value; }
  T value;
};
template <class T>
struct Argument<std::optional<T>> {
  explicit Argument(PyObject* o) {
    if (o != Py_None) value = plain_value<T>(o);
  }
  std::optional<T> get() const { return value; }
  std::optional<T> value;
};

// The named tuple of torch.return_types for an operation; its fields are those of the C++ struct.
PyObject* wrap_fields(const std::string& operation, std::span<const char* const> names,
                      std::span<const Tensor> values);
inline PyObject* wrap_fields(const char* operation, std::initializer_list<const char*> names,
                             std::initializer_list<Tensor> values) {
  return wrap_fields(operation, {names.begin(), names.size()}, {values.begin(), values.size()});
}

// The tensors that `result`, a tuple or one of these, was written to: as a tuple, or named in the same way.
PyObject* wrap_outs(const std::string& operation, PyObject* result, std::span<const Tensor> outs);

inline PyObject* to_python(const char*, const Tensor& t) { return wrap(t); }
inline PyObject* to_python(const char*, Tensor&& t) { return wrap(std::move(t)); }
inline PyObject* to_python(const char*, bool v) { return PyBool_FromLong(v); }
inline PyObject* to_python(const char*, int64_t v) { return PyLong_FromLongLong(v); }
inline PyObject* to_python(const char*, double v) { return PyFloat_FromDouble(v); }
inline PyObject* to_python(const char*, const Scalar& v) { return wrap_scalar(v); }
PyObject* to_python(const char*, const TensorPair& v);
inline PyObject* to_python(const char* op, const WithIndices& v) {
  return v.indices.defined() ? to_python(op, TensorPair(v, v.indices)) : wrap(v);
}
PyObject* to_python(const char*, const TensorTriple& v);
PyObject* to_python(const char*, const TensorVector& v);
PyObject* to_python(const char*, const Distinct& v);
inline PyObject* to_python(const char* op, const TensorOrTuple& v) {
  return v.tuple ? to_python(op, v.tensors) : wrap(v.tensors[0]);
}
inline PyObject* to_python(const char* op, const ValuesIndices& v) {
  return wrap_fields(op, {"values", "indices"}, {v.values, v.indices});
}
inline PyObject* to_python(const char* op, const MinMax& v) {
  return wrap_fields(op, {"min", "max"}, {v.min, v.max});
}
inline PyObject* to_python(const char* op, const MantissaExponent& v) {
  return wrap_fields(op, {"mantissa", "exponent"}, {v.mantissa, v.exponent});
}

template <class A>
bool is_large(const A& argument) {
  if constexpr (requires { argument.is_large(); }) return argument.is_large();
  else return false;
}

// Calls a C++ function of any declared type with the slots of a parsed call.
using Invoke = PyObject* (*)(void* function, const char* name, PyObject* const* slots);

template <class R, class... P>
struct Invoker {
  template <size_t... I>
  static PyObject* call(void* function, const char* name, PyObject* const* slots, std::index_sequence<I...>) {
    const std::tuple<Argument<P>...> arguments{Argument<P>(slots[I])...};
    auto compute = [&]() -> R {
      return reinterpret_cast<R (*)(P...)>(function)(std::get<I>(arguments).get()...);
    };
    if ((is_large(std::get<I>(arguments)) || ...)) return to_python(name, without_gil(compute));
    return to_python(name, compute());
  }
  static PyObject* invoke(void* function, const char* name, PyObject* const* slots) {
    return call(function, name, slots, std::index_sequence_for<P...>());
  }
};
template <class R, class... P>
Invoke invoker_of(R (*)(P...)) {
  return &Invoker<R, P...>::invoke;
}

}  // namespace rushlight::python
