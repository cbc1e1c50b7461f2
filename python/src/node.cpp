#include "node.h"

#include <new>
#include <string>

#include "function.h"
#include "hooks.h"
#include "rushlight/autograd/accumulate.h"
#include "tensor.h"

namespace rushlight::python {
namespace {

PyTypeObject* node_type;

struct PyNode {
  PyObject_HEAD Ref<autograd::Node> node;
};
Ref<autograd::Node> node_of(PyObject* self) { return node_value(self); }

// "AddBackward0"; accumulators carry their namespace in name() but not in repr.
std::string short_name(PyObject* self) {
  const std::string full = node_of(self)->name();
  const size_t colon = full.rfind(':');
  return colon == std::string::npos ? full : full.substr(colon + 1);
}

void dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  Ref<autograd::Node> node = std::move(reinterpret_cast<PyNode*>(self)->node);
  reinterpret_cast<PyNode*>(self)->node.~Ref();
  type->tp_free(self);
  Py_DECREF(type);
  autograd::release_iteratively(std::move(node));
}
PyObject* repr(PyObject* self) {
  return PyUnicode_FromFormat("<%s object at %p>", short_name(self).c_str(), node_of(self).get());
}
PyObject* name(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    if (const char* known = function_name(self)) return PyUnicode_FromString(known);
    return PyUnicode_FromString(node_of(self)->name());
  });
}
PyObject* get_name(PyObject* self, void*) { return PyUnicode_FromString(short_name(self).c_str()); }
PyObject* register_hook(PyObject* self, PyObject* function) {
  return guarded([&]() -> PyObject* { return add_node_hook(*node_of(self), function, false); });
}
PyObject* register_prehook(PyObject* self, PyObject* function) {
  return guarded([&]() -> PyObject* { return add_node_hook(*node_of(self), function, true); });
}
PyObject* sequence_number(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* { return PyLong_FromUnsignedLongLong(node_of(self)->sequence()); });
}
PyObject* next_functions(PyObject* self, void*) {
  return guarded([&]() -> PyObject* {
    const Ref<autograd::Node> node = node_of(self);
    const auto& edges = node->edges();
    Object out = take(PyTuple_New(edges.size()));
    for (size_t i = 0; i < edges.size(); ++i) {
      PyTuple_SET_ITEM(out.get(), i, check(Py_BuildValue("(NI)", wrap_node(edges[i].node), edges[i].slot)));
    }
    return out.release();
  });
}
PyObject* variable(PyObject* self, void*) {
  return guarded([&]() -> PyObject* {
    const Ref<autograd::Node> node = node_of(self);
    const auto* leaf = dynamic_cast<autograd::AccumulateGrad*>(node.get());
    RL_CHECK_AS(AttributeError, leaf, "'", short_name(self), "' object has no attribute 'variable'");
    return wrap(leaf->leaf());
  });
}
Py_hash_t hash(PyObject* self) { return _Py_HashPointer(node_of(self).get()); }
PyObject* compare(PyObject* a, PyObject* b, int op) {
  if ((op != Py_EQ && op != Py_NE) || !PyObject_TypeCheck(b, node_type)) Py_RETURN_NOTIMPLEMENTED;
  return PyBool_FromLong((node_of(a) == node_of(b)) == (op == Py_EQ));
}

PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
                       {Py_tp_repr, reinterpret_cast<void*>(repr)},
                       {Py_tp_hash, reinterpret_cast<void*>(hash)},
                       {Py_tp_richcompare, reinterpret_cast<void*>(compare)},
                       {Py_tp_methods, node_methods},
                       {Py_tp_getset, node_getset},
                       {0, nullptr}};
PyType_Spec spec = {"torch.autograd.graph.Node", sizeof(PyNode), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};

}  // namespace

PyMethodDef node_methods[] = {
    {"name", name, METH_NOARGS, "PyTorch's name of the operation."},
    {"register_hook", register_hook, METH_O,
     "Calls a function with the gradients of inputs and outputs, after the node has run."},
    {"register_prehook", register_prehook, METH_O,
     "Calls a function with the gradients of the outputs, before the node runs."},
    {"_sequence_nr", sequence_number, METH_NOARGS, "Larger for nodes that were made later."},
    {}};
PyGetSetDef node_getset[] = {
    {"next_functions", next_functions, nullptr, "Where the gradients of the inputs go.", nullptr},
    {"variable", variable, nullptr, "The leaf of an accumulator.", nullptr},
    {"__name__", get_name, nullptr, nullptr, nullptr},
    {}};

Ref<autograd::Node> node_value(PyObject* object) {
  if (PyObject_TypeCheck(object, node_type)) return reinterpret_cast<PyNode*>(object)->node;
  return function_node(object);
}

PyObject* wrap_node(const Ref<autograd::Node>& node) {
  if (!node) Py_RETURN_NONE;
  if (void* own = node->python_object()) return Py_NewRef(static_cast<PyObject*>(own));
  PyObject* self = check(node_type->tp_alloc(node_type, 0));
  new (&reinterpret_cast<PyNode*>(self)->node) Ref<autograd::Node>(node);
  return self;
}

void add_node_type(PyObject* module) { node_type = add_type(module, "_Node", &spec); }

}  // namespace rushlight::python
