// Methods of a tensor that are no operations: they concern its object, its history or Python.
#include "operations.h"
#include "rushlight/autograd/engine.h"
#include "rushlight/autograd/variable.h"

namespace rushlight::python {
namespace {

PyObject* item(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* { return wrap_scalar(tensor_value(self).item()); });
}
PyObject* dim(PyObject* self, PyObject*) { return PyLong_FromLongLong(tensor_value(self).dim()); }
PyObject* numel(PyObject* self, PyObject*) { return PyLong_FromLongLong(tensor_value(self).numel()); }
PyObject* element_size(PyObject* self, PyObject*) { return PyLong_FromLongLong(tensor_value(self).item_size()); }
PyObject* storage_offset(PyObject* self, PyObject*) { return PyLong_FromLongLong(tensor_value(self).storage_offset()); }
PyObject* data_ptr(PyObject* self, PyObject*) {
  const Tensor t = tensor_value(self);
  return PyLong_FromVoidPtr(t.numel() ? t.raw_data() : nullptr);
}
PyObject* is_contiguous(PyObject* self, PyObject*, PyObject*) { return PyBool_FromLong(tensor_value(self).is_contiguous()); }
PyObject* is_floating_point(PyObject* self, PyObject*) { return PyBool_FromLong(is_floating(tensor_value(self).dtype())); }
PyObject* is_complex_method(PyObject* self, PyObject*) { return PyBool_FromLong(is_complex(tensor_value(self).dtype())); }
PyObject* is_signed_method(PyObject* self, PyObject*) { return PyBool_FromLong(is_signed(tensor_value(self).dtype())); }
PyObject* is_inference(PyObject* self, PyObject*) { return PyBool_FromLong(tensor_value(self).impl()->inference); }
PyObject* get_device(PyObject* self, PyObject*) { return PyLong_FromLong(tensor_value(self).device().is_cuda() ? tensor_value(self).device().index : -1); }

// size() and stride(): all, or one dimension.
template <class All, class One>
PyObject* geometry(PyObject* args, PyObject* kwargs, const char* format, All all, One one) {
  return guarded([&]() -> PyObject* {
    static const char* names[] = {"dim", nullptr};
    PyObject* which = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, format, const_cast<char**>(names), &which)) throw PythonError();
    return which == Py_None ? all() : PyLong_FromLongLong(one(int_value(which)));
  });
}
PyObject* size(PyObject* self, PyObject* args, PyObject* kwargs) {
  const Tensor t = tensor_value(self);
  return geometry(args, kwargs, "|O:size", [&] { return wrap_size(t.sizes()); }, [&](int64_t d) { return t.size(d); });
}
PyObject* stride(PyObject* self, PyObject* args, PyObject* kwargs) {
  const Tensor t = tensor_value(self);
  auto all = [&] {
    PyObject* tuple = PyTuple_New(t.dim());
    for (int64_t i = 0; tuple && i < t.dim(); ++i) PyTuple_SET_ITEM(tuple, i, PyLong_FromLongLong(t.strides()[i]));
    return tuple;
  };
  return geometry(args, kwargs, "|O:stride", all, [&](int64_t d) { return t.stride(d); });
}

PyObject* requires_grad_(PyObject* self, PyObject* args, PyObject* kwargs) {
  return guarded([&]() -> PyObject* {
    static const char* names[] = {"requires_grad", nullptr};
    int value = 1;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|p:requires_grad_", const_cast<char**>(names), &value)) throw PythonError();
    tensor_value(self).set_requires_grad(value);
    return Py_NewRef(self);
  });
}
PyObject* retain_grad(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    tensor_value(self).retain_grad();
    Py_RETURN_NONE;
  });
}

std::vector<Tensor> optional_tensors(PyObject* o) {
  if (!o || o == Py_None) return {};
  if (is_tensor(o)) return {tensor_value(o)};
  Object list = take(PySequence_List(o));
  std::vector<Tensor> out;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list.get()); ++i) {
    PyObject* item = PyList_GET_ITEM(list.get(), i);
    RL_CHECK_AS(TypeError, is_tensor(item) || item == Py_None, "expected Tensor as element ", i, ", but got ", Py_TYPE(item)->tp_name);
    out.push_back(item == Py_None ? Tensor() : tensor_value(item));
  }
  return out;
}

PyObject* backward(PyObject* self, PyObject* args, PyObject* kwargs) {
  return guarded([&]() -> PyObject* {
    static const char* names[] = {"gradient", "retain_graph", "create_graph", "inputs", nullptr};
    PyObject *gradient = Py_None, *retain = Py_None, *inputs = Py_None;
    int create = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OOpO:backward", const_cast<char**>(names), &gradient, &retain, &create, &inputs)) throw PythonError();
    const Tensor root = tensor_value(self);
    const std::vector<Tensor> grads = optional_tensors(gradient), targets = optional_tensors(inputs);
    RL_CHECK(inputs == Py_None || !targets.empty(), "'inputs' argument to backward() cannot be empty.");
    autograd::BackwardOptions options;
    options.create_graph = create;
    options.retain_graph = retain == Py_None ? create != 0 : PyObject_IsTrue(retain) == 1;
    {
      ReleaseGil released;
      autograd::backward({root}, grads, options, targets);
    }
    Py_RETURN_NONE;
  });
}

template <class F>
PyCFunction with_keywords(F* f) { return reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(f)); }
constexpr int kKeywords = METH_VARARGS | METH_KEYWORDS;

}  // namespace

PyMethodDef tensor_methods[] = {
    {"item", item, METH_NOARGS, "The only element as a Python number."},
    {"dim", dim, METH_NOARGS, "The number of dimensions."},
    {"ndimension", dim, METH_NOARGS, "The number of dimensions."},
    {"numel", numel, METH_NOARGS, "The number of elements."},
    {"nelement", numel, METH_NOARGS, "The number of elements."},
    {"element_size", element_size, METH_NOARGS, "Bytes of one element."},
    {"storage_offset", storage_offset, METH_NOARGS, "Where the first element is in the storage, in elements."},
    {"data_ptr", data_ptr, METH_NOARGS, "The address of the first element."},
    {"is_contiguous", with_keywords(is_contiguous), kKeywords, "Are the elements dense and row-major."},
    {"is_floating_point", is_floating_point, METH_NOARGS, "Is the dtype a real floating type."},
    {"is_complex", is_complex_method, METH_NOARGS, "Is the dtype complex."},
    {"is_signed", is_signed_method, METH_NOARGS, "Does the dtype have negative numbers."},
    {"is_inference", is_inference, METH_NOARGS, "Was it made under inference_mode."},
    {"get_device", get_device, METH_NOARGS, "The index of its GPU; -1 for the CPU."},
    {"size", with_keywords(size), kKeywords, "size(dim=None): the sizes, or one of them."},
    {"stride", with_keywords(stride), kKeywords, "stride(dim=None): the strides in elements, or one of them."},
    {"requires_grad_", with_keywords(requires_grad_), kKeywords, "requires_grad_(requires_grad=True): records operations from now on."},
    {"retain_grad", retain_grad, METH_NOARGS, "Keeps the gradient of a tensor that is no leaf in .grad."},
    {"backward", with_keywords(backward), kKeywords,
     "backward(gradient=None, retain_graph=None, create_graph=False, inputs=None): adds gradients to the leaves."},
    {}};

}  // namespace rushlight::python
