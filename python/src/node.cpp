#include "node.h"

#include <cstring>
#include <new>
#include <string>
#include <unordered_map>

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
std::string short_name(const autograd::Node& node) {
  const std::string full = node.name();
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
  const Ref<autograd::Node> node = node_of(self);
  return PyUnicode_FromFormat("<%s object at %p>", short_name(*node).c_str(), node.get());
}
PyObject* name(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    if (const char* known = function_name(self)) return PyUnicode_FromString(known);
    return PyUnicode_FromString(node_of(self)->name());
  });
}
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
    RL_CHECK_AS(AttributeError, leaf, "'", short_name(*node), "' object has no attribute 'variable'");
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
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};

// The type of an operation's nodes has its name: programs that draw graphs read it from there.
PyTypeObject* type_named(const std::string& name) {
  static auto* types = new std::unordered_map<std::string, PyTypeObject*>;
  PyTypeObject*& type = (*types)[name];
  if (type != nullptr) return type;
  // Without a module's name before it CPython warns; in the texts of errors it must not stand.
  static constexpr char kModule[] = "builtins.";
  static PyType_Slot own[] = {{Py_tp_dealloc, reinterpret_cast<void*>(dealloc)}, {0, nullptr}};
  auto* text = new std::string(kModule + name);  // types live as long as the process
  PyType_Spec named = {text->c_str(), sizeof(PyNode), 0,
                       Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, own};
  PyObject* made = check(PyType_FromSpecWithBases(&named, reinterpret_cast<PyObject*>(node_type)));
  type = reinterpret_cast<PyTypeObject*>(made);
  type->tp_name += std::strlen(kModule);
  return type;
}

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
    {}};

Ref<autograd::Node> node_value(PyObject* object) {
  if (PyObject_TypeCheck(object, node_type)) return reinterpret_cast<PyNode*>(object)->node;
  return function_node(object);
}

PyObject* wrap_node(const Ref<autograd::Node>& node) {
  if (!node) Py_RETURN_NONE;
  if (void* own = node->python_object()) return Py_NewRef(static_cast<PyObject*>(own));
  PyTypeObject* type = type_named(short_name(*node));
  PyObject* self = check(type->tp_alloc(type, 0));
  new (&reinterpret_cast<PyNode*>(self)->node) Ref<autograd::Node>(node);
  return self;
}

void add_node_type(PyObject* module) { node_type = add_type(module, "_Node", &spec); }

}  // namespace rushlight::python
