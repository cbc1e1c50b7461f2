#include "generator.h"

#include <cstring>
#include <memory>
#include <new>

#include "numbers.h"
#include "tensor.h"
#include "types.h"

namespace rushlight::python {

PyTypeObject* generator_type;

namespace {

struct PyGenerator {
  PyObject_HEAD std::shared_ptr<Generator> value;
};

Generator& self_generator(PyObject* self) { return *reinterpret_cast<PyGenerator*>(self)->value; }

PyObject* make_generator(PyTypeObject* type, std::shared_ptr<Generator> value) {
  PyObject* self = check(type->tp_alloc(type, 0));
  new (&reinterpret_cast<PyGenerator*>(self)->value) std::shared_ptr<Generator>(std::move(value));
  return self;
}

PyObject* generator_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  return guarded([&]() -> PyObject* {
    static const char* names[] = {"device", nullptr};
    PyObject* device = nullptr;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:Generator", const_cast<char**>(names), &device))
      throw PythonError();
    RL_CHECK_AS(RuntimeError, !device || !device_value(device).is_cuda(),
                "Rushlight not compiled with CUDA enabled");
    return make_generator(type, std::make_shared<Generator>());
  });
}
void generator_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  reinterpret_cast<PyGenerator*>(self)->value.~shared_ptr();
  type->tp_free(self);
  Py_DECREF(type);
}

uint64_t seed_value(PyObject* o) {
  RL_CHECK(PyLong_Check(o) || is_numpy_integer(o), "manual_seed expected a long, but got ",
           Py_TYPE(o)->tp_name);
  Object index = take(PyNumber_Index(o));
  int overflow;
  const long long v = PyLong_AsLongLongAndOverflow(index.get(), &overflow);
  if (overflow == 0) return static_cast<uint64_t>(v);
  const unsigned long long u = PyLong_AsUnsignedLongLong(index.get());
  if (PyErr_Occurred()) {
    PyErr_Clear();
    throw_error<RuntimeError>("Overflow when unpacking unsigned long long");
  }
  return u;
}

PyObject* manual_seed(PyObject* self, PyObject* seed) {
  return guarded([&]() -> PyObject* {
    self_generator(self).manual_seed(seed_value(seed));
    return Py_NewRef(self);
  });
}
PyObject* initial_seed(PyObject* self, PyObject*) {
  return PyLong_FromUnsignedLongLong(self_generator(self).initial_seed());
}
PyObject* seed(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* { return PyLong_FromUnsignedLongLong(self_generator(self).seed()); });
}
PyObject* get_state(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    const Generator::State state = self_generator(self).get_state();
    Tensor t = make_tensor(static_cast<int64_t>(state.size()), DType::UInt8);
    std::memcpy(t.raw_data(), state.data(), state.size());
    return wrap(t);
  });
}
PyObject* set_state(PyObject* self, PyObject* value) {
  return guarded([&]() -> PyObject* {
    RL_CHECK_AS(TypeError, is_tensor(value) && tensor_value(value).dtype() == DType::UInt8,
                "RNG state must be a torch.ByteTensor");
    const Tensor t = tensor_value(value).contiguous();
    self_generator(self).set_state(t.data<uint8_t>(), t.numel());
    return Py_NewRef(self);
  });
}
PyObject* clone_state(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* { return make_generator(generator_type, self_generator(self).clone()); });
}
PyObject* get_device(PyObject*, void*) {
  return guarded([&]() -> PyObject* { return wrap_device({}); });
}

PyMethodDef methods[] = {
    {"manual_seed", manual_seed, METH_O, "Restarts the stream; returns the generator."},
    {"initial_seed", initial_seed, METH_NOARGS, "The seed it was started with."},
    {"seed", seed, METH_NOARGS, "Seeds from the system's entropy and returns the seed."},
    {"get_state", get_state, METH_NOARGS, "The state as a uint8 tensor, in PyTorch's layout."},
    {"set_state", set_state, METH_O, "Takes a state from get_state()."},
    {"clone_state", clone_state, METH_NOARGS, "An independent copy."},
    {}};
PyGetSetDef getset[] = {{"device", get_device, nullptr, "The device: cpu.", nullptr}, {}};
PyType_Slot slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(generator_new)},
    {Py_tp_dealloc, reinterpret_cast<void*>(generator_dealloc)},
    {Py_tp_methods, methods},
    {Py_tp_getset, getset},
    {Py_tp_doc, const_cast<char*>("Generator(device='cpu')\n--\n\nA stream of random numbers.")},
    {0, nullptr}};
PyType_Spec spec = {"torch._C.Generator", sizeof(PyGenerator), 0, Py_TPFLAGS_DEFAULT, slots};

}  // namespace

Generator* generator_value(PyObject* object) { return object == Py_None ? nullptr : &self_generator(object); }

void add_generator_type(PyObject* module) {
  generator_type = add_type(module, "Generator", &spec);
  add_to_module(module, "default_generator", take(make_generator(generator_type, default_generator_ptr())));
}

}  // namespace rushlight::python
