// What C++ modules ask of the Python objects that own them.
#include <typeindex>
#include <unordered_map>

#include "../types.h"
#include "nn.h"

namespace rushlight::python {

namespace {

const char* utf8(PyObject* text) {
  const char* s = PyUnicode_Check(text) ? PyUnicode_AsUTF8(text) : "";
  if (!s) throw PythonError();
  return s;
}

const Tensor tensor_or_none(PyObject* o) {
  if (o == Py_None) return Tensor();
  RL_CHECK_AS(TypeError, is_tensor(o), "expected Tensor, got ", Py_TYPE(o)->tp_name);
  return tensor_value(o);
}

// A module written in Python, as C++ sees it: a counted handle that owns one Python reference. Made when C++
// asks.
class PythonModule final : public nn::Module {
 public:
  explicit PythonModule(PyObject* object) { self_ = Py_NewRef(object); }
  ~PythonModule() override { nn::peer->release(self_); }
  Tensor forward(const Tensor& x) override { return nn::peer->call(*this, self_, {x}); }
  Tensor forward(const Tensor& x, const Tensor& y) override { return nn::peer->call(*this, self_, {x, y}); }
};

class PythonPeer final : public nn::Peer {
 public:
  void retain(void* self) override {
    Gil gil;
    Py_INCREF(of(self));
  }
  void release(void* self) override {
    if (!Py_IsInitialized()) return;  // a C++ static outlived the interpreter
    Gil gil;
    surviving_exit([&] { Py_DECREF(of(self)); });
  }

  Tensor call(nn::Module&, void* self, std::initializer_list<Tensor> inputs) override {
    Gil gil;
    if (inputs.size() == 1 && is_builtin(of(self)) && runs_native(of(self)) &&
        core_of(of(self)).info->unary) {
      return run_native(of(self), *inputs.begin());
    }
    PyObject* stack[4] = {nullptr};
    Object keep[3];
    size_t n = 0;
    for (const Tensor& t : inputs) stack[1 + n] = (keep[n] = take(wrap(t))).get(), ++n;
    Object result = take(surviving_exit([&] {
      return PyObject_Vectorcall(of(self), stack + 1, n | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
    }));
    RL_CHECK_AS(TypeError, is_tensor(result.get()), "expected ", class_name(self),
                " to return a Tensor, not ", Py_TYPE(result.get())->tp_name);
    return tensor_value(result.get());
  }

  Tensor tensor(void* self, const Name& name) override {
    Gil gil;
    PyObject* key = key_of(name);
    PyObject* registry = registry_of(dict_of(of(self)), str.parameters);
    PyObject* found = registry && PyDict_CheckExact(registry) ? find(registry, key) : nullptr;
    Object v = found ? Object::share(found)
                     : take(PyObject_GetAttr(of(self), key));  // property, plain tensor, buffer
    return tensor_or_none(v.get());
  }
  void set_tensor(void* self, const Name& name, const Tensor& value) override {
    Gil gil;
    Object v = take(wrap(value));
    check(PyObject_SetAttr(of(self), key_of(name), v.get()));
  }
  nn::Named<Tensor> parameters(void* self) override {
    Gil gil;
    nn::Named<Tensor> out;
    each(self, str.parameters,
         [&](PyObject* key, PyObject* value) { out.emplace_back(utf8(key), tensor_or_none(value)); });
    return out;
  }
  nn::Named<nn::Buffer> buffers(void* self) override {
    Gil gil;
    nn::Named<nn::Buffer> out;
    PyObject* hidden = find(dict_of(of(self)), str.non_persistent);
    each(self, str.buffers, [&](PyObject* key, PyObject* value) {
      const bool persistent = !hidden || PySequence_Contains(hidden, key) <= 0;
      out.emplace_back(utf8(key), nn::Buffer{tensor_or_none(value), persistent});
    });
    return out;
  }
  nn::Named<Shared<nn::Module>> children(void* self) override {
    Gil gil;
    nn::Named<Shared<nn::Module>> out;
    each(self, str.modules, [&](PyObject* key, PyObject* value) {
      if (value != Py_None) out.emplace_back(utf8(key), module_from_python(value));
    });
    return out;
  }
  void set_child(void* self, const std::string& name, nn::Module& child) override {
    Gil gil;
    Object c = take(module_to_python(child));
    check(PyObject_SetAttrString(of(self), name.c_str(), c.get()));
  }

  bool training(void* self) override {
    Gil gil;
    PyObject* t = find(dict_of(of(self)), str.training);
    return !t || PyObject_IsTrue(t) > 0;
  }
  void set_training(void* self, bool mode) override {
    Gil gil;
    check(PyObject_SetAttr(of(self), str.training, mode ? Py_True : Py_False));
  }
  void read_options(nn::Module&, void* self) override {
    Gil gil;
    if (is_builtin(of(self))) python::read_options(of(self), core_of(of(self)));
  }

  std::string show(void* self, const std::string& attribute, bool quoted) override {
    Gil gil;
    Object value = take(PyObject_GetAttrString(of(self), attribute.c_str()));
    Object text = take(quoted ? PyObject_Repr(value.get()) : PyObject_Str(value.get()));
    return utf8(text.get());
  }
  std::string class_name(void* self) override {
    Gil gil;
    return _PyType_Name(Py_TYPE(of(self)));
  }
  std::string extra_repr(nn::Module&, void* self) override {
    Gil gil;
    Object text = take(PyObject_CallMethodNoArgs(of(self), str.extra_repr));
    return utf8(text.get());
  }

 private:
  static PyObject* of(void* self) { return static_cast<PyObject*>(self); }
  template <class F>
  static void each(void* self, PyObject* registry_name, F&& f) {
    Object registry = Object::share(registry_of(dict_of(of(self)), registry_name));
    PyObject *key, *value;
    for (Py_ssize_t pos = 0; registry && PyDict_Next(registry.get(), &pos, &key, &value);) f(key, value);
  }
};

}  // namespace

void install_peer() {
  static PythonPeer instance;
  nn::peer = &instance;
}

Shared<nn::Module> module_from_python(PyObject* o) {
  if (is_builtin(o)) return Shared<nn::Module>(core_of(o).module);
  RL_CHECK_AS(TypeError, is_module(o), Py_TYPE(o)->tp_name, " is not a Module subclass");
  return Shared<nn::Module>(new PythonModule(o));
}

}  // namespace rushlight::python
