// Operators: arithmetic, comparison, truth and conversion to Python numbers.
#include "numpy.h"
#include "operations.h"
#include "rushlight/ops/pointwise.h"

namespace rushlight::python {
namespace {

using TensorOperation = Tensor (*)(const Tensor&, const Operand&);

Tensor plus(const Tensor& a, const Operand& b) { return add(a, b); }
Tensor minus(const Tensor& a, const Operand& b) { return sub(a, b); }
Tensor minus_from(const Tensor& a, const Operand& b) { return rsub(a, b); }
Tensor over(const Tensor& a, const Operand& b) { return div(a, b); }
Tensor under(const Tensor& a, const Operand& b) { return mul(reciprocal(a), b); }

bool is_long(const Tensor& a, const Operand& b) {
  return a.numel() > kLargeTensor || (b.is_tensor() && b.tensor().numel() > kLargeTensor);
}

template <TensorOperation op>
PyObject* compute(const Tensor& a, const Operand& b) {
  if (is_long(a, b)) return wrap(without_gil([&] { return op(a, b); }));
  return wrap(op(a, b));
}

// a op b where at least one is a tensor; `reflected` is the operation for (b, number a). What is neither
// tensor nor number is left to the other side: NumPy computes tensor + array through __array__ and
// __array_wrap__, and refuses array + tensor, as with PyTorch.
template <TensorOperation op, TensorOperation reflected>
PyObject* binary(PyObject* a, PyObject* b) {
  return guarded([&]() -> PyObject* {
    if (is_tensor(a)) {
      if (is_tensor(b)) return compute<op>(tensor_value(a), tensor_value(b));
      if (is_number(b)) return compute<op>(tensor_value(a), scalar_value(b));
    } else if (is_number(a)) {
      return compute<reflected>(tensor_value(b), scalar_value(a));
    }
    Py_RETURN_NOTIMPLEMENTED;
  });
}

// array / tensor is the one operation with an array on the left: PyTorch writes it as 1 / tensor * array.
PyObject* divide(PyObject* a, PyObject* b) {
  if (!is_ndarray(a)) return binary<over, under>(a, b);
  return guarded([&]() -> PyObject* {
    Object inverse = take(wrap(reciprocal(tensor_value(b))));
    return PyNumber_Multiply(inverse.get(), a);
  });
}

using InPlaceOperation = const Tensor& (*)(const Tensor&, const Operand&);
const Tensor& plus_(const Tensor& a, const Operand& b) { return add_(a, b); }
const Tensor& minus_(const Tensor& a, const Operand& b) { return sub_(a, b); }
const Tensor& over_(const Tensor& a, const Operand& b) { return div_(a, b); }

template <InPlaceOperation op>
PyObject* in_place(PyObject* a, PyObject* b) {
  return guarded([&]() -> PyObject* {
    auto change = [&](const Operand& operand) {
      const Tensor& t = tensor_value(a);
      if (is_long(t, operand)) without_gil([&] { op(t, operand); });
      else op(t, operand);
      return Py_NewRef(a);
    };
    if (is_tensor(b)) return change(tensor_value(b));
    if (is_number(b)) return change(scalar_value(b));
    Py_RETURN_NOTIMPLEMENTED;
  });
}

// An operator that is an operation of this name.
template <const char* name>
PyObject* named_binary(PyObject* a, PyObject* b) {
  static NamedOperation& operation = *new NamedOperation(name);
  return guarded([&]() -> PyObject* {
    PyObject* other = is_tensor(a) ? b : a;
    if (!is_tensor(other) && !is_number(other)) Py_RETURN_NOTIMPLEMENTED;
    if (is_tensor(a)) return operation({a, b});
    Object left = take(wrap(as_tensor(scalar_value(a))));
    return operation({left.get(), b});
  });
}

// Numbers are no matrices.
PyObject* matrix_multiply(PyObject* a, PyObject* b) {
  return guarded([&]() -> PyObject* {
    if (!is_tensor(a) || !is_tensor(b)) Py_RETURN_NOTIMPLEMENTED;
    const Tensor &left = tensor_value(a), &right = tensor_value(b);
    if (is_long(left, right)) return wrap(without_gil([&] { return matmul(left, right); }));
    return wrap(matmul(left, right));
  });
}

template <const char* name>
PyObject* named_in_place(PyObject* a, PyObject* b) {
  static NamedOperation& operation = *new NamedOperation(name);
  if (!is_tensor(b) && !is_number(b)) Py_RETURN_NOTIMPLEMENTED;
  return guarded([&]() -> PyObject* { return operation({a, b}); });
}

// The operators shift as __lshift__ and __rshift__, whose refusal differs from that of the functions.
template <const char* name, const char* kernel>
PyObject* shift(PyObject* a, PyObject* b) {
  return guarded([&]() -> PyObject* {
    auto inexact = [](PyObject* o) { return is_tensor(o) && is_inexact(tensor_value(o).dtype()); };
    PyObject* culprit = inexact(a) ? a : inexact(b) ? b : nullptr;
    RL_CHECK_AS(NotImplementedError, !culprit, "\"", kernel, "\" not implemented for '",
                culprit ? info(tensor_value(culprit).dtype()).message_name : "", "'");
    return named_binary<name>(a, b);
  });
}

PyObject* invert(PyObject* a) {
  static NamedOperation& operation = *new NamedOperation("bitwise_not");
  return guarded([&]() -> PyObject* {
    RL_CHECK_AS(TypeError, is_integral(tensor_value(a).dtype(), true),
                "~ (operator.invert) is only implemented on integer and Boolean-type tensors");
    return operation({a});
  });
}

#define RL_NAME(id, text) constexpr char id[] = text
RL_NAME(kFloorDivide, "floor_divide");
RL_NAME(kRemainder, "remainder");
RL_NAME(kAnd, "bitwise_and");
RL_NAME(kOr, "bitwise_or");
RL_NAME(kXor, "bitwise_xor");
RL_NAME(kLeft, "bitwise_left_shift");
RL_NAME(kRight, "bitwise_right_shift");
RL_NAME(kFloorDivide_, "floor_divide_");
RL_NAME(kRemainder_, "remainder_");
RL_NAME(kAnd_, "bitwise_and_");
RL_NAME(kOr_, "bitwise_or_");
RL_NAME(kXor_, "bitwise_xor_");
RL_NAME(kLeft_, "bitwise_left_shift_");
RL_NAME(kRight_, "bitwise_right_shift_");
RL_NAME(kPow_, "pow_");
RL_NAME(kLeftKernel, "lshift_cpu");
RL_NAME(kRightKernel, "rshift_cpu");
#undef RL_NAME

PyObject* power(PyObject* a, PyObject* b, PyObject*) {
  return guarded([&]() -> PyObject* {
    if (is_tensor(a)) {
      if (is_tensor(b)) return wrap(pow(tensor_value(a), tensor_value(b)));
      if (is_number(b)) return wrap(pow(tensor_value(a), scalar_value(b)));
    } else if (is_number(a)) {
      return call_operation("pow", {a, b});
    }
    Py_RETURN_NOTIMPLEMENTED;
  });
}
PyObject* power_in_place(PyObject* a, PyObject* b, PyObject*) { return named_in_place<kPow_>(a, b); }

template <Tensor (*op)(const Tensor&)>
PyObject* unary(PyObject* a) {
  return guarded([&]() -> PyObject* { return wrap(op(tensor_value(a))); });
}
PyObject* positive(PyObject* a) { return Py_NewRef(a); }

// == is the one comparison that takes an array, of a dtype that tensors have.
PyObject* equals_array(PyObject* tensor, PyObject* array) {
  try {
    return compute<eq>(tensor_value(tensor), tensor_from_numpy(array, false));
  } catch (const TypeError&) {
    Py_RETURN_NOTIMPLEMENTED;
  }
}

PyObject* compare(PyObject* a, PyObject* b, int op) {
  return guarded([&]() -> PyObject* {
    if (op == Py_EQ && is_ndarray(b)) return equals_array(a, b);
    const bool number = !is_tensor(b);
    if (number && !is_number(b)) Py_RETURN_NOTIMPLEMENTED;
    const Tensor& left = tensor_value(a);
    const Operand operand = number ? Operand(scalar_value(b)) : Operand(tensor_value(b));
    switch (op) {
      case Py_EQ: return compute<eq>(left, operand);
      case Py_NE: return compute<ne>(left, operand);
      case Py_LT: return compute<lt>(left, operand);
      case Py_LE: return compute<le>(left, operand);
      case Py_GT: return compute<gt>(left, operand);
      default: return compute<ge>(left, operand);
    }
  });
}

int truth(PyObject* a) {
  return guarded([&]() -> int {
    const Tensor& t = tensor_value(a);
    RL_CHECK(t.numel() != 0, "Boolean value of Tensor with no values is ambiguous");
    RL_CHECK(t.numel() == 1, "Boolean value of Tensor with more than one value is ambiguous");
    return t.item().to_bool();
  });
}

Scalar only_number(PyObject* a) {
  RL_CHECK_AS(ValueError, tensor_value(a).numel() == 1,
              "only one element tensors can be converted to Python scalars");
  return tensor_value(a).item();
}

PyObject* as_float(PyObject* a) {
  return guarded([&]() -> PyObject* {
    const Scalar s = only_number(a);
    RL_CHECK(!s.is_complex() || s.to_complex128().imag() == 0,
             "value cannot be converted to type double without overflow");
    return PyFloat_FromDouble(s.to_double());
  });
}
PyObject* as_int(PyObject* a) {
  return guarded([&]() -> PyObject* {
    const Scalar s = only_number(a);
    RL_CHECK(!s.is_complex() || s.to_complex128().imag() == 0,
             "value cannot be converted to type int64_t without overflow");
    if (s.is_floating() || s.is_complex()) return PyLong_FromDouble(s.to_double());
    if (s.kind() == Scalar::Kind::UInt) return wrap_scalar(s);
    return PyLong_FromLongLong(s.to_int64());
  });
}
PyObject* as_index(PyObject* a) {
  return guarded([&]() -> PyObject* {
    const Tensor& t = tensor_value(a);
    RL_CHECK_AS(TypeError, is_integral(t.dtype(), true) && t.numel() == 1,
                "only integer tensors of a single element can be converted to an index");
    return wrap_scalar(Scalar(t.item().to_int64()));
  });
}

template <class F>
PyType_Slot slot(int id, F* function) {
  return {id, reinterpret_cast<void*>(function)};
}

}  // namespace

PyType_Slot tensor_number_slots[] = {slot(Py_nb_add, binary<plus, plus>),
                                     slot(Py_nb_subtract, binary<minus, minus_from>),
                                     slot(Py_nb_multiply, binary<mul, mul>),
                                     slot(Py_nb_true_divide, divide),
                                     slot(Py_nb_floor_divide, named_binary<kFloorDivide>),
                                     slot(Py_nb_remainder, named_binary<kRemainder>),
                                     slot(Py_nb_power, power),
                                     slot(Py_nb_matrix_multiply, matrix_multiply),
                                     slot(Py_nb_and, named_binary<kAnd>),
                                     slot(Py_nb_or, named_binary<kOr>),
                                     slot(Py_nb_xor, named_binary<kXor>),
                                     slot(Py_nb_lshift, shift<kLeft, kLeftKernel>),
                                     slot(Py_nb_rshift, shift<kRight, kRightKernel>),
                                     slot(Py_nb_inplace_add, in_place<plus_>),
                                     slot(Py_nb_inplace_subtract, in_place<minus_>),
                                     slot(Py_nb_inplace_multiply, in_place<mul_>),
                                     slot(Py_nb_inplace_true_divide, in_place<over_>),
                                     slot(Py_nb_inplace_floor_divide, named_in_place<kFloorDivide_>),
                                     slot(Py_nb_inplace_remainder, named_in_place<kRemainder_>),
                                     slot(Py_nb_inplace_power, power_in_place),
                                     slot(Py_nb_inplace_and, named_in_place<kAnd_>),
                                     slot(Py_nb_inplace_or, named_in_place<kOr_>),
                                     slot(Py_nb_inplace_xor, named_in_place<kXor_>),
                                     slot(Py_nb_inplace_lshift, named_in_place<kLeft_>),
                                     slot(Py_nb_inplace_rshift, named_in_place<kRight_>),
                                     slot(Py_nb_negative, unary<neg>),
                                     slot(Py_nb_positive, positive),
                                     slot(Py_nb_absolute, unary<abs>),
                                     slot(Py_nb_invert, invert),
                                     slot(Py_nb_bool, truth),
                                     slot(Py_nb_float, as_float),
                                     slot(Py_nb_int, as_int),
                                     slot(Py_nb_index, as_index),
                                     slot(Py_tp_richcompare, compare),
                                     {0, nullptr}};

}  // namespace rushlight::python
