// no_grad, enable_grad, set_grad_enabled, inference_mode, detect_anomaly and set_detect_anomaly: context
// managers that are decorators, too.
#include <iterator>
#include <string_view>

#include "arguments.h"
#include "autograd.h"
#include "rushlight/autograd/hooks.h"
#include "rushlight/autograd/variable.h"

namespace rushlight::python {
namespace {

struct Modes {
  bool grad, inference;
  autograd::AnomalyMode anomaly;
  static Modes current() {
    return {autograd::grad_enabled(), autograd::inference_mode_enabled(), autograd::anomaly_mode()};
  }
  void set() const {
    autograd::set_grad_enabled(grad);
    autograd::set_inference_mode(inference);
    autograd::set_anomaly_mode(anomaly);
  }
};

// Which switches a class of modes turns, and how.
struct Kind {
  const char* name;
  const char* full_name;
  const char* parameter;  // of the constructor; nullptr for none
  bool has_default;
  bool immediate;  // acts when it is made, not only as a scope
  void (*turn)(Modes& modes, bool value, bool check_nan);
  const char* doc;
};

constexpr Kind kKinds[] = {
    {"no_grad", "torch.autograd.grad_mode.no_grad", nullptr, true, false,
     [](Modes& m, bool, bool) { m.grad = false; },
     "no_grad()\n--\n\nScope in which operations are not recorded; also a decorator."},
    {"enable_grad", "torch.autograd.grad_mode.enable_grad", nullptr, true, false,
     [](Modes& m, bool, bool) { m.grad = true; },
     "enable_grad()\n--\n\nScope in which operations are recorded; also a decorator."},
    {"set_grad_enabled", "torch.autograd.grad_mode.set_grad_enabled", "mode", false, true,
     [](Modes& m, bool value, bool) { m.grad = value; },
     "set_grad_enabled(mode)\n--\n\nTurns recording on or off, for good or for a scope; also a decorator."},
    {"inference_mode", "torch.autograd.grad_mode.inference_mode", "mode", true, false,
     [](Modes& m, bool value, bool) {
       m.inference = value;
       m.grad = !value;
     },
     "inference_mode(mode=True)\n--\n\nScope in which nothing is recorded and the new tensors never will be; "
     "also a decorator."},
    {"detect_anomaly", "torch.autograd.anomaly_mode.detect_anomaly", nullptr, true, false,
     [](Modes& m, bool, bool check_nan) {
       m.anomaly = {true, check_nan};
     },
     "detect_anomaly(check_nan=True)\n--\n\nScope in which backward tells where a failing operation was "
     "called."},
    {"set_detect_anomaly", "torch.autograd.anomaly_mode.set_detect_anomaly", "mode", false, true,
     [](Modes& m, bool value, bool check_nan) {
       m.anomaly = {value, check_nan};
     },
     "set_detect_anomaly(mode, check_nan=True)\n--\n\nTurns the search for anomalies on or off, for good or "
     "for a scope."}};

PyTypeObject* types[std::size(kKinds)];

struct PyMode {
  PyObject_HEAD const Kind* kind;
  bool value, check_nan;
  Modes before;
};
PyMode* as_mode(PyObject* self) { return reinterpret_cast<PyMode*>(self); }

const Kind* kind_of(PyTypeObject* type) {
  for (size_t i = 0; i < std::size(kKinds); ++i)
    if (PyType_IsSubtype(type, types[i])) return &kKinds[i];
  return nullptr;
}

// A function that runs each call inside a new mode of this kind; generators run every step inside, classes
// are refused.
// Of set_grad_enabled, which takes no other type for a truth value.
void check_flag(PyObject* args, PyObject* kwargs) {
  PyObject* flag = PyTuple_GET_SIZE(args) ? PyTuple_GET_ITEM(args, 0) : PyDict_GetItemString(kwargs, "mode");
  RL_CHECK_AS(TypeError, !flag || PyBool_Check(flag),
              "set_grad_enabled(): argument 'enabled' (position 1) must be bool, not ",
              Py_TYPE(flag)->tp_name);
}

PyObject* decorate(PyObject* mode, PyObject* function) {
  Object module = take(PyImport_ImportModule("rushlight._decorators"));
  return PyObject_CallMethod(module.get(), "in_mode", "OO", mode, function);
}

bool is_function(PyObject* o) { return PyCallable_Check(o) && !PyBool_Check(o); }

PyObject* mode_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  return guarded([&]() -> PyObject* {
    const Kind* kind = kind_of(type);
    const bool bare = !kwargs && PyTuple_GET_SIZE(args) == 1 && is_function(PyTuple_GET_ITEM(args, 0)) &&
                      !kind->immediate;  // @no_grad
    Object self = take(type->tp_alloc(type, 0));
    PyMode* m = as_mode(self.get());
    m->kind = kind;
    m->value = m->check_nan = true;
    m->before = Modes::current();
    if (bare) return decorate(self.get(), PyTuple_GET_ITEM(args, 0));
    int value = 1, check_nan = 1;
    if (kind->parameter) {
      static const char* mode_names[] = {"mode", "check_nan", nullptr};
      if (!PyArg_ParseTupleAndKeywords(args, kwargs, kind->has_default ? "|pp" : "p|p",
                                       const_cast<char**>(mode_names), &value, &check_nan))
        throw PythonError();
      if (std::string_view(kind->name) == "set_grad_enabled") check_flag(args, kwargs);
    } else {
      static const char* names[] = {"check_nan", nullptr};
      if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|p", const_cast<char**>(names), &check_nan))
        throw PythonError();
    }
    m->value = value;
    m->check_nan = check_nan;
    if (kind->immediate) {
      Modes now = m->before;
      kind->turn(now, m->value, m->check_nan);
      now.set();
    }
    return self.release();
  });
}

PyObject* enter(PyObject* self, PyObject*) {
  PyMode* m = as_mode(self);
  Modes now = Modes::current();
  if (!m->kind->immediate) m->before = now;
  m->kind->turn(now, m->value, m->check_nan);
  now.set();
  Py_RETURN_NONE;
}
PyObject* leave(PyObject* self, PyObject* const*, Py_ssize_t) {
  as_mode(self)->before.set();
  Py_RETURN_NONE;
}

// Decorators make a new mode for every call, so that recursion and threads do not share one.
PyObject* clone(PyObject* self, PyObject*) {
  PyMode* m = as_mode(self);
  PyObject* copy = Py_TYPE(self)->tp_alloc(Py_TYPE(self), 0);
  if (!copy) return nullptr;
  *as_mode(copy) = {as_mode(copy)->ob_base, m->kind, m->value, m->check_nan, Modes::current()};
  return copy;
}

PyObject* call(PyObject* self, PyObject* args, PyObject*) {
  return guarded([&]() -> PyObject* {
    PyObject* function;
    if (!PyArg_ParseTuple(args, "O", &function)) throw PythonError();
    if (as_mode(self)->kind->immediate)
      as_mode(self)->before.set();  // @set_grad_enabled(False) acts on the function alone
    return decorate(self, function);
  });
}

PyObject* get_mode(PyObject* self, void*) { return PyBool_FromLong(as_mode(self)->value); }

PyObject* repr(PyObject* self) {
  const PyMode& mode = *as_mode(self);
  if (std::string_view(mode.kind->name) != "set_grad_enabled") return PyBaseObject_Type.tp_repr(self);
  return PyUnicode_FromFormat("%s(mode=%s)", mode.kind->full_name, mode.value ? "True" : "False");
}

PyMethodDef methods[] = {{"__enter__", enter, METH_NOARGS, "Begins the scope."},
                         {"__exit__", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(leave)),
                          METH_FASTCALL, "Ends the scope."},
                         {"clone", clone, METH_NOARGS, "Another one like this."},
                         {}};
PyGetSetDef getset[] = {{"mode", get_mode, nullptr, "What it turns on or off.", nullptr}, {}};

}  // namespace

void add_grad_modes(PyObject* module) {
  for (size_t i = 0; i < std::size(kKinds); ++i) {
    PyType_Slot slots[] = {{Py_tp_new, reinterpret_cast<void*>(mode_new)},
                           {Py_tp_call, reinterpret_cast<void*>(call)},
                           {Py_tp_repr, reinterpret_cast<void*>(repr)},
                           {Py_tp_methods, methods},
                           {Py_tp_getset, getset},
                           {Py_tp_doc, const_cast<char*>(kKinds[i].doc)},
                           {0, nullptr}};
    PyType_Spec spec = {kKinds[i].full_name, sizeof(PyMode), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
                        slots};
    types[i] = add_type(module, kKinds[i].name, &spec);
  }
}

}  // namespace rushlight::python
