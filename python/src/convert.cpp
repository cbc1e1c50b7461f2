#include "convert.h"

#include <map>

#include "mistakes.h"

namespace rushlight::python {

DType dtype_like(PyObject* o) {
  if (o == reinterpret_cast<PyObject*>(&PyFloat_Type)) return DType::Float64;
  if (o == reinterpret_cast<PyObject*>(&PyLong_Type)) return DType::Int64;
  if (o == reinterpret_cast<PyObject*>(&PyBool_Type)) return DType::Bool;
  if (o == reinterpret_cast<PyObject*>(&PyComplex_Type)) return DType::Complex128;
  return dtype_value(o);
}

Dims dims_value(PyObject* o) {
  if (!PyTuple_Check(o) && !PyList_Check(o)) return Dims{int_value(o)};
  Dims out;
  const Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* item = PySequence_Fast_GET_ITEM(o, i);
    const bool fits = (PyLong_Check(item) && !PyBool_Check(item)) || is_numpy_integer(item) ||
                      (is_tensor(item) && is_index_tensor(item));
    if (!fits && !PyBool_Check(item)) throw SizesError(o, i, item);
    out.push_back(int_value(item));
  }
  return out;
}

std::vector<Tensor> tensors_value(PyObject* o) {
  std::vector<Tensor> out;
  const Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
  out.reserve(n);
  for (Py_ssize_t i = 0; i < n; ++i) out.push_back(tensor_value(PySequence_Fast_GET_ITEM(o, i)));
  return out;
}

DimPair dim_pair_value(PyObject* o) {
  if (is_tensor(o)) {  // of one number n: the last n dimensions with the first n; of two rows: as lists
    const Object values = take(PyObject_CallMethod(o, "tolist", nullptr));
    if (tensor_value(o).numel() > 1) return dim_pair_value(values.get());
    DimPair out;
    for (int64_t n = tensor_value(o).item<int64_t>(), i = 0; i < n; ++i) {
      out.first.push_back(i - n);
      out.second.push_back(i);
    }
    return out;
  }
  RL_CHECK(
      PyTuple_Check(o) || PyList_Check(o),
      "tensordot expects dims to be int or tuple[list[int], list[int]] or list[list[int]] containing two "
      "lists, but got dims=",
      PyUnicode_AsUTF8(take(PyObject_Str(o)).get()));
  const Py_ssize_t given = PySequence_Fast_GET_SIZE(o);
  RL_CHECK_AS(ValueError, given >= 2, "not enough values to unpack (expected 2, got ", given, ")");
  RL_CHECK_AS(ValueError, given == 2, "too many values to unpack (expected 2)");
  auto dims = [&](int k, const char* name) {
    PyObject* item = PySequence_Fast_GET_ITEM(o, k);
    RL_CHECK_AS(TypeError, PyTuple_Check(item) || PyList_Check(item), "tensordot(): argument '", name,
                "' (position ", k + 3, ") must be tuple of ints, not ", Py_TYPE(item)->tp_name);
    return dims_value(item);
  };
  return {dims(0, "dims_self"), dims(1, "dims_other")};
}

Extents extents_value(PyObject* o) {
  if (!PyTuple_Check(o) && !PyList_Check(o)) return Extents(int_value(o));
  std::vector<OptInt> sizes;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); ++i) {
    PyObject* item = PySequence_Fast_GET_ITEM(o, i);
    sizes.push_back(item == Py_None ? OptInt() : OptInt(int_value(item)));
  }
  return Extents(std::move(sizes));
}

OptDoubles doubles_value(PyObject* o) {
  if (o == Py_None) return {};
  if (!PyTuple_Check(o) && !PyList_Check(o)) return OptDoubles(double_value(o));
  std::vector<double> values;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); ++i)
    values.push_back(double_value(PySequence_Fast_GET_ITEM(o, i)));
  return OptDoubles(std::move(values));
}

namespace {

template <class Range>
PyObject* wrap_tuple(const Range& tensors, size_t n) {
  Object tuple = take(PyTuple_New(static_cast<Py_ssize_t>(n)));
  Py_ssize_t i = 0;
  for (const Tensor& t : tensors) PyTuple_SET_ITEM(tuple.get(), i++, wrap(t));
  return tuple.release();
}

}  // namespace

PyObject* to_python(const char*, const TensorPair& v) {
  const Tensor all[] = {std::get<0>(v), std::get<1>(v)};
  return wrap_tuple(all, 2);
}
PyObject* to_python(const char*, const TensorTriple& v) {
  const Tensor all[] = {std::get<0>(v), std::get<1>(v), std::get<2>(v)};
  return wrap_tuple(all, 3);
}
PyObject* to_python(const char*, const TensorVector& v) { return wrap_tuple(v, v.size()); }

PyObject* to_python(const char* op, const Distinct& v) {
  TensorVector parts{v.values};
  for (const Tensor& t : {v.inverse, v.counts})
    if (t.defined()) parts.push_back(t);
  return to_python(op, TensorOrTuple{parts, parts.size() > 1});
}

namespace {

// As PyTorch prints it: every field on a line of its own.
PyObject* fields_repr(PyObject* self) {
  return guarded([&]() -> PyObject* {
    const Object names = take(PyObject_GetAttrString(self, "__match_args__"));
    std::string text = std::string(Py_TYPE(self)->tp_name) + "(\n";
    for (Py_ssize_t i = 0; i < PyTuple_Size(names.get()); ++i) {
      const Object value = take(PyObject_Repr(PyTuple_GET_ITEM(self, i)));
      text += std::string(i ? ",\n" : "") + PyUnicode_AsUTF8(PyTuple_GET_ITEM(names.get(), i)) + "=" +
              PyUnicode_AsUTF8(value.get());
    }
    return PyUnicode_FromString((text + ")").c_str());
  });
}

}  // namespace

PyObject* wrap_fields(const std::string& operation, std::span<const char* const> names,
                      std::span<const Tensor> values) {
  // One struct sequence type an operation, made at its first result and kept: the strings it points to must
  // last too.
  static std::map<std::string, PyTypeObject*>& types = *new std::map<std::string, PyTypeObject*>();
  PyTypeObject*& type = types[operation];
  if (!type) {
    auto* fields = new PyStructSequence_Field[names.size() + 1]();
    size_t i = 0;
    for (const char* name : names) fields[i++].name = name;
    auto* full_name = new std::string("torch.return_types." + operation);
    PyStructSequence_Desc description{full_name->c_str(), "", fields, static_cast<int>(names.size())};
    type = PyStructSequence_NewType(&description);
    check(reinterpret_cast<PyObject*>(type));
    type->tp_repr = fields_repr;
  }
  Object out = take(PyStructSequence_New(type));
  Py_ssize_t i = 0;
  for (const Tensor& t : values) PyStructSequence_SetItem(out.get(), i++, wrap(t));
  return out.release();
}

PyObject* wrap_outs(const std::string& operation, PyObject* result, std::span<const Tensor> outs) {
  if (PyTuple_CheckExact(result)) {
    Object tuple = take(PyTuple_New(outs.size()));
    for (size_t i = 0; i < outs.size(); ++i) PyTuple_SET_ITEM(tuple.get(), i, wrap(outs[i]));
    return tuple.release();
  }
  const Object fields = take(PyObject_GetAttrString(result, "__match_args__"));
  std::vector<const char*> names;
  for (size_t i = 0; i < outs.size(); ++i)
    names.push_back(PyUnicode_AsUTF8(PyTuple_GET_ITEM(fields.get(), i)));
  return wrap_fields(operation + "_out", names, outs);
}

}  // namespace rushlight::python
