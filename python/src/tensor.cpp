#include "tensor.h"

#include <structmember.h>

#include <vector>

#include "rushlight/autograd/variable.h"
#include "tensor_repr.h"

namespace rushlight::python {

PyTypeObject *tensor_type, *parameter_type;

namespace {

PyTensor* as(PyObject* self) { return reinterpret_cast<PyTensor*>(self); }

bool is_exact(PyObject* self) { return Py_IS_TYPE(self, tensor_type) || Py_IS_TYPE(self, parameter_type); }

// Would somebody notice if this wrapper were replaced by another one later?
bool is_distinct(PyObject* self) {
  PyTensor* t = as(self);
  if (!is_exact(self) || t->weakrefs || (t->dict && PyDict_GET_SIZE(t->dict) > 0)) return true;
  return t->impl->parameter || (t->impl->autograd && autograd::meta(Tensor(Ref<TensorImpl>(t->impl)))->requires_grad);
}

// Hands the wrapper to the implementation if C++ still needs that and the wrapper is worth keeping.
bool change_sides(PyObject* self) {
  TensorImpl* impl = as(self)->impl;
  if (!impl || impl->python != self || impl->use_count() <= 1 || !is_distinct(self)) return false;
  impl->owns_python = true;
  return true;
}

void release_wrapper(void* object) {
  if (!Py_IsInitialized()) return;
  AcquireGil gil;
  as(static_cast<PyObject*>(object))->impl = nullptr;
  Py_DECREF(static_cast<PyObject*>(object));
}

// Ends a wrapper's ownership of its implementation.
void let_go(PyObject* self) {
  TensorImpl* impl = std::exchange(as(self)->impl, nullptr);
  if (!impl) return;
  if (impl->python == self) impl->python = nullptr;
  Ref<TensorImpl>::adopt(impl).reset();
}

void tensor_dealloc(PyObject* self) {
  if (is_exact(self)) {
    if (change_sides(self)) {
      Py_SET_REFCNT(self, 1);  // the implementation's
      Ref<TensorImpl>::adopt(as(self)->impl).reset();
      return;
    }
  } else if (PyObject_CallFinalizerFromDealloc(self) < 0) {
    return;
  }
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  if (as(self)->weakrefs) PyObject_ClearWeakRefs(self);
  Py_CLEAR(as(self)->dict);
  let_go(self);
  type->tp_free(self);
  Py_DECREF(type);
}

// Subclasses made in Python come here first (their own dealloc runs before ours and would take the attributes away).
void tensor_finalize(PyObject* self) {
  if (is_exact(self) || !change_sides(self)) return;
  Py_INCREF(self);  // the implementation's
  Ref<TensorImpl>::adopt(as(self)->impl).reset();
}

int tensor_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(as(self)->dict);
  return 0;
}
int tensor_clear(PyObject* self) {
  Py_CLEAR(as(self)->dict);
  return 0;
}

PyObject* tensor_new(PyTypeObject* type, PyObject* args, PyObject* kwargs);

PyMemberDef tensor_members[] = {{"__weaklistoffset__", T_PYSSIZET, offsetof(PyTensor, weakrefs), READONLY, nullptr},
                                {"__dictoffset__", T_PYSSIZET, offsetof(PyTensor, dict), READONLY, nullptr},
                                {}};

PyObject* tensor_hash_object(PyObject* self) { return self; }

Py_hash_t tensor_hash(PyObject* self) { return _Py_HashPointer(tensor_hash_object(self)); }

PyObject* alloc_wrapper(PyTypeObject* type, const Tensor& tensor) {
  PyObject* self = check(type->tp_alloc(type, 0));
  as(self)->impl = Ref<TensorImpl>(tensor.ref()).detach();
  tensor.impl()->python = self;
  return self;
}

// Tensor(...) and FloatTensor(...) are made by the package (rushlight/_constructors.py), which installs the function here.
PyObject* constructor = nullptr;

PyObject* tensor_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  return guarded([&]() -> PyObject* {
    RL_CHECK_AS(TypeError, constructor, "Tensor() is not ready yet");
    Object made = take(PyObject_Call(constructor, args, kwargs));
    if (type == tensor_type) return made.release();
    return wrap_as(type, make_alias(tensor_value(made.get()), tensor_value(made.get()).sizes(), tensor_value(made.get()).strides(),
                                    tensor_value(made.get()).storage_offset()));
  });
}

PyObject* parameter_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  return guarded([&]() -> PyObject* {
    static const char* names[] = {"data", "requires_grad", nullptr};
    PyObject* data = Py_None;
    int requires_grad = 1;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|Op:Parameter", const_cast<char**>(names), &data, &requires_grad)) throw PythonError();
    Tensor source;
    if (data == Py_None) {
      source = make_tensor(0, default_dtype());
    } else {
      RL_CHECK_AS(TypeError, is_tensor(data), "Parameter data must be a Tensor, not ", Py_TYPE(data)->tp_name);
      source = tensor_value(data);
    }
    Tensor parameter = make_alias(source, source.sizes(), source.strides(), source.storage_offset());
    parameter.impl()->parameter = true;
    parameter.set_requires_grad(requires_grad);
    return wrap_as(type, parameter);
  });
}

PyObject* set_constructor(PyObject*, PyObject* function) {
  Py_XSETREF(constructor, Py_NewRef(function));
  Py_RETURN_NONE;
}

PyMethodDef module_functions[] = {
    {"_set_tensor_constructor", set_constructor, METH_O, "Installs the function behind Tensor(...)."}, {}};

PyType_Slot parameter_slots[] = {{Py_tp_new, reinterpret_cast<void*>(parameter_new)},
                                 {Py_tp_dealloc, reinterpret_cast<void*>(tensor_dealloc)},
                                 {Py_tp_finalize, reinterpret_cast<void*>(tensor_finalize)},
                                 {Py_tp_traverse, reinterpret_cast<void*>(tensor_traverse)},
                                 {Py_tp_clear, reinterpret_cast<void*>(tensor_clear)},
                                 {Py_tp_doc, const_cast<char*>("Parameter(data=None, requires_grad=True)\n--\n\n"
                                                               "A tensor that a Module counts among its parameters.")},
                                 {0, nullptr},  // for parameter_repr_slot
                                 {0, nullptr}};
PyType_Spec parameter_spec = {"torch.nn.parameter.Parameter", 0, 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
                              parameter_slots};

}  // namespace

PyObject* wrap(const Tensor& tensor) {
  if (!tensor.defined()) Py_RETURN_NONE;
  TensorImpl* impl = tensor.impl();
  if (auto* known = static_cast<PyObject*>(impl->python)) {
    if (!impl->owns_python) return Py_NewRef(known);
    impl->owns_python = false;  // its reference becomes the caller's, and the wrapper owns the implementation again
    Ref<TensorImpl>(tensor.ref()).detach();
    return known;
  }
  return alloc_wrapper(impl->parameter ? parameter_type : tensor_type, tensor);
}

PyObject* wrap_as(PyTypeObject* type, const Tensor& tensor) { return alloc_wrapper(type, tensor); }

void add_tensor_type(PyObject* module) {
  std::vector<PyType_Slot> slots = {
      {Py_tp_dealloc, reinterpret_cast<void*>(tensor_dealloc)},
      {Py_tp_finalize, reinterpret_cast<void*>(tensor_finalize)},
      {Py_tp_traverse, reinterpret_cast<void*>(tensor_traverse)},
      {Py_tp_clear, reinterpret_cast<void*>(tensor_clear)},
      {Py_tp_new, reinterpret_cast<void*>(tensor_new)},
      {Py_tp_hash, reinterpret_cast<void*>(tensor_hash)},
      {Py_tp_members, tensor_members},
      {Py_tp_getset, tensor_getset},
      {Py_tp_methods, tensor_methods},
      {Py_tp_doc, const_cast<char*>("A multi-dimensional array of one dtype that can record the operations on it.")},
  };
  for (PyType_Slot* s = tensor_number_slots; s->slot; ++s) slots.push_back(*s);
  for (PyType_Slot* s = tensor_sequence_slots; s->slot; ++s) slots.push_back(*s);
  slots.push_back(tensor_repr_slot);
  slots.push_back({0, nullptr});
  PyType_Spec spec = {"torch.Tensor", sizeof(PyTensor), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots.data()};
  tensor_type = add_type(module, "Tensor", &spec);
  Object bases = take(PyTuple_Pack(1, tensor_type));
  std::end(parameter_slots)[-2] = parameter_repr_slot;
  parameter_type = add_type(module, "Parameter", &parameter_spec, bases.get());
  TensorImpl::release_python = release_wrapper;
  check(PyModule_AddFunctions(module, module_functions));
}

}  // namespace rushlight::python
