// The types Module and BuiltinModule.
#include "../types.h"
#include "nn.h"

#include <structmember.h>

namespace rushlight::python {

PyTypeObject *module_type, *builtin_type;
Strings str;

namespace {

int module_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  const Py_ssize_t n = PyTuple_GET_SIZE(args);
  const bool has_kwargs = kwargs && PyDict_GET_SIZE(kwargs) > 0;
  Object flag =
      Object::steal(PyObject_GetAttr(reinterpret_cast<PyObject*>(Py_TYPE(self)), str.call_super_init));
  if (!flag) return -1;
  const bool call_super = PyObject_IsTrue(flag.get()) > 0;
  if (!call_super && has_kwargs) {
    PyObject *key, *value;
    Py_ssize_t pos = 0;
    PyDict_Next(kwargs, &pos, &key, &value);
    PyErr_Format(PyExc_TypeError, "%s.__init__() got an unexpected keyword argument '%U'",
                 _PyType_Name(Py_TYPE(self)), key);
    return -1;
  }
  if (!call_super && n > 0) {
    PyErr_Format(PyExc_TypeError, "%s.__init__() takes 1 positional argument but %zd were given",
                 _PyType_Name(Py_TYPE(self)), n + 1);
    return -1;
  }
  if (init_registries(self) < 0) return -1;
  if (!call_super) return 0;
  Object super = Object::steal(
      PyObject_CallFunctionObjArgs(reinterpret_cast<PyObject*>(&PySuper_Type), module_type, self, nullptr));
  Object init = Object::steal(super ? PyObject_GetAttr(super.get(), str.init) : nullptr);
  Object r = Object::steal(init ? PyObject_Call(init.get(), args, kwargs) : nullptr);
  return r ? 0 : -1;
}

int module_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
#if PY_VERSION_HEX >= 0x030C0000
  PyObject_VisitManagedDict(self, visit, arg);
#else
  Py_VISIT(reinterpret_cast<PyBuiltin*>(self)->dict);
#endif
  return 0;
}
int module_clear(PyObject* self) {
#if PY_VERSION_HEX >= 0x030C0000
  PyObject_ClearManagedDict(self);
#else
  Py_CLEAR(reinterpret_cast<PyBuiltin*>(self)->dict);
#endif
  return 0;
}
void module_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  Py_TRASHCAN_BEGIN(self, module_dealloc);
  PyObject_ClearWeakRefs(self);
  module_clear(self);
  if (is_builtin(self)) delete reinterpret_cast<PyBuiltin*>(self)->core;
  type->tp_free(self);
  Py_DECREF(type);
  Py_TRASHCAN_END
}

PyObject* forward_unimplemented(PyObject* self, PyObject*, PyObject*) {
  return PyErr_Format(PyExc_NotImplementedError, "Module [%s] is missing the required \"forward\" function",
                      _PyType_Name(Py_TYPE(self)));
}

// CPython gives a class written in Python the slow attribute hook when any base has a __getattr__, and,
// before 3.12, no vectorcall. Give both back when the class overrides neither; a later assignment to the
// class undoes this by itself.
PyObject* module_init_subclass(PyObject* cls, PyObject* args, PyObject* kwargs) {
  Object super = Object::steal(
      PyObject_CallFunctionObjArgs(reinterpret_cast<PyObject*>(&PySuper_Type), module_type, cls, nullptr));
  Object next = Object::steal(super ? PyObject_GetAttr(super.get(), str.init_subclass) : nullptr);
  Object done = Object::steal(next ? PyObject_Call(next.get(), args, kwargs) : nullptr);
  if (!done) return nullptr;
  auto* type = reinterpret_cast<PyTypeObject*>(cls);
  if (_PyType_Lookup(type, str.getattr) == own_getattr &&
      _PyType_Lookup(type, str.getattribute) == _PyType_Lookup(module_type, str.getattribute)) {
    type->tp_getattro = module_getattro;
  }
  if (PyType_IsSubtype(type, builtin_type) && type->tp_call == module_call) {
    type->tp_vectorcall_offset = offsetof(PyBuiltin, vectorcall);
    type->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
  }
  Py_RETURN_NONE;
}

PyObject* module_setstate(PyObject* self, PyObject* state) {
  Object d = Object::steal(PyObject_GenericGetDict(self, nullptr));
  if (!d || PyDict_Update(d.get(), state) < 0) return nullptr;
  Py_RETURN_NONE;
}

PyMethodDef module_methods[] = {{"__setstate__", module_setstate, METH_O, nullptr},
                                {"__init_subclass__", RL_METHOD(module_init_subclass),
                                 METH_VARARGS | METH_KEYWORDS | METH_CLASS, nullptr},
                                {"forward", RL_METHOD(forward_unimplemented), METH_VARARGS | METH_KEYWORDS,
                                 "The computation; subclasses define it."},
                                {nullptr, nullptr, 0, nullptr}};
PyMemberDef module_members[] = {
#if PY_VERSION_HEX < 0x030C0000
    {"__dictoffset__", T_PYSSIZET, offsetof(PyBuiltin, dict), READONLY, nullptr},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(PyBuiltin, weakrefs), READONLY, nullptr},
#endif
    {nullptr, 0, 0, 0, nullptr}};
PyGetSetDef module_getset[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};
PyMemberDef builtin_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(PyBuiltin, vectorcall), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr}};

#if PY_VERSION_HEX >= 0x030C0000
constexpr unsigned long kOwnFlags =
    kModuleFlags | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_MANAGED_DICT | Py_TPFLAGS_MANAGED_WEAKREF;
constexpr int kModuleSize = sizeof(PyObject);
#else
constexpr unsigned long kOwnFlags = kModuleFlags | Py_TPFLAGS_HAVE_GC;
constexpr int kModuleSize = offsetof(PyBuiltin, core);
#endif

void intern_strings() {
  auto intern = [](const char* s) { return check(PyUnicode_InternFromString(s)); };
  str = {intern("_parameters"),        intern("_buffers"),
         intern("_modules"),           intern("_non_persistent_buffers_set"),
         intern("training"),           intern("forward"),
         intern("__getattr__"),        intern("__setattr__"),
         intern("__delattr__"),        intern("__getattribute__"),
         intern("__init__"),           intern("__init_subclass__"),
         intern("register_parameter"), intern("register_buffer"),
         intern("call_super_init"),    intern("_is_buffer"),
         intern("persistent"),         intern("reset_parameters"),
         intern("extra_repr"),         {}};
  int i = 0;
  for (const char* name : {"_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks",
                           "_forward_hooks_with_kwargs", "_forward_hooks_always_called",
                           "_forward_pre_hooks_with_kwargs", "_state_dict_hooks", "_state_dict_pre_hooks",
                           "_load_state_dict_pre_hooks", "_load_state_dict_post_hooks"}) {
    str.hooks[i++] = intern(name);
  }
}

PyObject* set_call_with_hooks(PyObject*, PyObject* function) {
  set_hooked_call(function);
  Py_RETURN_NONE;
}
PyMethodDef functions[] = {
    {"_set_call_with_hooks", set_call_with_hooks, METH_O, "Installs what calls a module that has hooks."},
    {nullptr, nullptr, 0, nullptr}};

void add_module_type(PyObject* module) {
  std::vector<PyMethodDef> all;
  for (const PyMethodDef* m = attribute_methods; m->ml_name; ++m) all.push_back(*m);
  for (const PyMethodDef* m = module_methods; m->ml_name; ++m) all.push_back(*m);
  all.push_back({nullptr, nullptr, 0, nullptr});
  static std::vector<PyMethodDef>& methods = *new std::vector<PyMethodDef>(all);  // the type refers to it
  module_type = make_module_type("rushlight.nn.modules.module.Module", kModuleSize, kOwnFlags,
                                 {{Py_tp_init, slot(module_init)},
                                  {Py_tp_dealloc, slot(module_dealloc)},
                                  {Py_tp_traverse, slot(module_traverse)},
                                  {Py_tp_clear, slot(module_clear)},
                                  {Py_tp_getattro, slot(module_getattro)},
                                  {Py_tp_call, slot(module_call)},
                                  {Py_tp_methods, methods.data()},
                                  {Py_tp_members, module_members},
                                  {Py_tp_getset, module_getset},
                                  {Py_tp_doc, const_cast<char*>("The base class of all network parts.")}},
                                 nullptr);
  auto* m = reinterpret_cast<PyObject*>(module_type);
  own_getattr = Py_NewRef(_PyType_Lookup(module_type, str.getattr));
  // Assigning the methods makes CPython's own slots call them, so that object.__setattr__(module, ...) stays
  // allowed: it refuses objects whose type has a tp_setattro of its own.
  check(PyObject_SetAttr(m, str.setattr, _PyType_Lookup(module_type, str.setattr)));
  check(PyObject_SetAttr(m, str.call_super_init, Py_False));
  add_to_module(module, "_Module", Object::share(m));
  builtin_type =
      make_module_type("rushlight.nn.modules.module.BuiltinModule", sizeof(PyBuiltin), kModuleFlags,
                       {{Py_tp_methods, builtin_methods},
                        {Py_tp_members, builtin_members},
                        {Py_tp_dealloc, slot(module_dealloc)}},
                       module_type);
  add_to_module(module, "_BuiltinModule", Object::share(reinterpret_cast<PyObject*>(builtin_type)));
}

}  // namespace

PyTypeObject* make_module_type(const char* name, int size, unsigned long flags,
                               std::vector<PyType_Slot> slots, PyTypeObject* base) {
  slots.push_back({0, nullptr});
  PyType_Spec spec{name, size, 0, static_cast<unsigned>(flags), slots.data()};
  Object bases = Object::steal(base ? PyTuple_Pack(1, base) : nullptr);
  return reinterpret_cast<PyTypeObject*>(check(PyType_FromSpecWithBases(&spec, bases.get())));
}

void add_nn(PyObject* module) {
  intern_strings();
  static const char* const names[] = {"_global_forward_hooks", "_global_forward_pre_hooks",
                                      "_global_backward_hooks", "_global_backward_pre_hooks"};
  Object collections = take(PyImport_ImportModule("collections"));
  for (int i = 0; i < 4; ++i) {
    global_hooks[i] = check(PyObject_CallMethod(collections.get(), "OrderedDict", nullptr));
    add_to_module(module, names[i], Object::share(global_hooks[i]));
  }
  add_module_type(module);
  install_peer();
  Object part = take(PyModule_New("torch._C._modules"));
  add_layers(part.get());
  add_to_module(module, "_modules", part);
  check(PyModule_AddFunctions(module, functions));
}

}  // namespace rushlight::python
