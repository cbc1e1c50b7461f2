// Length, indexing, assignment and iteration.
#include "numpy.h"
#include "operations.h"
#include "rushlight/ops/indexing.h"
#include "rushlight/ops/ops.h"
#include "sequence.h"

namespace rushlight::python {
namespace {

using Indices = std::vector<Index>;

int64_t place_value(PyObject* o) {
  const long long v = PyLong_AsLongLong(o);
  if (v == -1 && PyErr_Occurred()) {
    PyErr_Clear();
    throw_error<ValueError>("Overflow when unpacking long long");
  }
  return v;
}

OptInt bound_value(PyObject* o) {
  if (o == Py_None) return {};
  if (PyLong_Check(o)) {
    int overflow;
    const long long v = PyLong_AsLongLongAndOverflow(o, &overflow);
    return overflow > 0 ? INT64_MAX : overflow < 0 ? INT64_MIN + 1 : v;  // clamped, as Python does
  }
  RL_CHECK_AS(TypeError, PyIndex_Check(o),
              "slice indices must be integers or None or have an __index__ method");
  Object index = take(PyNumber_Index(o));
  return bound_value(index.get());
}

Slice slice_value(PyObject* o) {
  const auto* s = reinterpret_cast<PySliceObject*>(o);
  Slice out{bound_value(s->start), bound_value(s->stop), bound_value(s->step)};
  RL_CHECK_AS(ValueError, !out.step || *out.step != 0, "slice step cannot be zero");
  RL_CHECK_AS(ValueError, !out.step || *out.step > 0, "step must be greater than zero");
  return out;
}

Tensor sequence_index(PyObject* o) {
  Tensor t = tensor_from_sequence(o, {});
  return is_inexact(t.dtype()) ? t.to(DType::Int64) : t;  // an empty list counts as one of integers
}

Index index_value(PyObject* o) {
  if (PyLong_CheckExact(o)) return place_value(o);
  if (PySlice_Check(o)) return slice_value(o);
  if (o == Py_None) return Index::NewAxis;
  if (o == Py_Ellipsis) return Index::Ellipsis;
  if (PyBool_Check(o)) return o == Py_True;
  if (PyLong_Check(o)) return place_value(o);
  if (is_tensor(o)) {
    const Tensor& t = tensor_value(o);
    if (t.dim() == 0 && is_integral(t.dtype(), false) && t.dtype() != DType::UInt8)
      return t.item().to_int64();
    return t;
  }
  if (is_ndarray(o)) return tensor_from_numpy(o, false);
  if (is_numpy_integer(o)) return int_value(o);
  RL_CHECK_AS(IndexError, PySequence_Check(o),
              "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid "
              "indices (got ",
              Py_TYPE(o)->tp_name, ")");
  return sequence_index(o);
}

// A list that holds more than numbers counts as a tuple, still (PyTorch announces the end of this).
bool is_tuple_in_disguise(PyObject* key) {
  if (is_tensor(key) || is_ndarray(key) || !PySequence_Check(key) || PyRange_Check(key)) return false;
  const Py_ssize_t n = PySequence_Size(key);
  if (n < 0 || n >= 32) {
    PyErr_Clear();
    return false;
  }
  for (Py_ssize_t i = 0; i < n; ++i) {
    Object item = take(PySequence_GetItem(key, i));
    PyObject* o = item.get();
    if (is_tensor(o) || PySequence_Check(o) || PySlice_Check(o) || o == Py_Ellipsis || o == Py_None)
      return true;
  }
  return false;
}

Indices indices_of(PyObject* key) {
  Indices out;
  Object held;
  if (!PyTuple_Check(key)) {
    if (PyLong_CheckExact(key) || PySlice_Check(key) || !is_tuple_in_disguise(key)) {
      out.push_back(index_value(key));
      return out;
    }
    static bool warned = false;
    if (!std::exchange(warned, true)) {
      check(PyErr_WarnEx(PyExc_UserWarning,
                         "Using a non-tuple sequence for multidimensional indexing is deprecated and will be "
                         "changed in pytorch 2.9; use "
                         "x[tuple(seq)] instead of x[seq]. In pytorch 2.9 this will be interpreted as tensor "
                         "index, x[torch.tensor(seq)], "
                         "which will result either in an error or a different result",
                         1));
    }
    held = take(PySequence_Tuple(key));
    key = held.get();
  }
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(key); ++i) out.push_back(index_value(PyTuple_GET_ITEM(key, i)));
  return out;
}

// Of NumPy's scalars only integers, and those that are Python's floats or complex numbers too.
bool is_plain_number(PyObject* o) {
  return PyFloat_Check(o) || PyLong_Check(o) || PyComplex_Check(o) || is_numpy_integer(o);
}

std::span<const Index> as_span(const Indices& indices) { return indices; }

PyObject* get_item(PyObject* self, PyObject* key) {
  return guarded([&]() -> PyObject* {
    if (PyLong_CheckExact(key)) {
      const Index one(place_value(key));
      return wrap(index(tensor_value(self), {&one, 1}));
    }
    const Indices indices = indices_of(key);
    return wrap(index(tensor_value(self), as_span(indices)));
  });
}

int set_item(PyObject* self, PyObject* key, PyObject* value) {
  return guarded([&]() -> int {
    RL_CHECK_AS(TypeError, value, "Tensor does not support deleting items");
    const Indices indices = indices_of(key);
    const Tensor& t = tensor_value(self);
    if (is_tensor(value)) {
      index_put_(t, as_span(indices), tensor_value(value));
    } else {
      RL_CHECK_AS(TypeError, is_plain_number(value), "can't assign a ", Py_TYPE(value)->tp_name,
                  " to a torch.", info(t.dtype()).message_name, "Tensor");
      index_put_(t, as_span(indices), scalar_value(value));
    }
    return 0;
  });
}

Py_ssize_t length(PyObject* self) {
  return guarded([&]() -> Py_ssize_t {
    const Tensor& t = tensor_value(self);
    RL_CHECK_AS(TypeError, t.dim() > 0, "len() of a 0-d tensor");
    return t.sizes()[0];
  });
}

PyObject* iterate(PyObject* self) {
  return guarded([&]() -> PyObject* {
    const Tensor& t = tensor_value(self);
    RL_CHECK_AS(TypeError, t.dim() > 0, "iteration over a 0-d tensor");
    const std::vector<Tensor> rows = unbind(t, 0);
    Object list = take(PyList_New(rows.size()));
    for (size_t i = 0; i < rows.size(); ++i) PyList_SET_ITEM(list.get(), i, wrap(rows[i]));
    return PyObject_GetIter(list.get());
  });
}

int contains(PyObject* self, PyObject* value) {
  return guarded([&]() -> int {
    if (!is_tensor(value) && !is_number(value)) {
      Object type = take(PyObject_Repr(reinterpret_cast<PyObject*>(Py_TYPE(value))));
      throw_error<RuntimeError>("Tensor.__contains__ only supports Tensor or scalar, but you passed in a ",
                                PyUnicode_AsUTF8(type.get()), ".");
    }
    const Tensor equal = is_tensor(value) ? eq(tensor_value(self), tensor_value(value))
                                          : eq(tensor_value(self), scalar_value(value));
    return equal.numel() > 0 && any(equal).item().to_bool();
  });
}

}  // namespace

PyType_Slot tensor_sequence_slots[] = {{Py_mp_length, reinterpret_cast<void*>(length)},
                                       {Py_mp_subscript, reinterpret_cast<void*>(get_item)},
                                       {Py_mp_ass_subscript, reinterpret_cast<void*>(set_item)},
                                       {Py_sq_contains, reinterpret_cast<void*>(contains)},
                                       {Py_tp_iter, reinterpret_cast<void*>(iterate)},
                                       {0, nullptr}};

}  // namespace rushlight::python
