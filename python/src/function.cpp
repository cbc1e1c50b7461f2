#include "function.h"

#include <structmember.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "node.h"
#include "rushlight/autograd/variable.h"
#include "rushlight/ops/ops.h"
#include "tensor.h"

namespace rushlight::python {
namespace {

using autograd::Edge;
using autograd::Gradients;

class FunctionNode;
PyTypeObject* function_base;

// The context `ctx` of a call. It is also what Python sees as the node (`y.grad_fn`): the node owns it, and
// it knows the node as long as that lives.
struct PyContext {
  PyObject_HEAD FunctionNode* node;
  PyObject* dict;
  PyObject* weakrefs;
  PyObject* to_save;
  PyObject* dirty;
  PyObject* non_differentiable;
  PyObject* needs_input_grad;
  bool materialize_grads;
};
PyContext* as_context(PyObject* self) { return reinterpret_cast<PyContext*>(self); }

class FunctionNode final : public autograd::Node {
 public:
  FunctionNode(PyObject* context, std::vector<bool> is_tensor, std::vector<Edge>& edges)
      : context_(Py_NewRef(context)), is_tensor_(std::move(is_tensor)), name_(Py_TYPE(context)->tp_name) {
    if (const size_t dot = name_.rfind('.'); dot != std::string::npos) name_.erase(0, dot + 1);
    for (Edge& e : edges) add_edge(std::move(e));
    as_context(context)->node = this;
  }
  ~FunctionNode() override {
    if (!Py_IsInitialized()) return;
    AcquireGil gil;
    as_context(context_)->node = nullptr;
    Py_DECREF(context_);
  }
  const char* name() const override { return name_.c_str(); }
  void* python_object() const override { return context_; }
  void add_plain_output() { outputs_.push_back({Dims{}, DType::Bool, Device()}); }
  Gradients backward(const Gradients& grads) override;

 private:
  PyObject* gradient_argument(const Gradients& grads, uint32_t i) const;
  Gradients collect(PyObject* result) const;

  PyObject* context_;
  std::vector<bool> is_tensor_;  // for each argument of forward
  std::string name_;
};

PyObject* FunctionNode::gradient_argument(const Gradients& grads, uint32_t i) const {
  if (grads[i].defined()) return wrap(grads[i]);
  if (!as_context(context_)->materialize_grads || outputs_[i].dtype == DType::Bool) Py_RETURN_NONE;
  return wrap(zeros(outputs_[i].sizes, outputs_[i].dtype));
}

// What backward returned, one for each argument of forward, as one for each tensor argument.
Gradients FunctionNode::collect(PyObject* result) const {
  Object values = Object::share(result);
  if (!PyTuple_Check(result)) values = take(PyTuple_Pack(1, result));
  Py_ssize_t count = PyTuple_GET_SIZE(values.get());
  const auto expected = static_cast<Py_ssize_t>(is_tensor_.size());
  // Nones beyond the last argument are let pass.
  while (count > expected && PyTuple_GET_ITEM(values.get(), count - 1) == Py_None) --count;
  RL_CHECK(count == expected, "function ", name_, " returned an incorrect number of gradients (expected ",
           expected, ", got ", count, ")");
  Gradients out;
  for (Py_ssize_t i = 0; i < expected; ++i) {
    PyObject* value = PyTuple_GET_ITEM(values.get(), i);
    if (!is_tensor_[i]) {
      RL_CHECK(value == Py_None, "function ", name_, " returned a gradient different than None at position ",
               i + 1, ", but the corresponding forward input was not a Variable");
      continue;
    }
    RL_CHECK(value == Py_None || is_tensor(value), "expected Variable or None (got ", Py_TYPE(value)->tp_name,
             ")");
    out.push_back(value == Py_None ? Tensor() : tensor_value(value));
  }
  return out;
}

Gradients FunctionNode::backward(const Gradients& grads) {
  AcquireGil gil;
  Object arguments = take(PyTuple_New(1 + grads.size()));
  PyTuple_SET_ITEM(arguments.get(), 0, Py_NewRef(context_));
  for (uint32_t i = 0; i < grads.size(); ++i)
    PyTuple_SET_ITEM(arguments.get(), 1 + i, check(gradient_argument(grads, i)));
  Object function_class = take(PyObject_GetAttrString(context_, "_forward_cls"));
  Object function = take(PyObject_GetAttrString(function_class.get(), "backward"));
  Object result = take(PyObject_Call(function.get(), arguments.get(), nullptr));
  return collect(result.get());
}

// ---- a call of apply

// What the arguments hold, seen before forward can change them.
struct Inputs {
  std::vector<bool> is_tensor;
  std::vector<PyObject*> tensors;  // borrowed from the arguments
  std::vector<Edge> edges;
  bool recorded = false;

  explicit Inputs(PyObject* arguments) {
    const bool enabled = autograd::grad_enabled();
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(arguments); ++i) {
      PyObject* o = PyTuple_GET_ITEM(arguments, i);
      is_tensor.push_back(python::is_tensor(o));
      if (!is_tensor.back()) continue;
      tensors.push_back(o);
      edges.push_back(enabled ? autograd::gradient_edge(tensor_value(o)) : Edge());
      recorded = recorded || edges.back();
    }
  }
  PyObject* needs_grad(PyObject* arguments) const {
    Object tuple = take(PyTuple_New(PyTuple_GET_SIZE(arguments)));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(arguments); ++i) {
      PyObject* o = PyTuple_GET_ITEM(arguments, i);
      PyTuple_SET_ITEM(tuple.get(), i,
                       PyBool_FromLong(python::is_tensor(o) && tensor_value(o).requires_grad()));
    }
    return tuple.release();
  }
  bool contains(PyObject* o) const { return std::find(tensors.begin(), tensors.end(), o) != tensors.end(); }
};

bool tuple_contains(PyObject* tuple, PyObject* o) {
  if (!tuple) return false;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); ++i)
    if (PyTuple_GET_ITEM(tuple, i) == o) return true;
  return false;
}

void check_tensors(PyObject* tuple, const char* method, const char* words, bool allow_none) {
  for (Py_ssize_t i = 0; tuple && i < PyTuple_GET_SIZE(tuple); ++i) {
    PyObject* o = PyTuple_GET_ITEM(tuple, i);
    RL_CHECK_AS(TypeError, is_tensor(o) || (allow_none && o == Py_None), method, " can only ", words,
                " variables, but argument ", i, " is of type ", Py_TYPE(o)->tp_name);
  }
}

// The class of contexts of a Function: "ExpBackward" for class Exp. Made at the first call and kept in the
// class.
Object context_class(PyObject* cls) {
  PyObject* own = reinterpret_cast<PyTypeObject*>(cls)->tp_dict;
  if (PyObject* known = own ? PyDict_GetItemString(own, "_backward_cls") : nullptr)
    return Object::share(known);
  Object name = take(PyUnicode_FromFormat("%sBackward", reinterpret_cast<PyTypeObject*>(cls)->tp_name));
  Object dict =
      take(Py_BuildValue("{s:O,s:s}", "_forward_cls", cls, "__module__", "torch.autograd.function"));
  Object made = take(PyObject_CallFunction(reinterpret_cast<PyObject*>(&PyType_Type), "O(O)O", name.get(),
                                           function_base, dict.get()));
  check(PyObject_SetAttrString(cls, "_backward_cls", made.get()));
  return made;
}

bool overrides_setup_context(PyObject* cls) {
  Object own = take(PyObject_GetAttrString(cls, "setup_context"));
  return !PyObject_HasAttrString(own.get(), "_is_default");
}

// forward(*arguments) and setup_context(ctx, arguments, output), or forward(ctx, *arguments).
Object call_forward(PyObject* cls, PyObject* context, PyObject* arguments) {
  autograd::NoGrad guard;
  Object forward = take(PyObject_GetAttrString(cls, "forward"));
  if (overrides_setup_context(cls)) {
    Object output = take(PyObject_Call(forward.get(), arguments, nullptr));
    take(PyObject_CallMethod(cls, "setup_context", "OOO", context, arguments, output.get()));
    return output;
  }
  Object all = take(PyTuple_New(1 + PyTuple_GET_SIZE(arguments)));
  PyTuple_SET_ITEM(all.get(), 0, Py_NewRef(context));
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(arguments); ++i) {
    PyTuple_SET_ITEM(all.get(), 1 + i, Py_NewRef(PyTuple_GET_ITEM(arguments, i)));
  }
  return take(PyObject_Call(forward.get(), all.get(), nullptr));
}

Tensor alias_of(const Tensor& t) {
  autograd::NoGrad guard;
  Tensor alias = make_alias(t);
  if (!t.impl()->view_base) return alias;
  autograd::set_view(alias, t);
  if (autograd::AutogradMeta* m = autograd::meta(alias)) m->requires_grad = false;  // the function decides
  return alias;
}

// Makes one output of forward the output of the node (null when nothing is recorded) and returns what the
// caller gets.
Object attach_output(PyContext* context, const Inputs& inputs, FunctionNode* node, PyObject* output) {
  if (!is_tensor(output)) {
    if (node) node->add_plain_output();
    return Object::share(output);
  }
  const Tensor& t = tensor_value(output);
  const bool is_input = inputs.contains(output), is_dirty = tuple_contains(context->dirty, output);
  const bool differentiable = is_inexact(t.dtype()) && !tuple_contains(context->non_differentiable, output);
  if (is_dirty) {
    RL_CHECK(is_input, "mark_dirty: only inputs that are returned can be marked as modified");
    if (!node) {
      t.bump_version();
      return Object::share(output);
    }
    RL_CHECK(!(t.requires_grad() && t.is_leaf()),
             "a leaf Variable that requires grad has been used in an in-place operation.");
    autograd::check_in_place(t);
    autograd::rebase_history(t, Ref<autograd::Node>(node));
    return Object::share(output);
  }
  Object result = Object::share(output);
  if (is_input) result = take(wrap(alias_of(t)));
  if (!node) return result;
  if (differentiable) {
    node->add_output(tensor_value(result.get()));
  } else {
    node->add_plain_output();
  }
  return result;
}

Object attach_outputs(PyContext* context, const Inputs& inputs, FunctionNode* node, PyObject* raw) {
  if (!PyTuple_Check(raw)) return attach_output(context, inputs, node, raw);
  const Py_ssize_t n = PyTuple_GET_SIZE(raw);
  Object tuple = take(PyTuple_New(n));
  for (Py_ssize_t i = 0; i < n; ++i)
    PyTuple_SET_ITEM(tuple.get(), i,
                     attach_output(context, inputs, node, PyTuple_GET_ITEM(raw, i)).release());
  return tuple;
}

void save_tensors(PyContext* context, FunctionNode& node, PyObject* raw) {
  for (Py_ssize_t i = 0; context->to_save && i < PyTuple_GET_SIZE(context->to_save); ++i) {
    PyObject* o = PyTuple_GET_ITEM(context->to_save, i);
    const bool is_output = o == raw || (PyTuple_Check(raw) && tuple_contains(raw, o));
    node.save(o == Py_None ? Tensor() : tensor_value(o), is_output);
  }
  Py_CLEAR(context->to_save);
}

Object apply_to(PyObject* cls, PyObject* arguments) {
  Inputs inputs(arguments);
  Object type = context_class(cls);
  Object owned = take(
      reinterpret_cast<PyTypeObject*>(type.get())->tp_alloc(reinterpret_cast<PyTypeObject*>(type.get()), 0));
  PyContext* context = as_context(owned.get());
  context->materialize_grads = true;
  context->needs_input_grad = inputs.needs_grad(arguments);
  Object raw = call_forward(cls, owned.get(), arguments);
  check_tensors(context->dirty, "mark_dirty", "accept", false);
  check_tensors(context->non_differentiable, "mark_non_differentiable", "accept", false);
  check_tensors(context->to_save, "save_for_backward", "save", true);
  if (!inputs.recorded) return attach_outputs(context, inputs, nullptr, raw.get());
  const Ref<FunctionNode> node = make_ref<FunctionNode>(owned.get(), inputs.is_tensor, inputs.edges);
  Object result = attach_outputs(context, inputs, node.get(), raw.get());
  save_tensors(context, *node, raw.get());
  return result;
}

PyObject* apply(PyObject* cls, PyObject* args, PyObject* kwargs) {
  return guarded([&]() -> PyObject* {
    if ((!kwargs || PyDict_GET_SIZE(kwargs) == 0) && !overrides_setup_context(cls))
      return apply_to(cls, args).release();
    // Defaults and keywords are put in their places by forward's signature.
    Object bind = take(PyObject_GetAttrString(cls, "_bind_arguments"));
    Object bound = take(PyObject_Call(bind.get(), args, kwargs));
    return apply_to(cls, bound.get()).release();
  });
}

// ---- the methods of ctx

PyObject* keep_tuple(PyObject** slot, PyObject* args) {
  Py_XSETREF(*slot, Py_NewRef(args));
  Py_RETURN_NONE;
}
PyObject* save_for_backward(PyObject* self, PyObject* args) {
  return keep_tuple(&as_context(self)->to_save, args);
}
PyObject* mark_dirty(PyObject* self, PyObject* args) { return keep_tuple(&as_context(self)->dirty, args); }
PyObject* mark_non_differentiable(PyObject* self, PyObject* args) {
  return keep_tuple(&as_context(self)->non_differentiable, args);
}
PyObject* set_materialize_grads(PyObject* self, PyObject* value) {
  const int truth = PyObject_IsTrue(value);
  if (truth < 0) return nullptr;
  as_context(self)->materialize_grads = truth;
  Py_RETURN_NONE;
}
PyObject* nothing(PyObject*, PyObject*) { Py_RETURN_NONE; }

PyObject* saved_tensors(PyObject* self, void*) {
  return guarded([&]() -> PyObject* {
    const FunctionNode* node = as_context(self)->node;
    if (!node) return as_context(self)->to_save ? Py_NewRef(as_context(self)->to_save) : PyTuple_New(0);
    RL_CHECK(!node->is_released(), autograd::kReleasedMessage);
    Object tuple = take(PyTuple_New(node->num_saved()));
    for (size_t i = 0; i < node->num_saved(); ++i) PyTuple_SET_ITEM(tuple.get(), i, wrap(node->saved(i)));
    return tuple.release();
  });
}
PyObject* needs_input_grad(PyObject* self, void*) {
  PyObject* tuple = as_context(self)->needs_input_grad;
  return Py_NewRef(tuple ? tuple : Py_None);
}
int set_needs_input_grad(PyObject* self, PyObject* value, void*) {
  Py_XSETREF(as_context(self)->needs_input_grad, Py_XNewRef(value));
  return 0;
}
PyObject* materialize_grads(PyObject* self, void*) {
  return PyBool_FromLong(as_context(self)->materialize_grads);
}

int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(as_context(self)->dict);
  Py_VISIT(as_context(self)->to_save);
  Py_VISIT(as_context(self)->dirty);
  Py_VISIT(as_context(self)->non_differentiable);
  return 0;
}
int clear(PyObject* self) {
  Py_CLEAR(as_context(self)->dict);
  Py_CLEAR(as_context(self)->to_save);
  Py_CLEAR(as_context(self)->dirty);
  Py_CLEAR(as_context(self)->non_differentiable);
  return 0;
}
void dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  if (as_context(self)->weakrefs) PyObject_ClearWeakRefs(self);
  clear(self);
  Py_CLEAR(as_context(self)->needs_input_grad);
  type->tp_free(self);
  Py_DECREF(type);
}

PyMemberDef members[] = {{"__weaklistoffset__", T_PYSSIZET, offsetof(PyContext, weakrefs), READONLY, nullptr},
                         {"__dictoffset__", T_PYSSIZET, offsetof(PyContext, dict), READONLY, nullptr},
                         {}};
PyMethodDef own_methods[] = {
    {"apply", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(apply)),
     METH_VARARGS | METH_KEYWORDS | METH_CLASS, "Runs forward and records it."},
    {"save_for_backward", save_for_backward, METH_VARARGS,
     "Keeps tensors for backward, which finds them as ctx.saved_tensors."},
    {"save_for_forward", nothing, METH_VARARGS, "Has no effect: forward mode does not exist."},
    {"mark_dirty", mark_dirty, METH_VARARGS, "These inputs were changed in place."},
    {"mark_non_differentiable", mark_non_differentiable, METH_VARARGS, "These outputs have no gradient."},
    {"set_materialize_grads", set_materialize_grads, METH_O,
     "Are gradients that are not there given to backward as zeros."},
    {}};
PyGetSetDef own_getset[] = {
    {"saved_tensors", saved_tensors, nullptr, "What save_for_backward kept.", nullptr},
    {"needs_input_grad", needs_input_grad, set_needs_input_grad,
     "For each argument of forward: is its gradient wanted.", nullptr},
    {"materialize_grads", materialize_grads, nullptr,
     "Are gradients that are not there given to backward as zeros.", nullptr},
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr},
    {}};

}  // namespace

Ref<autograd::Node> function_node(PyObject* context) {
  FunctionNode* node = PyObject_TypeCheck(context, function_base) ? as_context(context)->node : nullptr;
  RL_CHECK(node, "this object stands for no node of a graph: its graph is gone, or it was never part of one");
  return Ref<autograd::Node>(node);
}

const char* function_name(PyObject* object) {
  if (!PyObject_TypeCheck(object, function_base)) return nullptr;
  const char* full = Py_TYPE(object)->tp_name;
  const char* dot = std::strrchr(full, '.');
  return dot ? dot + 1 : full;
}

void add_function_type(PyObject* module) {
  // Contexts are nodes, too. The type keeps pointers to these tables.
  static std::vector<PyMethodDef>& methods = *new std::vector<PyMethodDef>();
  static std::vector<PyGetSetDef>& getset = *new std::vector<PyGetSetDef>();
  for (PyMethodDef* table : {own_methods, node_methods})
    for (PyMethodDef* m = table; m->ml_name; ++m) methods.push_back(*m);
  for (PyGetSetDef* table : {own_getset, node_getset})
    for (PyGetSetDef* g = table; g->name; ++g) getset.push_back(*g);
  methods.push_back({});
  getset.push_back({});
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
                         {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
                         {Py_tp_clear, reinterpret_cast<void*>(clear)},
                         {Py_tp_members, members},
                         {Py_tp_methods, methods.data()},
                         {Py_tp_getset, getset.data()},
                         {0, nullptr}};
  PyType_Spec spec = {"torch._C._FunctionBase", sizeof(PyContext), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots};
  function_base = add_type(module, "_FunctionBase", &spec);
}

}  // namespace rushlight::python
