#include "sequence.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "numbers.h"
#include "numpy.h"
#include "tensor.h"

namespace rushlight::python {
namespace {

constexpr int64_t kMaxDims = 128;

bool is_numpy_scalar(PyObject* o) {
  return !PyFloat_CheckExact(o) && !PyLong_Check(o) && is_number(o) && !PyComplex_CheckExact(o) &&
         PyObject_HasAttrString(o, "dtype");
}

// Tensors stand for numbers here, however many elements they have.
bool is_nested(PyObject* o) { return !is_tensor(o) && PySequence_Check(o); }

Dims shape_of(PyObject* data) {
  Dims sizes;
  Object current = Object::share(data);
  while (is_nested(current.get())) {
    const Py_ssize_t n = PySequence_Length(current.get());
    if (n < 0) throw PythonError();
    sizes.push_back(n);
    RL_CHECK_AS(ValueError, sizes.size() <= kMaxDims, "too many dimensions '",
                Py_TYPE(current.get())->tp_name, "'");
    if (n == 0) break;
    current = take(PySequence_GetItem(current.get(), 0));
  }
  return sizes;
}

// The dtype of the numbers in `o`, joined into `sum`.
void join_dtype(PyObject* o, OptDType& sum) {
  auto join = [&](DType d) { sum = sum ? promote_types(*sum, d) : d; };
  if (PyFloat_CheckExact(o)) return join(default_dtype());
  if (PyBool_Check(o)) return join(DType::Bool);
  if (PyLong_Check(o)) return join(DType::Int64);
  if (PyComplex_CheckExact(o)) return join(to_complex(default_dtype()));
  if (is_tensor(o)) return join(tensor_value(o).dtype());
  if (is_ndarray(o) || is_numpy_scalar(o)) return join(numpy_dtype(o));
  if (PyFloat_Check(o)) return join(default_dtype());
  if (PyComplex_Check(o)) return join(to_complex(default_dtype()));
  RL_CHECK_AS(TypeError, !PyUnicode_Check(o) && !PyBytes_Check(o), "new(): invalid data type '",
              Py_TYPE(o)->tp_name, "'");
  RL_CHECK(PySequence_Check(o), "Could not infer dtype of ", Py_TYPE(o)->tp_name);
  Object items = take(PySequence_Fast(o, "not a sequence"));
  const Py_ssize_t n = PySequence_Fast_GET_SIZE(items.get());
  if (n == 0) return join(default_dtype());
  for (Py_ssize_t i = 0; i < n; ++i) join_dtype(PySequence_Fast_GET_ITEM(items.get(), i), sum);
}

Scalar only_item(PyObject* tensor) {
  const Tensor& t = tensor_value(tensor);
  RL_CHECK_AS(ValueError, t.numel() == 1, "only one element tensors can be converted to Python scalars");
  return t.item();
}

double to_double(PyObject* o) {
  if (PyFloat_Check(o)) return PyFloat_AS_DOUBLE(o);
  if (is_tensor(o)) return only_item(o).to_double();
  const double v = PyFloat_AsDouble(o);
  if (v == -1 && PyErr_Occurred()) throw PythonError();
  return v;
}

complex128 to_complex_number(PyObject* o) {
  if (is_tensor(o)) return only_item(o).to_complex128();
  const Py_complex v = PyComplex_AsCComplex(o);
  if (v.real == -1 && PyErr_Occurred()) throw PythonError();
  return {v.real, v.imag};
}

[[noreturn]] void refuse_value(DType dtype) {
  throw_error<RuntimeError>("value cannot be converted to type ", info(dtype).name, " without overflow");
}

template <class T>
T to_integer(PyObject* o) {
  if (is_tensor(o)) {
    Object number = take(wrap_scalar(only_item(o)));
    return to_integer<T>(number.get());
  }
  if (PyFloat_Check(o)) {
    const double v = PyFloat_AS_DOUBLE(o);
    const double top = std::ldexp(1.0, std::numeric_limits<T>::digits);
    const double bottom = std::is_signed_v<T> ? -top : 1 - top;
    if (!(v < top && v >= bottom)) refuse_value(dtype_of<T>);
    return v < 0 ? static_cast<T>(static_cast<int64_t>(v)) : static_cast<T>(static_cast<uint64_t>(v));
  }
  Object index = PyLong_Check(o) ? Object::share(o) : take(PyNumber_Index(o));
  int overflow;
  const long long v = PyLong_AsLongLongAndOverflow(index.get(), &overflow);
  if (overflow > 0 && std::is_same_v<T, uint64_t>) {
    const unsigned long long u = PyLong_AsUnsignedLongLong(index.get());
    if (!PyErr_Occurred()) return static_cast<T>(u);
    PyErr_Clear();
  }
  RL_CHECK_AS(ValueError, overflow == 0, "Overflow when unpacking ",
              std::is_same_v<T, uint64_t> ? "unsigned long long" : "long long");
  if constexpr (sizeof(T) < 8) {
    // Unsigned types take the negative numbers down to minus their largest value and wrap them.
    constexpr long long top = std::numeric_limits<T>::max(),
                        bottom = std::is_signed_v<T> ? std::numeric_limits<T>::min() : -top;
    if (v > top || v < bottom) refuse_value(dtype_of<T>);
  }
  return static_cast<T>(v);
}

template <class T>
T to_element(PyObject* o) {
  if constexpr (std::is_same_v<T, bool>) {
    if (is_tensor(o)) return only_item(o).to_bool();
    const int truth = PyObject_IsTrue(o);
    check(truth);
    return truth;
  } else if constexpr (std::is_integral_v<T>) {
    return to_integer<T>(o);
  } else if constexpr (std::is_same_v<T, complex64> || std::is_same_v<T, complex128>) {
    return T(to_complex_number(o));
  } else if constexpr (std::is_same_v<T, double>) {
    return to_double(o);
  } else {
    return T(static_cast<float>(to_double(o)));
  }
}

// Elements of the dimensions from `d` on, in row-major order.
template <class T>
T* store(PyObject* data, const Dims& sizes, int64_t d, T* out) {
  if (d == sizes.size()) {
    *out = to_element<T>(data);
    return out + 1;
  }
  Object items = take(PySequence_Fast(data, "not a sequence"));
  const Py_ssize_t n = PySequence_Fast_GET_SIZE(items.get());
  RL_CHECK_AS(ValueError, n == sizes[d], "expected sequence of length ", sizes[d], " at dim ", d, " (got ", n,
              ")");
  // A list may change under our hands when an element's conversion runs Python code.
  for (Py_ssize_t i = 0; i < n; ++i) {
    RL_CHECK_AS(ValueError, i < PySequence_Fast_GET_SIZE(items.get()), "list changed size during iteration");
    PyObject* item = PySequence_Fast_GET_ITEM(items.get(), i);
    if (PyFloat_CheckExact(item) || PyLong_CheckExact(item)) {
      out = store(item, sizes, d + 1, out);
    } else {
      Object held = Object::share(item);
      out = store(held.get(), sizes, d + 1, out);
    }
  }
  return out;
}

template <class T>
PyObject* to_number(const char* place) {
  T v;
  std::memcpy(&v, place, sizeof(T));
  if constexpr (std::is_same_v<T, bool>) return PyBool_FromLong(v);
  else if constexpr (std::is_same_v<T, uint64_t>) return PyLong_FromUnsignedLongLong(v);
  else if constexpr (std::is_integral_v<T>) return PyLong_FromLongLong(v);
  else if constexpr (std::is_same_v<T, complex64> || std::is_same_v<T, complex128>)
    return PyComplex_FromDoubles(v.real(), v.imag());
  else if constexpr (std::is_same_v<T, double>) return PyFloat_FromDouble(v);
  else return PyFloat_FromDouble(static_cast<float>(v));
}

template <class T>
PyObject* to_list(const Tensor& t, int64_t d, const char* place) {
  if (d == t.dim()) return to_number<T>(place);
  const int64_t n = t.sizes()[d], step = t.strides()[d] * static_cast<int64_t>(sizeof(T));
  const bool last = d + 1 == t.dim();
  Object list = take(PyList_New(n));
  for (int64_t i = 0; i < n; ++i, place += step)
    PyList_SET_ITEM(list.get(), i, check(last ? to_number<T>(place) : to_list<T>(t, d + 1, place)));
  return list.release();
}

void warn_about_arrays(PyObject* data) {
  if (!PyList_Check(data) || PyList_GET_SIZE(data) == 0 || !is_ndarray(PyList_GET_ITEM(data, 0))) return;
  static bool warned = false;
  if (std::exchange(warned, true)) return;
  check(PyErr_WarnEx(PyExc_UserWarning,
                     "Creating a tensor from a list of numpy.ndarrays is extremely slow. Please consider "
                     "converting the list to a single "
                     "numpy.ndarray with numpy.array() before converting to a tensor.",
                     1));
}

}  // namespace

Tensor tensor_from_sequence(PyObject* data, OptDType dtype) {
  RL_CHECK_AS(TypeError, !PyUnicode_Check(data) && !PyBytes_Check(data), "new(): invalid data type '",
              Py_TYPE(data)->tp_name, "'");
  const Dims sizes = shape_of(data);
  if (!dtype) join_dtype(data, dtype);
  warn_about_arrays(data);
  Tensor out = make_tensor(sizes, *dtype);
  visit_dtype(*dtype, [&]<class T>() { store(data, sizes, 0, static_cast<T*>(out.raw_data())); });
  return out;
}

PyObject* tensor_to_list(const Tensor& tensor) {
  return visit_dtype(tensor.dtype(), [&]<class T>() {
    return to_list<T>(tensor, 0, static_cast<const char*>(tensor.raw_data()));
  });
}

PyObject* load_number(const void* place, DType dtype) {
  return visit_dtype(dtype, [&]<class T>() { return to_number<T>(static_cast<const char*>(place)); });
}

void store_number(void* place, DType dtype, PyObject* number) {
  visit_dtype(dtype, [&]<class T>() {
    const T v = to_element<T>(number);
    std::memcpy(place, &v, sizeof(T));
  });
}

}  // namespace rushlight::python
