#include "saved_hooks.h"

#include "rushlight/autograd/hooks.h"
#include "tensor.h"

namespace rushlight::python {
namespace {

using autograd::PackedTensor;

// A Python object that may be let go of on a thread without the interpreter's lock.
class Shared {
 public:
  explicit Shared(PyObject* object) : object_(Py_NewRef(object)) {}
  Shared(const Shared&) = delete;
  ~Shared() {
    if (!Py_IsInitialized()) return;
    AcquireGil gil;
    Py_DECREF(object_);
  }
  PyObject* get() const { return object_; }

 private:
  PyObject* object_;
};

class Packed final : public PackedTensor {
 public:
  Packed(PyObject* object, PyObject* unpack) : object_(object), unpack_(unpack) {}
  Tensor unpack() override {
    AcquireGil gil;
    Object result = take(PyObject_CallOneArg(unpack_.get(), object_.get()));
    RL_CHECK_AS(TypeError, is_tensor(result.get()),
                "Output of saved tensor unpack_hook expected to be a Tensor but got result of type ",
                Py_TYPE(result.get())->tp_name);
    return tensor_value(result.get());
  }

 private:
  Shared object_, unpack_;
};

class Hooks final : public autograd::SavedTensorHooks {
 public:
  Hooks(PyObject* pack, PyObject* unpack) : pack_(pack), unpack_(unpack) {}
  Ref<PackedTensor> pack(const Tensor& tensor) override {
    AcquireGil gil;
    Object original = take(wrap(tensor));
    Object packed = take(PyObject_CallOneArg(pack_.get(), original.get()));
    // The tensor itself would keep its history alive, and with it what is packed here.
    if (packed.get() == original.get() && !tensor.is_leaf()) packed = take(wrap(tensor.detach()));
    return make_ref<Packed>(packed.get(), unpack_.get());
  }

 private:
  Shared pack_, unpack_;
};

PyObject* push(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *pack, *unpack;
    if (!PyArg_ParseTuple(args, "OO:saved_tensors_hooks", &pack, &unpack)) throw PythonError();
    RL_CHECK_AS(TypeError, PyCallable_Check(pack) && PyCallable_Check(unpack),
                "hooks on saved tensors must be callable");
    autograd::push_saved_tensor_hooks(make_ref<Hooks>(pack, unpack));
    Py_RETURN_NONE;
  });
}

PyObject* pop(PyObject*, PyObject*) {
  return guarded([&]() -> PyObject* {
    autograd::pop_saved_tensor_hooks();
    Py_RETURN_NONE;
  });
}

PyObject* disable(PyObject*, PyObject* message) {
  return guarded([&]() -> PyObject* {
    std::optional<std::string> text;
    if (message != Py_None) {
      const char* utf8 = PyUnicode_AsUTF8(message);
      if (!utf8) throw PythonError();
      text = utf8;
    }
    const std::optional<std::string> before = autograd::disable_saved_tensor_hooks(std::move(text));
    if (!before) Py_RETURN_NONE;
    return PyUnicode_FromStringAndSize(before->data(), static_cast<Py_ssize_t>(before->size()));
  });
}

PyObject* increment_version(PyObject*, PyObject* tensor) {
  return guarded([&]() -> PyObject* {
    RL_CHECK_AS(TypeError, is_tensor(tensor), "increment_version() takes a tensor, not ",
                Py_TYPE(tensor)->tp_name);
    tensor_value(tensor).bump_version();
    Py_RETURN_NONE;
  });
}

PyMethodDef functions[] = {
    {"_push_saved_tensor_hooks", push, METH_VARARGS,
     "From now on this thread's saved tensors go through these hooks."},
    {"_pop_saved_tensor_hooks", pop, METH_NOARGS, "Ends the hooks that were pushed last."},
    {"_disable_saved_tensor_hooks", disable, METH_O,
     "Refuses hooks with this text, or accepts them again (None)."},
    {"_increment_version", increment_version, METH_O, "Counts a change that nobody else has seen."},
    {}};

}  // namespace

void add_saved_hooks(PyObject* module) { check(PyModule_AddFunctions(module, functions)); }

}  // namespace rushlight::python
