#include "hooks.h"

#include <new>

#include "rushlight/autograd/hooks.h"
#include "tensor.h"

namespace rushlight::python {
namespace {

using autograd::Gradients;

// Holds a function until it is removed or the graph goes; the graph may go on a thread without the lock.
class FunctionHook : public autograd::Node::Hook {
 public:
  explicit FunctionHook(PyObject* function) : function_(Py_NewRef(function)) {}
  ~FunctionHook() override {
    if (!function_ || !Py_IsInitialized()) return;
    AcquireGil gil;
    Py_CLEAR(function_);
  }
  void remove() { Py_CLEAR(function_); }

 protected:
  // The function's result, or null when it returned None or was removed. Takes two arguments at most.
  Object call(PyObject* first, PyObject* second = nullptr) {
    if (!function_) return {};
    Object function = Object::share(function_);  // it may remove itself
    Object result = take(PyObject_CallFunctionObjArgs(function.get(), first, second, nullptr));
    return result.get() == Py_None ? Object() : result;
  }
  std::string function_name() const {
    Object name = Object::steal(function_ ? PyObject_GetAttrString(function_, "__name__") : nullptr);
    PyErr_Clear();
    return name && PyUnicode_Check(name.get()) ? PyUnicode_AsUTF8(name.get()) : "<hook>";
  }
  // A replacement for `before`.
  Tensor checked(PyObject* result, const Tensor& before) const {
    RL_CHECK_AS(TypeError, is_tensor(result), "expected Variable, but hook returned '",
                Py_TYPE(result)->tp_name, "'");
    const Tensor& after = tensor_value(result);
    if (!before.defined()) return after;
    RL_CHECK(after.dtype() == before.dtype(), "hook '", function_name(),
             "' has changed the type of value (was torch.", info(before.dtype()).message_name,
             "Tensor got torch.", info(after.dtype()).message_name, "Tensor)");
    RL_CHECK(after.sizes() == before.sizes(), "hook '", function_name(), "' has changed the size of value");
    return after;
  }
  void replace(Gradients& gradients, PyObject* result) const {
    Object items = take(PySequence_Tuple(is_tensor(result) ? take(PyTuple_Pack(1, result)).get() : result));
    RL_CHECK(PyTuple_GET_SIZE(items.get()) == gradients.size(), "hook '", function_name(),
             "' has returned an incorrect number of values (got ", PyTuple_GET_SIZE(items.get()),
             ", but expected ", gradients.size(), ")");
    for (uint32_t i = 0; i < gradients.size(); ++i) {
      PyObject* item = PyTuple_GET_ITEM(items.get(), i);
      if (item != Py_None) gradients[i] = checked(item, gradients[i]);
      else gradients[i] = Tensor();
    }
  }

 private:
  PyObject* function_;
};

struct TensorHook final : FunctionHook {
  using FunctionHook::FunctionHook;
  void run(Gradients&, Gradients& outputs) override {
    if (!outputs[0].defined()) return;
    AcquireGil gil;
    Object gradient = take(wrap(outputs[0]));
    if (Object result = call(gradient.get())) outputs[0] = checked(result.get(), outputs[0]);
  }
};

struct PostAccumulateHook final : FunctionHook {
  using FunctionHook::FunctionHook;
  void run(Gradients&, Gradients& outputs) override {
    AcquireGil gil;
    Object leaf = take(wrap(outputs[0]));
    const Object result = call(leaf.get());
    if (!result) return;
    RL_CHECK_AS(TypeError, is_tensor(result.get()), "expected Variable, but hook returned '",
                Py_TYPE(result.get())->tp_name, "'");
    throw_error<RuntimeError>("Tensor post accumulate grad hooks should return None.");
  }
};

struct NodePreHook final : FunctionHook {
  using FunctionHook::FunctionHook;
  void run(Gradients&, Gradients& outputs) override {
    AcquireGil gil;
    Object gradients = take(wrap_gradients(outputs));
    if (Object result = call(gradients.get())) replace(outputs, result.get());
  }
};

struct NodePostHook final : FunctionHook {
  using FunctionHook::FunctionHook;
  void run(Gradients& inputs, Gradients& outputs) override {
    AcquireGil gil;
    Object in = take(wrap_gradients(inputs)), out = take(wrap_gradients(outputs));
    if (Object result = call(in.get(), out.get())) replace(inputs, result.get());
  }
};

// torch.utils.hooks.RemovableHandle
struct PyHandle {
  PyObject_HEAD Ref<FunctionHook> hook;
  long long id;
};
PyTypeObject* handle_type;

PyHandle* as_handle(PyObject* self) { return reinterpret_cast<PyHandle*>(self); }

void handle_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  as_handle(self)->hook.~Ref();
  type->tp_free(self);
  Py_DECREF(type);
}
PyObject* handle_remove(PyObject* self, PyObject*) {
  as_handle(self)->hook->remove();
  Py_RETURN_NONE;
}
PyObject* handle_enter(PyObject* self, PyObject*) { return Py_NewRef(self); }
PyObject* handle_exit(PyObject* self, PyObject*) { return handle_remove(self, nullptr); }
PyObject* handle_id(PyObject* self, void*) { return PyLong_FromLongLong(as_handle(self)->id); }

PyMethodDef handle_methods[] = {{"remove", handle_remove, METH_NOARGS, "Ends the hook."},
                                {"__enter__", handle_enter, METH_NOARGS, "Scope of the hook."},
                                {"__exit__", handle_exit, METH_VARARGS, "Ends the hook."},
                                {}};
PyGetSetDef handle_getset[] = {{"id", handle_id, nullptr, "A number of its own.", nullptr}, {}};
PyType_Slot handle_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(handle_dealloc)},
                              {Py_tp_methods, handle_methods},
                              {Py_tp_getset, handle_getset},
                              {0, nullptr}};
PyType_Spec handle_spec = {"torch.utils.hooks.RemovableHandle", sizeof(PyHandle), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, handle_slots};

PyObject* make_handle(Ref<FunctionHook> hook) {
  static long long next_id = 0;
  PyObject* self = check(handle_type->tp_alloc(handle_type, 0));
  new (&as_handle(self)->hook) Ref<FunctionHook>(std::move(hook));
  as_handle(self)->id = next_id++;
  return self;
}

}  // namespace

PyObject* add_tensor_hook(PyObject* tensor, PyObject* function) {
  Ref<FunctionHook> hook = make_ref<TensorHook>(function);
  autograd::add_hook(tensor_value(tensor), hook);
  return make_handle(std::move(hook));
}

PyObject* add_post_accumulate_hook(PyObject* tensor, PyObject* function) {
  Ref<FunctionHook> hook = make_ref<PostAccumulateHook>(function);
  autograd::add_post_accumulate_hook(tensor_value(tensor), hook);
  return make_handle(std::move(hook));
}

PyObject* add_node_hook(autograd::Node& node, PyObject* function, bool before) {
  Ref<FunctionHook> hook = before ? Ref<FunctionHook>(make_ref<NodePreHook>(function))
                                  : Ref<FunctionHook>(make_ref<NodePostHook>(function));
  (before ? node.pre_hooks : node.post_hooks).push_back(hook);
  return make_handle(std::move(hook));
}

PyObject* wrap_gradients(const Gradients& gradients) {
  Object tuple = take(PyTuple_New(gradients.size()));
  for (uint32_t i = 0; i < gradients.size(); ++i) PyTuple_SET_ITEM(tuple.get(), i, wrap(gradients[i]));
  return tuple.release();
}

void add_hook_types(PyObject* module) { handle_type = add_type(module, "_RemovableHandle", &handle_spec); }

}  // namespace rushlight::python
