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
PyObject* is_view(PyObject* self, PyObject*) {
  return PyBool_FromLong(static_cast<bool>(tensor_value(self).impl()->view_base));
}
// All dimensions, as PyTorch does; iterating would take the first one alone.
PyObject* reversed(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    const Tensor& t = tensor_value(self);
    Dims dims;
    for (int64_t d = 0; d < t.dim(); ++d) dims.push_back(d);
    return t.dim() == 0 ? Py_NewRef(self) : wrap(t.flip(dims));
  });
}
PyObject* is_inference(PyObject* self, PyObject*) {
  return PyBool_FromLong(tensor_value(self).impl()->inference);
}
PyObject* get_device(PyObject* self, PyObject*) {
  return PyLong_FromLong(tensor_value(self).device().is_cuda() ? tensor_value(self).device().index : -1);
}

// size() and stride(): all, or one dimension.
template <class All, class One>
PyObject* geometry(const Written& written, const Call& call, All all, One one) {
  PyObject* which = Py_None;
  if (call.count == 1 && !call.names && PyLong_CheckExact(call.args[0])) {
    which = call.args[0];  // as most calls are
  } else if (call.count > 0 || call.names) {
    which = written.parse(call)[1];
  }
  return which == Py_None ? all() : PyLong_FromLongLong(one(int_value(which)));
}
PyObject* size(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return guarded([&]() -> PyObject* {
    static const Written written("size", {"(Tensor, self), (OptInt, dim, {})"});
    const Tensor& t = tensor_value(self);
    return geometry(
        written, {args, count, names, self}, [&] { return wrap_size(t.sizes()); },
        [&](int64_t d) { return t.size(d); });
  });
}
PyObject* stride(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return guarded([&]() -> PyObject* {
    static const Written written("stride", {"(Tensor, self), (OptInt, dim, {})"});
    const Tensor& t = tensor_value(self);
    auto all = [&] {
      PyObject* tuple = PyTuple_New(t.dim());
      for (int64_t i = 0; tuple && i < t.dim(); ++i)
        PyTuple_SET_ITEM(tuple, i, PyLong_FromLongLong(t.strides()[i]));
      return tuple;
    };
    return geometry(written, {args, count, names, self}, all, [&](int64_t d) { return t.stride(d); });
  });
}

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
    {"_is_view", is_view, METH_NOARGS, "Does autograd know it as a view of another tensor."},
    {"__reversed__", reversed, METH_NOARGS, "The elements in reverse order along every dimension."},
    {"is_inference", is_inference, METH_NOARGS, "Was it made under inference_mode."},
    {"get_device", get_device, METH_NOARGS, "The index of its GPU; -1 for the CPU."},
    fast_method("size", size, "size(dim=None): the sizes, or one of them."),
    fast_method("stride", stride, "stride(dim=None): the strides in elements, or one of them."),
    {}};

}  // namespace rushlight::python
