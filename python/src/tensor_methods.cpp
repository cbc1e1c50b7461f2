// Methods of a tensor that are no operations: they concern its object, its history or Python.
#include <cstring>

#include "operations.h"

namespace rushlight::python {
namespace {

PyObject* item(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* { return wrap_scalar(tensor_value(self).item()); });
}
PyObject* dim(PyObject* self, PyObject*) { return PyLong_FromLongLong(tensor_value(self).dim()); }
PyObject* numel(PyObject* self, PyObject*) { return PyLong_FromLongLong(tensor_value(self).numel()); }
PyObject* element_size(PyObject* self, PyObject*) {
  return PyLong_FromLongLong(tensor_value(self).item_size());
}
PyObject* storage_offset(PyObject* self, PyObject*) {
  return PyLong_FromLongLong(tensor_value(self).storage_offset());
}
PyObject* data_ptr(PyObject* self, PyObject*) {
  const Tensor& t = tensor_value(self);
  return PyLong_FromVoidPtr(t.numel() ? t.raw_data() : nullptr);
}
// Are the elements dense, the dimensions in the order of the format.
bool is_laid_out(const Tensor& t, MemoryFormat format) {
  if (format == MemoryFormat::Contiguous || format == MemoryFormat::Preserve) return t.is_contiguous();
  const int64_t rank = format == MemoryFormat::ChannelsLast ? 4 : 5;
  if (t.dim() != rank) return false;
  int64_t expected = 1;
  for (int64_t i = 0; i < rank; ++i) {
    const int64_t d = i == 0          ? 1
                      : i == rank - 1 ? 0
                                      : rank - i;  // channels, then the last to the third, then the batch
    if (t.sizes()[d] == 1) continue;
    if (t.strides()[d] != expected) return false;
    expected *= t.sizes()[d];
  }
  return true;
}

PyObject* is_contiguous(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return guarded([&]() -> PyObject* {
    const Tensor& t = tensor_value(self);
    if (count == 0 && !names) return PyBool_FromLong(t.is_contiguous());
    static const Written written("is_contiguous", {"(Tensor, self), (OptMemoryFormat, memory_format, {})"});
    const auto a = written.parse({args, count, names, self});
    return PyBool_FromLong(is_laid_out(t, a.given(1) ? memory_format_value(a[1]) : MemoryFormat::Contiguous));
  });
}
PyObject* is_floating_point(PyObject* self, PyObject*) {
  return PyBool_FromLong(is_floating(tensor_value(self).dtype()));
}
PyObject* is_complex_method(PyObject* self, PyObject*) {
  return PyBool_FromLong(is_complex(tensor_value(self).dtype()));
}
PyObject* is_signed_method(PyObject* self, PyObject*) {
  return PyBool_FromLong(is_signed(tensor_value(self).dtype()));
}
PyObject* is_inference(PyObject* self, PyObject*) {
  return PyBool_FromLong(tensor_value(self).impl()->inference);
}
PyObject* get_device(PyObject* self, PyObject*) {
  return PyLong_FromLong(tensor_value(self).device().is_cuda() ? tensor_value(self).device().index : -1);
}

// size() and stride(): all, or one dimension.
template <class All, class One>
PyObject* geometry(PyObject* args, PyObject* kwargs, const char* format, All all, One one) {
  return guarded([&]() -> PyObject* {
    static const char* names[] = {"dim", nullptr};
    PyObject* which = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, format, const_cast<char**>(names), &which))
      throw PythonError();
    if (which == Py_None) return all();
    RL_CHECK_AS(TypeError,
                (PyLong_Check(which) && !PyBool_Check(which)) || is_numpy_integer(which) ||
                    (is_tensor(which) && is_index_tensor(which)),
                std::strchr(format, ':') + 1, "(): argument 'dim' (position 1) must be int, not ",
                Py_TYPE(which)->tp_name);
    return PyLong_FromLongLong(one(int_value(which)));
  });
}
PyObject* size(PyObject* self, PyObject* args, PyObject* kwargs) {
  const Tensor t = tensor_value(self);
  return geometry(
      args, kwargs, "|O:size", [&] { return wrap_size(t.sizes()); }, [&](int64_t d) { return t.size(d); });
}
PyObject* stride(PyObject* self, PyObject* args, PyObject* kwargs) {
  const Tensor t = tensor_value(self);
  auto all = [&] {
    PyObject* tuple = PyTuple_New(t.dim());
    for (int64_t i = 0; tuple && i < t.dim(); ++i)
      PyTuple_SET_ITEM(tuple, i, PyLong_FromLongLong(t.strides()[i]));
    return tuple;
  };
  return geometry(args, kwargs, "|O:stride", all, [&](int64_t d) { return t.stride(d); });
}

template <class F>
PyCFunction with_keywords(F* f) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(f));
}
constexpr int kKeywords = METH_VARARGS | METH_KEYWORDS;

}  // namespace

PyMethodDef tensor_methods[] = {
    {"item", item, METH_NOARGS, "The only element as a Python number."},
    {"dim", dim, METH_NOARGS, "The number of dimensions."},
    {"ndimension", dim, METH_NOARGS, "The number of dimensions."},
    {"numel", numel, METH_NOARGS, "The number of elements."},
    {"nelement", numel, METH_NOARGS, "The number of elements."},
    {"element_size", element_size, METH_NOARGS, "Bytes of one element."},
    {"storage_offset", storage_offset, METH_NOARGS,
     "Where the first element is in the storage, in elements."},
    {"data_ptr", data_ptr, METH_NOARGS, "The address of the first element."},
    fast_method(
        "is_contiguous", is_contiguous,
        "is_contiguous(memory_format=torch.contiguous_format): are the elements dense and in this order."),
    {"is_floating_point", is_floating_point, METH_NOARGS, "Is the dtype a real floating type."},
    {"is_complex", is_complex_method, METH_NOARGS, "Is the dtype complex."},
    {"is_signed", is_signed_method, METH_NOARGS, "Does the dtype have negative numbers."},
    {"is_inference", is_inference, METH_NOARGS, "Was it made under inference_mode."},
    {"get_device", get_device, METH_NOARGS, "The index of its GPU; -1 for the CPU."},
    {"size", with_keywords(size), kKeywords, "size(dim=None): the sizes, or one of them."},
    {"stride", with_keywords(stride), kKeywords,
     "stride(dim=None): the strides in elements, or one of them."},
    {}};

}  // namespace rushlight::python
