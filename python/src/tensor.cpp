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
  const PyTensor* t = as(self);
  if (!is_exact(self) || t->weakrefs || (t->dict && PyDict_GET_SIZE(t->dict) > 0)) return true;
  const autograd::AutogradMeta* m = autograd::meta(t->tensor);
  return t->tensor.impl()->parameter || (m && m->requires_grad);
}

// Gives up the wrapper's count of its implementation, which may end the implementation.
void drop_count(PyObject* self) { Ref<TensorImpl>::adopt(as(self)->tensor.impl()).reset(); }

// Hands the wrapper to the implementation if C++ still needs that and the wrapper is worth keeping.
bool change_sides(PyObject* self) {
  TensorImpl* impl = as(self)->tensor.ref().get();
  if (!impl || impl->python != self || impl->use_count() <= 1 || !is_distinct(self)) return false;
  impl->owns_python = true;
  return true;
}

void forget_tensor(PyObject* self) { new (&as(self)->tensor) Tensor(); }

void release_wrapper(void* object) {
  if (!Py_IsInitialized()) return;
  AcquireGil gil;
  forget_tensor(static_cast<PyObject*>(object));
  Py_DECREF(static_cast<PyObject*>(object));
}

// Ends a wrapper's ownership of its implementation.
void let_go(PyObject* self) {
  TensorImpl* impl = as(self)->tensor.ref().get();
  if (!impl) return;
  if (impl->python == self) impl->python = nullptr;
  as(self)->tensor.~Tensor();
}

// Wrappers of plain tensors come and go with every operation: dead ones wait here for the next. They are
// invisible to the garbage collector until they have attributes, which alone can close a cycle.
constexpr int kMaxWaiting = 128;
PyObject* waiting[kMaxWaiting];
int num_waiting = 0;

void free_wrapper(PyObject* self, PyTypeObject* type) {
  if (type == tensor_type && num_waiting < kMaxWaiting) waiting[num_waiting++] = self;
  else type->tp_free(self);
  Py_DECREF(type);
}

void tensor_dealloc(PyObject* self) {
  if (is_exact(self)) {
    if (change_sides(self)) {
      Py_SET_REFCNT(self, 1);  // the implementation's
      drop_count(self);
      return;
    }
  } else if (PyObject_CallFinalizerFromDealloc(self) < 0) {
    return;
  }
  PyObject_GC_UnTrack(self);
  if (as(self)->weakrefs) PyObject_ClearWeakRefs(self);
  Py_CLEAR(as(self)->dict);
  let_go(self);
  free_wrapper(self, Py_TYPE(self));
}

// Subclasses made in Python come here first (their own dealloc runs before ours and would take the attributes
// away).
void tensor_finalize(PyObject* self) {
  if (is_exact(self) || !change_sides(self)) return;
  Py_INCREF(self);  // the implementation's
  drop_count(self);
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

int tensor_setattro(PyObject* self, PyObject* name, PyObject* value) {
  const int status = PyObject_GenericSetAttr(self, name, value);
  if (as(self)->dict && !PyObject_GC_IsTracked(self)) PyObject_GC_Track(self);
  return status;
}

PyObject* tensor_dict(PyObject* self, void* context) {
  PyObject* dict = PyObject_GenericGetDict(self, context);
  if (dict && !PyObject_GC_IsTracked(self)) PyObject_GC_Track(self);
  return dict;
}

PyMemberDef tensor_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(PyTensor, weakrefs), READONLY, nullptr},
    {"__dictoffset__", T_PYSSIZET, offsetof(PyTensor, dict), READONLY, nullptr},
    {}};

Py_hash_t tensor_hash(PyObject* self) { return _Py_HashPointer(self); }

PyObject* alloc_wrapper(PyTypeObject* type, Tensor tensor) {
  PyObject* self;
  if (type == tensor_type) {
    if (num_waiting > 0) {
      self = PyObject_Init(waiting[--num_waiting], type);
      as(self)->dict = as(self)->weakrefs = nullptr;
    } else {
      self = check(type->tp_alloc(type, 0));
      PyObject_GC_UnTrack(self);
    }
  } else {
    self = check(type->tp_alloc(type, 0));
  }
  tensor.impl()->python = self;
  new (&as(self)->tensor) Tensor(std::move(tensor));
  return self;
}

PyObject* parameter_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  return guarded([&]() -> PyObject* {
    static const char* names[] = {"data", "requires_grad", nullptr};
    PyObject* data = Py_None;
    int requires_grad = 1;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|Op:Parameter", const_cast<char**>(names), &data,
                                     &requires_grad))
      throw PythonError();
    Tensor source;
    if (data == Py_None) {
      source = make_tensor(0, default_dtype());
    } else {
      RL_CHECK_AS(AttributeError, is_tensor(data), "'", Py_TYPE(data)->tp_name,
                  "' object has no attribute 'detach'");
      source = tensor_value(data);
    }
    RL_CHECK(!requires_grad || is_inexact(source.dtype()),
             "Only Tensors of floating point and complex dtype can require gradients");
    Tensor parameter = make_alias(source);
    parameter.impl()->parameter = true;
    parameter.set_requires_grad(requires_grad);
    return wrap_as(type, parameter);
  });
}

PyType_Slot parameter_slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(parameter_new)},
    {Py_tp_dealloc, reinterpret_cast<void*>(tensor_dealloc)},
    {Py_tp_finalize, reinterpret_cast<void*>(tensor_finalize)},
    {Py_tp_traverse, reinterpret_cast<void*>(tensor_traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(tensor_clear)},
    {Py_tp_doc, const_cast<char*>("Parameter(data=None, requires_grad=True)\n--\n\n"
                                  "A tensor that a Module counts among its parameters.")},
    {0, nullptr},  // for parameter_repr_slot
    {0, nullptr}};
PyType_Spec parameter_spec = {"torch.nn.parameter.Parameter", 0, 0,
                              Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, parameter_slots};

}  // namespace

PyObject* wrap(Tensor tensor) {
  if (!tensor.defined()) Py_RETURN_NONE;
  TensorImpl* impl = tensor.impl();
  if (auto* known = static_cast<PyObject*>(impl->python)) {
    if (!impl->owns_python) return Py_NewRef(known);
    impl->owns_python =
        false;  // its reference becomes the caller's, and the wrapper owns the implementation again
    new (&as(known)->tensor) Tensor(std::move(tensor));
    return known;
  }
  return alloc_wrapper(impl->parameter ? parameter_type : tensor_type, std::move(tensor));
}

PyObject* wrap_as(PyTypeObject* type, Tensor tensor) {
  if (tensor.impl()->python) tensor = make_alias(tensor);
  return alloc_wrapper(type, std::move(tensor));
}

namespace {

// Python's own words would name our type where PyTorch's name its base class. The closure is the name.
int refuse_assignment(PyObject*, PyObject*, void* name) {
  PyErr_Format(PyExc_AttributeError, "attribute '%s' of 'torch._C.TensorBase' objects is not writable",
               static_cast<const char*>(name));
  return -1;
}

}  // namespace

void add_tensor_type(PyObject* module) {
  // The type keeps pointers to these tables.
  static std::vector<PyGetSetDef>& getset = *new std::vector<PyGetSetDef>();
  static std::vector<PyMethodDef>& methods = *new std::vector<PyMethodDef>();
  for (PyGetSetDef* table : {tensor_getset, tensor_interop_getset}) {
    for (PyGetSetDef* g = table; g->name; ++g) {
      getset.push_back(*g);
      if (!g->set) getset.back().set = refuse_assignment, getset.back().closure = const_cast<char*>(g->name);
    }
  }
  getset.push_back({"__dict__", tensor_dict, PyObject_GenericSetDict, nullptr, nullptr});
  getset.push_back({});
  for (PyMethodDef* table :
       {tensor_methods, tensor_convert_methods, tensor_grad_methods, tensor_interop_methods}) {
    for (PyMethodDef* m = table; m->ml_name; ++m) methods.push_back(*m);
  }
  methods.push_back({});
  std::vector<PyType_Slot> slots = {
      {Py_tp_dealloc, reinterpret_cast<void*>(tensor_dealloc)},
      {Py_tp_finalize, reinterpret_cast<void*>(tensor_finalize)},
      {Py_tp_traverse, reinterpret_cast<void*>(tensor_traverse)},
      {Py_tp_clear, reinterpret_cast<void*>(tensor_clear)},
      {Py_tp_new, reinterpret_cast<void*>(tensor_new)},
      {Py_tp_setattro, reinterpret_cast<void*>(tensor_setattro)},
      {Py_tp_hash, reinterpret_cast<void*>(tensor_hash)},
      {Py_tp_members, tensor_members},
      {Py_tp_getset, getset.data()},
      {Py_tp_methods, methods.data()},
      {Py_tp_doc,
       const_cast<char*>("A multi-dimensional array of one dtype that can record the operations on it.")},
  };
  for (PyType_Slot* s = tensor_number_slots; s->slot; ++s) slots.push_back(*s);
  for (PyType_Slot* s = tensor_sequence_slots; s->slot; ++s) slots.push_back(*s);
  for (PyType_Slot* s = tensor_interop_slots; s->slot; ++s) slots.push_back(*s);
  slots.push_back(tensor_repr_slot);
  slots.push_back({0, nullptr});
  PyType_Spec spec = {"torch.Tensor", sizeof(PyTensor), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots.data()};
  tensor_type = add_type(module, "Tensor", &spec);
  tensor_type->tp_name = "Tensor";  // what Python's own messages call it; its module is in its dict
  // What CPython calls them when they get arguments that they do not take.
  for (const PyMethodDef& m : methods) {
    PyObject* method = m.ml_name ? PyDict_GetItemString(tensor_type->tp_dict, m.ml_name) : nullptr;
    if (!method || !Py_IS_TYPE(method, &PyMethodDescr_Type)) continue;
    Object name = take(PyUnicode_FromFormat("TensorBase.%s", m.ml_name));
    Py_XSETREF(reinterpret_cast<PyDescrObject*>(method)->d_qualname, name.release());
  }
  Object priority = take(PyLong_FromLong(1000));  // above NumPy's arrays
  check(PyDict_SetItemString(tensor_type->tp_dict, "__array_priority__", priority.get()));
  Object bases = take(PyTuple_Pack(1, tensor_type));
  std::end(parameter_slots)[-2] = parameter_repr_slot;
  parameter_type = add_type(module, "Parameter", &parameter_spec, bases.get());
  parameter_type->tp_name = "Parameter";
  TensorImpl::release_python = release_wrapper;
}

}  // namespace rushlight::python
