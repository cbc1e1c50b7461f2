// Module's attributes: parameters, buffers and children look like attributes and are kept in their
// registries.
#include <cstring>

#include "nn.h"

namespace rushlight::python {

PyObject* own_getattr;

namespace {

// registry[key], honouring a subclass of dict that overrides lookup. New reference.
PyObject* registry_get(PyObject* registry, PyObject* key) {
  if (PyDict_CheckExact(registry)) {
    PyObject* v = PyDict_GetItemWithError(registry, key);
    return Py_XNewRef(v);
  }
  const int has = PySequence_Contains(registry, key);
  return has > 0 ? PyObject_GetItem(registry, key) : nullptr;
}

PyObject* missing_attribute(PyObject* self, PyObject* name) {
  return PyErr_Format(PyExc_AttributeError, "'%s' object has no attribute '%U'", _PyType_Name(Py_TYPE(self)),
                      name);
}

// (OrderedDict: handles hold weak references to it.)
PyObject* lazy_registry(PyObject* self, PyObject* name) {
  static PyObject* const ordered_dict = [] {
    Object collections = Object::steal(PyImport_ImportModule("collections"));
    return collections ? PyObject_GetAttrString(collections.get(), "OrderedDict") : nullptr;
  }();
  for (PyObject* known : str.hooks) {
    if (name != known && PyUnicode_Compare(name, known) != 0) continue;
    if (!registry_of(dict_of(self), str.parameters)) break;  // before Module.__init__()
    Object d = Object::steal(PyObject_CallNoArgs(ordered_dict));
    if (!d || PyObject_GenericSetAttr(self, name, d.get()) < 0) return nullptr;
    return d.release();
  }
  return nullptr;
}

// Module.__getattr__, given the instance's dict.
PyObject* get_registered(PyObject* self, PyObject* dict, PyObject* name) {
  for (PyObject* registry_name : {str.parameters, str.buffers, str.modules}) {
    PyObject* registry = registry_of(dict, registry_name);
    if (!registry || PyDict_GET_SIZE(registry) == 0) continue;
    PyObject* v = registry_get(registry, name);
    if (v || PyErr_Occurred()) return v;
  }
  PyObject* v = lazy_registry(self, name);
  return v || PyErr_Occurred() ? v : missing_attribute(self, name);
}
PyObject* module_getattr(PyObject* self, PyObject* name) {
  if (!PyUnicode_Check(name))
    return PyErr_Format(PyExc_TypeError, "attribute name must be string, not '%s'", Py_TYPE(name)->tp_name);
  return get_registered(self, dict_of(self), name);
}

// Deletes name from the dict or set if there.
int discard(PyObject* container, PyObject* name) {
  if (!container) return 0;
  if (PySet_Check(container)) return PySet_Discard(container, name);
  if (!PyDict_Check(container)) return 0;
  const int has = PyDict_Contains(container, name);
  return has > 0 ? PyObject_DelItem(container, name) : has;
}

// "torch.FloatTensor" for tensors, the qualified name otherwise, as torch.typename has it.
std::string type_text(PyObject* value) {
  if (is_tensor(value)) {
    Object text = Object::steal(PyObject_CallMethod(value, "type", nullptr));
    if (text && PyUnicode_Check(text.get())) return PyUnicode_AsUTF8(text.get());
    PyErr_Clear();
  }
  PyTypeObject* type = Py_TYPE(value);
  if (type->tp_flags & Py_TPFLAGS_HEAPTYPE) {
    Object module = Object::steal(PyObject_GetAttrString(reinterpret_cast<PyObject*>(type), "__module__"));
    Object name = Object::steal(PyType_GetQualName(type));
    if (module && name && PyUnicode_Check(module.get())) {
      const std::string scope = PyUnicode_AsUTF8(module.get());
      return (scope == "builtins" ? "" : scope + ".") + PyUnicode_AsUTF8(name.get());
    }
    PyErr_Clear();
  }
  return type->tp_name;
}

int cannot_assign(PyObject* value, const char* what, PyObject* name, const char* expected) {
  PyErr_Format(PyExc_TypeError, "cannot assign '%s' as %s '%U' (%s or None expected)",
               type_text(value).c_str(), what, name, expected);
  return -1;
}

int registry_has(PyObject* registry, PyObject* name) {
  return registry ? PySequence_Contains(registry, name) : 0;
}

int call_register(PyObject* self, PyObject* method, PyObject* name, PyObject* value,
                  PyObject* extra = nullptr) {
  Object r = Object::steal(
      PyObject_CallMethodObjArgs(self, method, name, value, extra, nullptr));  // users override it
  return r ? 0 : -1;
}

// super(Module, self).__setattr__ or, without a value, __delattr__: a mixin that follows Module may have its
// own.
int assign_plainly(PyObject* self, PyObject* name, PyObject* value) {
  PyObject* mro = Py_TYPE(self)->tp_mro;
  const Py_ssize_t n = PyTuple_GET_SIZE(mro);
  if (n >= 2 && PyTuple_GET_ITEM(mro, n - 2) == reinterpret_cast<PyObject*>(module_type)) [[likely]] {
    return PyObject_GenericSetAttr(self, name, value);
  }
  Object super = Object::steal(
      PyObject_CallFunctionObjArgs(reinterpret_cast<PyObject*>(&PySuper_Type), module_type, self, nullptr));
  Object method =
      Object::steal(super ? PyObject_GetAttr(super.get(), value ? str.setattr : str.delattr) : nullptr);
  Object r =
      Object::steal(method ? PyObject_CallFunctionObjArgs(method.get(), name, value, nullptr) : nullptr);
  return r ? 0 : -1;
}

int before_init(const char* what) {
  PyErr_Format(PyExc_AttributeError, "cannot assign %s before Module.__init__() call", what);
  return -1;
}

bool is_buffer(PyObject* value) {
  return is_tensor(value) && find(reinterpret_cast<PyTensor*>(value)->dict, str.is_buffer) == Py_True;
}

int assign_module(PyObject* modules, PyObject* name, PyObject* value) {
  return PyObject_SetItem(modules, name, value);
}

int assign_buffer(PyObject* self, PyObject* buffers, PyObject* name, PyObject* value, bool known) {
  if (value != Py_None && !is_tensor(value))
    return cannot_assign(value, "buffer", name, "torch.nn.Buffer, torch.Tensor");
  if (!known) {
    Object persistent = Object::steal(PyObject_GetAttr(value, str.persistent));
    return persistent ? call_register(self, str.register_buffer, name, value, persistent.get()) : -1;
  }
  return PyObject_SetItem(buffers, name, value);
}

int module_assign(PyObject* self, PyObject* name, PyObject* value) {
  PyObject* dict = dict_of(self);
  const Object parameters = Object::share(registry_of(dict, str.parameters)),
               buffers = Object::share(registry_of(dict, str.buffers)),
               modules = Object::share(registry_of(dict, str.modules)),
               non_persistent = Object::share(find(dict, str.non_persistent));
  auto remove_from = [&](std::initializer_list<PyObject*> containers) {
    for (PyObject* c : containers) {
      if (discard(c, name) < 0) return -1;
    }
    return 0;
  };
  if (PyObject_TypeCheck(value, parameter_type)) {
    if (!parameters) return before_init("parameters");
    if (remove_from({dict, buffers.get(), modules.get(), non_persistent.get()}) < 0) return -1;
    return call_register(self, str.register_parameter, name, value);
  }
  int has = registry_has(parameters.get(), name);
  if (has < 0) return -1;
  if (has) {
    return value == Py_None ? call_register(self, str.register_parameter, name, value)
                            : cannot_assign(value, "parameter", name, "torch.nn.Parameter");
  }
  if (is_module(value)) {
    if (!modules) return before_init("module");
    if (remove_from({dict, parameters.get(), buffers.get(), non_persistent.get()}) < 0) return -1;
    return assign_module(modules.get(), name, value);
  }
  if ((has = registry_has(modules.get(), name)) < 0) return -1;
  if (has) {
    return value == Py_None ? assign_module(modules.get(), name, value)
                            : cannot_assign(value, "child module", name, "torch.nn.Module");
  }
  if ((has = registry_has(buffers.get(), name)) < 0) return -1;
  const bool declared = is_buffer(value);
  if (declared && !has) {
    if (!buffers) return before_init("buffer");
    if (remove_from({dict, parameters.get(), modules.get(), non_persistent.get()}) < 0) return -1;
  }
  if (has || declared) return assign_buffer(self, buffers.get(), name, value, has);
  return assign_plainly(self, name, value);
}

int module_delete(PyObject* self, PyObject* name) {
  PyObject* dict = dict_of(self);
  for (PyObject* registry_name : {str.parameters, str.buffers, str.modules}) {
    PyObject* registry = registry_of(dict, registry_name);
    const int has = registry_has(registry, name);
    if (has < 0) return -1;
    if (!has) continue;
    if (registry_name == str.buffers && discard(find(dict, str.non_persistent), name) < 0) return -1;
    return PyObject_DelItem(registry, name);
  }
  return assign_plainly(self, name, nullptr);
}

PyObject* module_setattr(PyObject* self, PyObject* const* args, Py_ssize_t n) {
  if (n != 2) return PyErr_Format(PyExc_TypeError, "expected 2 arguments, got %zd", n);
  if (!PyUnicode_Check(args[0]))
    return PyErr_Format(PyExc_TypeError, "attribute name must be string, not '%s'",
                        Py_TYPE(args[0])->tp_name);
  if (module_assign(self, args[0], args[1]) < 0) return nullptr;
  Py_RETURN_NONE;
}
PyObject* module_delattr(PyObject* self, PyObject* name) {
  if (module_delete(self, name) < 0) return nullptr;
  Py_RETURN_NONE;
}

}  // namespace

PyObject* module_getattro(PyObject* self, PyObject* name) {
  PyObject* v;
  PyObject* dict = nullptr;
  if (_PyType_Lookup(Py_TYPE(self), name)) {
    v = _PyObject_GenericGetAttrWithDict(self, name, nullptr, 1);
  } else {  // what the generic function would do, shorter
    dict = dict_of(self);
    v = Py_XNewRef(find(dict, name));
  }
  if (v || PyErr_Occurred()) return v;
  // A __getattr__ of the class's own replaces Module's; CPython's slot calls it after this failure.
  return _PyType_Lookup(Py_TYPE(self), str.getattr) == own_getattr
             ? get_registered(self, dict ? dict : dict_of(self), name)
             : missing_attribute(self, name);
}

int init_registries(PyObject* self) {
  Object dict = Object::steal(PyObject_GenericGetDict(self, nullptr));
  if (!dict || PyDict_SetItem(dict.get(), str.training, Py_True) < 0) return -1;
  for (PyObject* name : {str.parameters, str.buffers, str.non_persistent, str.modules}) {
    Object value = Object::steal(name == str.non_persistent ? PySet_New(nullptr) : PyDict_New());
    if (!value || PyDict_SetItem(dict.get(), name, value.get()) < 0) return -1;
  }
  return 0;
}

PyMethodDef attribute_methods[] = {{"__getattr__", module_getattr, METH_O, nullptr},
                                   {"__setattr__", RL_METHOD(module_setattr), METH_FASTCALL, nullptr},
                                   {"__delattr__", module_delattr, METH_O, nullptr},
                                   {nullptr, nullptr, 0, nullptr}};

}  // namespace rushlight::python
