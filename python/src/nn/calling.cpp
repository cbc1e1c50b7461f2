// Calling a module: straight to forward when nobody listens, through the hooks otherwise. An exception that
// leaves gets a note that says which module below failed.
#include <memory>
#include <new>

#include "nn.h"

namespace rushlight::python {

PyObject* global_hooks[4];

namespace {

PyObject* hooked_call;  // f(self, args, kwargs)

// self.forward(*args): the instance's attribute before the type's, no bound method made. args[-1] may be
// overwritten.
PyObject* call_forward(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* names) {
  PyObject* f = _PyType_Lookup(Py_TYPE(self), str.forward);
  if (f && PyType_HasFeature(Py_TYPE(f), Py_TPFLAGS_METHOD_DESCRIPTOR) && !find(dict_of(self), str.forward)) {
    PyObject** place = const_cast<PyObject**>(args) - 1;
    PyObject* saved = *place;
    *place = self;
    Object keep = Object::share(f);
    PyObject* r = surviving_exit([&] { return PyObject_Vectorcall(f, place, n + 1, names); });
    *place = saved;
    return r;
  }
  Object bound = Object::steal(PyObject_GetAttr(self, str.forward));
  return bound ? PyObject_Vectorcall(bound.get(), args, n | PY_VECTORCALL_ARGUMENTS_OFFSET, names) : nullptr;
}

PyObject* call_with_hooks(PyObject* self, PyObject* args, PyObject* kwargs) {
  if (!hooked_call) {
    PyErr_SetString(PyExc_RuntimeError, "hooks need rushlight.nn to be imported");
    return nullptr;
  }
  Object keywords = kwargs ? Object::share(kwargs) : Object::steal(PyDict_New());
  return keywords ? PyObject_CallFunctionObjArgs(hooked_call, self, args, keywords.get(), nullptr) : nullptr;
}

PyObject* call_module(PyObject* self, PyObject* args, PyObject* kwargs) {
  if (has_hooks(dict_of(self))) return call_with_hooks(self, args, kwargs);
  const Py_ssize_t n = PyTuple_GET_SIZE(args), nk = kwargs ? PyDict_GET_SIZE(kwargs) : 0;
  PyObject* small[9];
  std::unique_ptr<PyObject*[]> large;
  PyObject** stack = small;
  if (n + nk > 8) {
    large.reset(new (std::nothrow) PyObject*[n + nk + 1]);
    if (!(stack = large.get())) return PyErr_NoMemory();
  }
  stack[0] = nullptr;
  for (Py_ssize_t i = 0; i < n; ++i) stack[1 + i] = PyTuple_GET_ITEM(args, i);
  if (nk == 0) return call_forward(self, stack + 1, n, nullptr);
  Object names = Object::steal(PyTuple_New(nk));
  if (!names) return nullptr;
  PyObject *key, *value;
  for (Py_ssize_t pos = 0, i = 0; PyDict_Next(kwargs, &pos, &key, &value); ++i) {
    PyTuple_SET_ITEM(names.get(), i, Py_NewRef(key));
    stack[1 + n + i] = value;
  }
  return call_forward(self, stack + 1, n, names.get());
}

void add_explanation(PyObject* exception, PyObject* module, TensorList inputs) {
  Object notes = notes_of(exception);
  if (!notes) throw PythonError();
  const Py_ssize_t last = PyList_GET_SIZE(notes.get()) - 1;
  PyObject* inner = last >= 0 ? PyList_GET_ITEM(notes.get(), last) : nullptr;
  const char* hint = inner && PyUnicode_Check(inner) ? PyUnicode_AsUTF8(inner) : nullptr;
  const std::string before = hint ? hint : "";
  const std::string after = nn::explained(before, *module_from_python(module), inputs);
  const bool continues = hint && !after.starts_with(before + "\n");
  const std::string own = continues || !hint ? after : after.substr(before.size() + 1);
  Object note = take(PyUnicode_FromString(own.c_str()));
  if (continues) check(PyList_SetItem(notes.get(), last, note.release()));
  else check(PyList_Append(notes.get(), note.get()));
}

}  // namespace

void explain_exception(PyObject* self, PyObject* const* args, Py_ssize_t n) noexcept {
  PyObject *type, *value, *trace;
  PyErr_Fetch(&type, &value, &trace);
  PyErr_NormalizeException(&type, &value, &trace);
  // What ends a program or a loop is no failure of a module.
  if (PyErr_GivenExceptionMatches(type, PyExc_Exception) &&
      !PyErr_GivenExceptionMatches(type, PyExc_StopIteration)) {
    try {
      std::vector<Tensor> inputs;
      for (Py_ssize_t i = 0; i < n; ++i)
        if (is_tensor(args[i])) inputs.push_back(tensor_value(args[i]));
      add_explanation(value, self, inputs);
    } catch (...) {  // the exception itself matters more
    }
  }
  PyErr_Restore(type, value, trace);
}

void set_hooked_call(PyObject* function) { Py_XSETREF(hooked_call, Py_NewRef(function)); }

bool has_hooks(PyObject* dict) {
  for (PyObject* hooks : global_hooks) {
    if (PyDict_GET_SIZE(hooks) > 0) return true;
  }
  for (int i = 0; i < 4; ++i) {
    PyObject* hooks = find(dict, str.hooks[i]);
    if (hooks && PyDict_Check(hooks) && PyDict_GET_SIZE(hooks) > 0) return true;
  }
  return false;
}

// tp_call: a module written in Python has no room for a vectorcall pointer.
PyObject* module_call(PyObject* self, PyObject* args, PyObject* kwargs) {
  PyObject* result = call_module(self, args, kwargs);
  if (!result) [[unlikely]]
    explain_exception(self, PySequence_Fast_ITEMS(args), PyTuple_GET_SIZE(args));
  return result;
}

}  // namespace rushlight::python
