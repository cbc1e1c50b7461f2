#include "copying.h"

#include <cstring>

#include "convert.h"
#include "rushlight/ops/memory.h"
#include "tensor.h"

namespace rushlight::python {
namespace {

Object attributes_of(PyObject* self) {
  PyObject* dict = reinterpret_cast<PyTensor*>(self)->dict;
  return dict && PyDict_GET_SIZE(dict) > 0 ? Object::share(dict) : Object();
}

// A wrapper of the class of `self` with its attributes.
Object dress(PyObject* self, Tensor tensor, PyObject* attributes) {
  tensor.impl()->parameter = tensor_value(self).impl()->parameter;
  Object out = take(Py_IS_TYPE(self, tensor_type) || Py_IS_TYPE(self, parameter_type)
                        ? wrap(std::move(tensor))
                        : wrap_as(Py_TYPE(self), std::move(tensor)));
  if (attributes) {
    Object own = take(PyObject_GetAttrString(out.get(), "__dict__"));
    check(PyDict_Update(own.get(), attributes));
  }
  return out;
}

Object remembered(PyObject* memo, PyObject* key) {
  PyObject* found = PyDict_GetItemWithError(memo, key);
  if (!found && PyErr_Occurred()) throw PythonError();
  return Object::share(found);
}

DType dtype_of_name(std::string_view name) {
  for (int i = 0; i < kNumDTypes; ++i)
    if (name == kDTypeInfo[i].name) return static_cast<DType>(i);
  throw_error<ValueError>("no dtype ", name);
}

PyObject* deepcopy(PyObject* o, PyObject* memo) {
  Object module = take(PyImport_ImportModule("copy"));
  return PyObject_CallMethod(module.get(), "deepcopy", "OO", o, memo);
}

// (elements, name of the dtype, sizes, strides or None, requires_grad, class or None for Tensor or True for
// Parameter, attributes or None)
PyObject* rebuild(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    const char* dtype;
    PyObject *bytes, *sizes, *strides, *type, *attributes;
    int requires_grad;
    if (!PyArg_ParseTuple(args, "O!sOOpOO", &PyBytes_Type, &bytes, &dtype, &sizes, &strides, &requires_grad,
                          &type, &attributes))
      throw PythonError();
    RL_CHECK_AS(TypeError, PyTuple_Check(sizes) && (strides == Py_None || PyTuple_Check(strides)),
                "sizes and strides must be tuples");
    Tensor t = make_tensor(dims_value(sizes), dtype_of_name(dtype));
    const int64_t nbytes = t.numel() * t.item_size();
    RL_CHECK_AS(ValueError, PyBytes_GET_SIZE(bytes) == nbytes, "a pickled tensor has ",
                PyBytes_GET_SIZE(bytes), " bytes where ", nbytes, " are expected");
    if (nbytes) std::memcpy(t.raw_data(), PyBytes_AS_STRING(bytes), nbytes);
    if (strides != Py_None) {
      const Dims s = dims_value(strides);
      RL_CHECK_AS(ValueError, s.size() == t.dim(), "mismatch in length of strides and shape");
      for (int64_t v : s) RL_CHECK_AS(ValueError, v >= 0, "negative stride");
      check_in_bounds(t, t.sizes(), s, 0);
      t.impl()->set_geometry(t.sizes(), s, 0);
    }
    if (requires_grad) t.set_requires_grad(true);
    t.impl()->parameter =
        type == Py_True ||
        (PyType_Check(type) && PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(type), parameter_type));
    const bool own_class = type == Py_None || type == Py_True;
    RL_CHECK_AS(TypeError,
                own_class || (PyType_Check(type) &&
                              PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(type), tensor_type)),
                "expected a class of tensors");
    Object out =
        take(own_class ? wrap(std::move(t)) : wrap_as(reinterpret_cast<PyTypeObject*>(type), std::move(t)));
    if (attributes != Py_None) {
      Object own = take(PyObject_GetAttrString(out.get(), "__dict__"));
      check(PyDict_Update(own.get(), attributes));
    }
    return out.release();
  });
}

PyMethodDef functions[] = {{"_rebuild_tensor", rebuild, METH_VARARGS, "Puts a pickled tensor together."}, {}};

}  // namespace

Ref<Storage> copied_storage(const Ref<Storage>& storage, PyObject* memo) {
  Object key = take(Py_BuildValue("(sN)", "storage", PyLong_FromVoidPtr(storage.get())));
  if (Object known = remembered(memo, key.get())) {
    return Ref<Storage>(static_cast<Storage*>(PyCapsule_GetPointer(known.get(), "storage")));
  }
  Ref<Storage> copy = Storage::allocate(storage->nbytes());
  if (storage->nbytes()) std::memcpy(copy->data(), storage->data(), storage->nbytes());
  Object capsule = take(PyCapsule_New(Ref<Storage>(copy).detach(), "storage", [](PyObject* c) {
    Ref<Storage>::adopt(static_cast<Storage*>(PyCapsule_GetPointer(c, "storage")));
  }));
  check(PyDict_SetItem(memo, key.get(), capsule.get()));
  return copy;
}

PyObject* copy_tensor(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    const Tensor& t = tensor_value(self);
    Tensor copy = make_alias(t);
    if (t.requires_grad()) copy.set_requires_grad(true);
    return dress(self, std::move(copy), attributes_of(self).get()).release();
  });
}

PyObject* deepcopy_tensor(PyObject* self, PyObject* memo) {
  return guarded([&]() -> PyObject* {
    const Tensor& t = tensor_value(self);
    RL_CHECK(
        t.is_leaf(),
        "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the "
        "moment.  If you were "
        "attempting to deepcopy a module, this may be because of a torch.nn.utils.weight_norm usage, see "
        "https://github.com/pytorch/pytorch/pull/103001");
    RL_CHECK_AS(TypeError, PyDict_Check(memo), "__deepcopy__() takes a dict");
    Object key = take(PyLong_FromVoidPtr(self));
    if (Object known = remembered(memo, key.get())) return known.release();
    Tensor copy(make_ref<TensorImpl>(copied_storage(t.storage(), memo), t.sizes(), t.strides(),
                                     t.storage_offset(), t.dtype(), t.device()));
    if (t.requires_grad()) copy.set_requires_grad(true);
    Object out = dress(self, copy, nullptr);
    check(PyDict_SetItem(memo, key.get(), out.get()));
    if (t.grad().defined()) {
      Object grad = take(wrap(t.grad()));
      Object copied = take(deepcopy(grad.get(), memo));
      copy.set_grad(tensor_value(copied.get()));
    }
    if (Object attributes = attributes_of(self)) {
      Object copied = take(deepcopy(attributes.get(), memo)),
             own = take(PyObject_GetAttrString(out.get(), "__dict__"));
      check(PyDict_Update(own.get(), copied.get()));
    }
    return out.release();
  });
}

PyObject* reduce_tensor(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    const Tensor& t = tensor_value(self);
    // Elements in the order of memory where there are no gaps, so that the layout survives.
    const bool dense = is_dense(t);
    const Tensor plain = dense ? t.detach() : t.detach().contiguous();
    Object bytes = take(PyBytes_FromStringAndSize(
        plain.numel() ? static_cast<const char*>(plain.raw_data()) : "", plain.numel() * plain.item_size()));
    auto tuple = [](const Dims& dims) {
      Object out = take(PyTuple_New(dims.size()));
      for (int64_t i = 0; i < dims.size(); ++i) PyTuple_SET_ITEM(out.get(), i, PyLong_FromLongLong(dims[i]));
      return out;
    };
    Object sizes = tuple(plain.sizes()),
           strides = plain.is_contiguous() ? Object::share(Py_None) : tuple(plain.strides());
    Object attributes = attributes_of(self);
    PyObject* type = Py_IS_TYPE(self, tensor_type)      ? Py_None
                     : Py_IS_TYPE(self, parameter_type) ? Py_True
                                                        : reinterpret_cast<PyObject*>(Py_TYPE(self));
    Object module = take(PyImport_ImportModule("rushlight._C")),
           function = take(PyObject_GetAttrString(module.get(), "_rebuild_tensor"));
    return Py_BuildValue("O(OsOOOOO)", function.get(), bytes.get(), info(t.dtype()).name, sizes.get(),
                         strides.get(), t.requires_grad() ? Py_True : Py_False, type,
                         attributes ? attributes.get() : Py_None);
  });
}

// The types call themselves torch.dtype and so on, but `torch` is another library unless the alias is in
// place: pickle must not look them up under that name.
PyObject* reduce_to_name(const char* module, const char* name, PyObject* arguments) {
  Object home = Object::steal(PyImport_ImportModule("rushlight._pickling"));
  Object named = Object::steal(home ? PyObject_GetAttrString(home.get(), "named") : nullptr);
  if (!named) return nullptr;
  return arguments ? Py_BuildValue("O(ssO)", named.get(), module, name, arguments)
                   : Py_BuildValue("O(ss)", named.get(), module, name);
}

void add_copying(PyObject* module) { check(PyModule_AddFunctions(module, functions)); }

}  // namespace rushlight::python
