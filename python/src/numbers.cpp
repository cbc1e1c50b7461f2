#include "numbers.h"

#include <cstring>

#include "generator.h"
#include "tensor.h"

namespace rushlight::python {
namespace {

// NumPy's scalar types are told by name, so that NumPy is never imported for them.
const char* numpy_name(PyObject* o) {
  const char* name = Py_TYPE(o)->tp_name;
  return std::strncmp(name, "numpy.", 6) == 0 ? name + 6 : nullptr;
}
bool starts_with(const char* text, const char* prefix) {
  return std::strncmp(text, prefix, std::strlen(prefix)) == 0;
}

}  // namespace

bool is_numpy_integer(PyObject* o) {
  const char* name = numpy_name(o);
  return name && (starts_with(name, "int") || starts_with(name, "uint") || !std::strcmp(name, "longlong") ||
                  !std::strcmp(name, "ulonglong"));
}
bool is_numpy_bool(PyObject* o) {
  const char* name = numpy_name(o);
  return name && (!std::strcmp(name, "bool") || !std::strcmp(name, "bool_"));
}

bool is_number(PyObject* o) {
  if (PyFloat_Check(o) || PyLong_Check(o) || PyComplex_Check(o)) return true;
  const char* name = numpy_name(o);
  return name && (starts_with(name, "float") || is_numpy_integer(o) || is_numpy_bool(o) ||
                  starts_with(name, "complex"));
}

bool is_scalar_tensor(PyObject* o) {
  const Tensor t = tensor_value(o);
  return t.dim() == 0 && !t.requires_grad();
}
bool is_index_tensor(PyObject* o) {
  const Tensor t = tensor_value(o);
  return t.dim() == 0 && is_integral(t.dtype(), false);
}

bool is_type_alias(PyObject* o) {
  return o == reinterpret_cast<PyObject*>(&PyFloat_Type) || o == reinterpret_cast<PyObject*>(&PyLong_Type) ||
         o == reinterpret_cast<PyObject*>(&PyBool_Type) || o == reinterpret_cast<PyObject*>(&PyComplex_Type);
}

bool is_generator(PyObject* o) { return PyObject_TypeCheck(o, generator_type); }

Scalar scalar_value(PyObject* o) {
  if (PyFloat_Check(o)) return PyFloat_AS_DOUBLE(o);
  if (PyBool_Check(o)) return o == Py_True;
  if (PyLong_Check(o)) {
    int overflow;
    const long long v = PyLong_AsLongLongAndOverflow(o, &overflow);
    if (overflow > 0) {
      const unsigned long long u = PyLong_AsUnsignedLongLong(o);
      if (!PyErr_Occurred()) return static_cast<uint64_t>(u);
      throw PythonError();
    }
    RL_CHECK_AS(OverflowError, overflow == 0, "int too big to convert");
    return static_cast<int64_t>(v);
  }
  if (PyComplex_Check(o)) return complex128(PyComplex_RealAsDouble(o), PyComplex_ImagAsDouble(o));
  if (is_tensor(o)) return tensor_value(o).item();
  if (is_numpy_bool(o)) return static_cast<bool>(PyObject_IsTrue(o));
  Object plain = take(PyObject_CallMethod(o, "item", nullptr));
  RL_CHECK_AS(TypeError, !Py_IS_TYPE(plain.get(), Py_TYPE(o)), "cannot use ", Py_TYPE(o)->tp_name,
              " as a number");
  return scalar_value(plain.get());
}

int64_t int_value(PyObject* o) {
  if (PyLong_Check(o)) {
    const long long v = PyLong_AsLongLong(o);
    if (v == -1 && PyErr_Occurred()) {
      PyErr_Clear();
      throw_error<RuntimeError>("Overflow when unpacking long long");
    }
    return v;
  }
  if (is_tensor(o)) return tensor_value(o).item().to_int64();
  Object index = take(PyNumber_Index(o));
  return int_value(index.get());
}

double double_value(PyObject* o) {
  if (PyFloat_Check(o)) return PyFloat_AS_DOUBLE(o);
  return scalar_value(o).to_double();
}

PyObject* wrap_scalar(const Scalar& s) {
  switch (s.kind()) {
    case Scalar::Kind::Bool: return PyBool_FromLong(s.to_bool());
    case Scalar::Kind::Int: return PyLong_FromLongLong(s.to_int64());
    case Scalar::Kind::UInt: return PyLong_FromUnsignedLongLong(static_cast<uint64_t>(s.to_int64()));
    case Scalar::Kind::Float: return PyFloat_FromDouble(s.to_double());
    case Scalar::Kind::Complex:
      return PyComplex_FromDoubles(s.to_complex128().real(), s.to_complex128().imag());
  }
  __builtin_unreachable();
}

}  // namespace rushlight::python
