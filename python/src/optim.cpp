// One call steps all parameters of a Python optimizer: reads its param_groups and state, which stay plain
// dictionaries that users read and change, and runs the fused updates of rushlight/optim.
#include "optim.h"

#include "convert.h"
#include "rushlight/autograd/variable.h"
#include "rushlight/ops/memory.h"
#include "rushlight/optim/batch.h"

namespace rushlight::python {
namespace {

using optim::Batch;
using optim::Numbers;
using optim::Slot;
using optim::Slots;

constexpr int64_t kReleaseGilFrom = 1 << 16;  // elements

// Hooks for the steps of all optimizers, and the Python function that runs a step with its hooks.
PyObject *global_pre_hooks, *global_post_hooks, *run_with_hooks;

PyObject *param_groups_name, *state_name, *params_name, *closure_name, *pre_hooks_name, *post_hooks_name;

// ---- Options of a group. ----

// A number of a group's dict: plain, or a tensor with one element.
double read_number(PyObject* value) {
  if (PyFloat_CheckExact(value)) return PyFloat_AS_DOUBLE(value);
  if (is_tensor(value)) return tensor_value(value).item().to_double();
  const double number = PyFloat_AsDouble(value);
  if (number == -1 && PyErr_Occurred()) throw PythonError();
  return number;
}

// The Python string of a literal, made once.
PyObject* key_of(const char* literal) {
  static std::vector<std::pair<const char*, PyObject*>>& known =
      *new std::vector<std::pair<const char*, PyObject*>>();
  for (const auto& [text, object] : known)
    if (text == literal) return object;
  return known.emplace_back(literal, check(PyUnicode_InternFromString(literal))).second;
}

PyObject* find(PyObject* dict, PyObject* key) {
  PyObject* value = PyDict_GetItemWithError(dict, key);
  if (!value && PyErr_Occurred()) throw PythonError();
  return value;
}
PyObject* require(PyObject* dict, PyObject* key) {
  PyObject* value = find(dict, key);
  if (!value) {
    PyErr_SetObject(PyExc_KeyError, key);
    throw PythonError();
  }
  return value;
}

// Reads what Options::visit names.
class GroupReader {
 public:
  explicit GroupReader(PyObject* group) : group_(group) {}
  void operator()(const char* name, double& number) { number = read_number(value(name)); }
  void operator()(const char* name, bool& flag) {
    const int truth = PyObject_IsTrue(value(name));
    check(truth);
    flag = truth == 1;
  }
  void operator()(const char* name, double& first, double& second) {
    Object pair = take(PySequence_Fast(value(name), "expected a pair of numbers"));
    RL_CHECK_AS(ValueError, PySequence_Fast_GET_SIZE(pair.get()) == 2, name, " must be a pair of numbers");
    first = read_number(PySequence_Fast_GET_ITEM(pair.get(), 0));
    second = read_number(PySequence_Fast_GET_ITEM(pair.get(), 1));
  }

 private:
  PyObject* value(const char* name) { return require(group_, key_of(name)); }
  PyObject* group_;
};

// ---- State of a parameter. ----

Tensor number_tensor(double value) {
  Tensor t = make_tensor(DimsRef(), default_dtype() == DType::Float64 ? DType::Float64 : DType::Float32);
  t.fill_(value);
  return t;
}

double load_number(const Tensor& t) {
  if (t.dtype() == DType::Float32 && t.numel() == 1) return *t.data<float>();
  return t.item().to_double();
}
void store_number(const Tensor& t, double value) {
  if (t.dtype() == DType::Float32) *t.data<float>() = static_cast<float>(value);
  else t.fill_(value);
}

struct ParameterState {
  Numbers numbers;
  Tensor number_tensors[3];
  Tensor arrays[cpu::Update::kMaxState];
  bool first = false;
};

// The entry of a slot, made if it is not there yet (or None, as momentum_buffer may be in checkpoints).
Tensor state_entry(PyObject* state, const Slot& slot, const Tensor& param, ParameterState& s) {
  PyObject* key = key_of(slot.name);
  PyObject* known = find(state, key);
  if (known && is_tensor(known)) return tensor_value(known);
  RL_CHECK_AS(TypeError, !known || known == Py_None, "the optimizer's state ", slot.name,
              " must be a tensor, not ", Py_TYPE(known ? known : Py_None)->tp_name);
  Tensor made;
  if (slot.kind == Slot::Number) {
    made = number_tensor(slot.initial);
  } else {
    made = make_tensor_like(param, param.dtype());
    if (slot.kind == Slot::FirstGradient) s.first = true;
    const Scalar initial =
        is_complex(param.dtype()) ? Scalar(complex128(slot.initial, slot.initial)) : Scalar(slot.initial);
    made.fill_(initial);
  }
  Object wrapped = take(wrap(made));
  check(PyDict_SetItem(state, key, wrapped.get()));
  return made;
}

ParameterState load_state(PyObject* state, const Slots& slots, const Tensor& param) {
  ParameterState s;
  double* numbers[] = {&s.numbers.step, &s.numbers.second, &s.numbers.third};
  int count = 0;
  for (const Slot& slot : slots) {
    Tensor entry = state_entry(state, slot, param, s);
    if (slot.kind == Slot::Number) {
      *numbers[count] = load_number(entry);
      s.number_tensors[count++] = std::move(entry);
    } else {
      s.arrays[slot.index] = std::move(entry);
    }
  }
  s.numbers.single = s.number_tensors[0].defined() && s.number_tensors[0].dtype() == DType::Float32;
  s.numbers.step += 1;
  return s;
}

void store_numbers(const ParameterState& s) {
  const double values[] = {s.numbers.step, s.numbers.second, s.numbers.third};
  for (int i = 0; i < 3; ++i)
    if (s.number_tensors[i].defined()) store_number(s.number_tensors[i], values[i]);
}

// The dict of a parameter's state in `states` (a defaultdict, or what the user put there).
PyObject* state_of(PyObject* states, PyObject* param) {
  if (PyObject* known = find(states, param)) return known;
  Object made = take(PyDict_New());
  check(PyDict_SetItem(states, param, made.get()));
  return find(states, param);
}

// ---- The step. ----

template <class Options>
void add_group(Batch& batch, PyObject* group, PyObject* states) {
  Options options;
  options.visit(GroupReader(group));
  Slots slots;
  options.slots(slots);

  Object params = take(PySequence_Fast(require(group, params_name), "params must be a sequence of tensors"));
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(params.get()); ++i) {
    PyObject* object = PySequence_Fast_GET_ITEM(params.get(), i);
    RL_CHECK_AS(TypeError, is_tensor(object),
                "optimizer can only optimize Tensors, but one of the params is ", Py_TYPE(object)->tp_name);
    const Tensor param = tensor_value(object);
    const Tensor grad = param.grad();
    if (!grad.defined()) continue;
    cpu::Update update{Options::kRule, param.dtype(), options.maximize};
    ParameterState state;
    if (!slots.empty()) {
      PyObject* entries = state_of(states, object);
      RL_CHECK_AS(TypeError, PyDict_Check(entries), "the optimizer's state of a parameter must be a dict");
      state = load_state(entries, slots, param);
    }
    options.prepare(state.numbers, update);
    store_numbers(state);
    update.first = state.first;
    batch.add(update, param, grad, state.arrays);
  }
}

// Decided here rather than by the caller: numbers and version counters change, so nothing may be recorded.
template <class Options>
void step_groups(PyObject* optimizer) {
  const autograd::NoGrad no_grad;
  Object groups = take(PyObject_GetAttr(optimizer, param_groups_name));
  Object states = take(PyObject_GetAttr(optimizer, state_name));
  RL_CHECK_AS(TypeError, PyDict_Check(states.get()), "the optimizer's state must be a dict");
  Object list = take(PySequence_Fast(groups.get(), "param_groups must be a list"));
  Batch batch;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(list.get()); ++i) {
    PyObject* group = PySequence_Fast_GET_ITEM(list.get(), i);
    RL_CHECK_AS(TypeError, PyDict_Check(group), "a param group must be a dict");
    add_group<Options>(batch, group, states.get());
  }
  if (batch.size() < kReleaseGilFrom) return batch.run();
  ReleaseGil release;
  batch.run();
}

// (optimizer, closure=None); returns the closure, borrowed, or nullptr.
PyObject* closure_argument(PyObject* const* args, Py_ssize_t count, PyObject* names) {
  PyObject* closure = count > 1 ? args[1] : nullptr;
  const Py_ssize_t keywords = names ? PyTuple_GET_SIZE(names) : 0;
  RL_CHECK_AS(TypeError, count >= 1, "step() missing 1 required positional argument: 'self'");
  RL_CHECK_AS(TypeError, count <= 2, "step() takes from 1 to 2 positional arguments but ", count,
              " were given");
  for (Py_ssize_t i = 0; i < keywords; ++i) {
    PyObject* name = PyTuple_GET_ITEM(names, i);
    RL_CHECK_AS(TypeError, PyUnicode_Compare(name, closure_name) == 0,
                "step() got an unexpected keyword argument '", PyUnicode_AsUTF8(name), "'");
    RL_CHECK_AS(TypeError, !closure, "step() got multiple values for argument 'closure'");
    closure = args[count + i];
  }
  return closure == Py_None ? nullptr : closure;
}

template <class Options>
PyObject* plain_step(PyObject*, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return guarded([&]() -> PyObject* {
    PyObject* closure = closure_argument(args, count, names);
    Object loss = Object::share(Py_None);
    if (closure) {
      const autograd::GradMode grad_mode(true);
      loss = take(PyObject_CallNoArgs(closure));
    }
    step_groups<Options>(args[0]);
    return loss.release();
  });
}

bool has_entries(PyObject* object, PyObject* attribute) {
  Object dict = Object::steal(PyObject_GetAttr(object, attribute));
  if (!dict) PyErr_Clear();
  return dict && PyDict_Check(dict.get()) && PyDict_GET_SIZE(dict.get()) > 0;
}

// `self` is the plain step; hooks are rare, and run in Python.
template <class Options>
PyObject* hooked_step(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  const bool hooked =
      count >= 1 && (PyDict_GET_SIZE(global_pre_hooks) > 0 || PyDict_GET_SIZE(global_post_hooks) > 0 ||
                     has_entries(args[0], pre_hooks_name) || has_entries(args[0], post_hooks_name));
  if (!hooked) return plain_step<Options>(nullptr, args, count, names);
  return guarded([&]() -> PyObject* {
    Object positional = take(PyTuple_New(count));
    for (Py_ssize_t i = 0; i < count; ++i) PyTuple_SET_ITEM(positional.get(), i, Py_NewRef(args[i]));
    Object keywords = take(PyDict_New());
    for (Py_ssize_t i = 0; names && i < PyTuple_GET_SIZE(names); ++i) {
      check(PyDict_SetItem(keywords.get(), PyTuple_GET_ITEM(names, i), args[count + i]));
    }
    RL_CHECK(run_with_hooks, "rushlight.optim is not imported");
    return check(
        PyObject_CallFunctionObjArgs(run_with_hooks, self, positional.get(), keywords.get(), nullptr));
  });
}

constexpr char kStepDoc[] =
    "step($self, closure=None)\n--\n\nUpdates every parameter that has a gradient; returns what `closure` "
    "returned.";

template <class Options>
void add_step(PyObject* module, const char* name) {
  static PyMethodDef plain = {"step",
                              reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(plain_step<Options>)),
                              METH_FASTCALL | METH_KEYWORDS, kStepDoc};
  static PyMethodDef hooked = {"step",
                               reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(hooked_step<Options>)),
                               METH_FASTCALL | METH_KEYWORDS, kStepDoc};
  Object inner = take(PyCFunction_New(&plain, nullptr));
  Object outer = take(PyCFunction_New(&hooked, inner.get()));
  add_to_module(module, name,
                take(PyInstanceMethod_New(outer.get())));  // binds to the optimizer as a method does
}

PyObject* set_hook_runner(PyObject*, PyObject* function) {
  Py_XSETREF(run_with_hooks, Py_NewRef(function));
  Py_RETURN_NONE;
}

void zero_gradient(const Tensor& param, bool set_to_none) {
  const Tensor grad = param.grad();
  if (!grad.defined()) return;
  if (set_to_none) return param.set_grad({});
  if (autograd::has_history(grad)) return param.set_grad(grad.detach().zero_());
  grad.zero_();
}

// zero_grad(optimizer, set_to_none=True)
PyObject* zero_grad(PyObject*, PyObject* args, PyObject* kwargs) {
  return guarded([&]() -> PyObject* {
    static const char* names[] = {"self", "set_to_none", nullptr};
    PyObject* optimizer;
    int set_to_none = 1;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|p:zero_grad", const_cast<char**>(names), &optimizer,
                                     &set_to_none))
      throw PythonError();
    const autograd::NoGrad no_grad;
    Object groups = take(PyObject_GetAttr(optimizer, param_groups_name));
    Object list = take(PySequence_Fast(groups.get(), "param_groups must be a list"));
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(list.get()); ++i) {
      Object params = take(PyObject_GetItem(PySequence_Fast_GET_ITEM(list.get(), i), params_name));
      Object sequence = take(PySequence_Fast(params.get(), "params must be a sequence of tensors"));
      for (Py_ssize_t k = 0; k < PySequence_Fast_GET_SIZE(sequence.get()); ++k) {
        PyObject* param = PySequence_Fast_GET_ITEM(sequence.get(), k);
        if (is_tensor(param)) zero_gradient(tensor_value(param), set_to_none);
      }
    }
    Py_RETURN_NONE;
  });
}

PyMethodDef functions[] = {
    {"set_hook_runner", set_hook_runner, METH_O, "Installs the function that runs a step with its hooks."},
    {}};
PyMethodDef zero_grad_definition = {"zero_grad",
                                    reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(zero_grad)),
                                    METH_VARARGS | METH_KEYWORDS,
                                    "zero_grad($self, set_to_none=True)\n--\n\n"
                                    "Forgets the gradients of all parameters, or fills them with zeros."};

}  // namespace

void add_optimizers(PyObject* module) {
  const std::pair<PyObject**, const char*> names[] = {{&param_groups_name, "param_groups"},
                                                      {&state_name, "state"},
                                                      {&params_name, "params"},
                                                      {&closure_name, "closure"},
                                                      {&pre_hooks_name, "_optimizer_step_pre_hooks"},
                                                      {&post_hooks_name, "_optimizer_step_post_hooks"}};
  for (auto [slot, text] : names) *slot = check(PyUnicode_InternFromString(text));
  Object self = take(PyModule_New("rushlight._C._optim"));
  Object collections = take(PyImport_ImportModule("collections"));
  global_pre_hooks = check(PyObject_CallMethod(collections.get(), "OrderedDict", nullptr));
  global_post_hooks = check(PyObject_CallMethod(collections.get(), "OrderedDict", nullptr));
  add_to_module(self.get(), "global_pre_hooks", Object::share(global_pre_hooks));
  add_to_module(self.get(), "global_post_hooks", Object::share(global_post_hooks));
  check(PyModule_AddFunctions(self.get(), functions));
  Object zero = take(PyCFunction_New(&zero_grad_definition, nullptr));
  add_to_module(self.get(), "zero_grad", take(PyInstanceMethod_New(zero.get())));
  add_step<optim::SgdOptions>(self.get(), "sgd");
  add_step<optim::AdamOptions>(self.get(), "adam");
  add_step<optim::AdagradOptions>(self.get(), "adagrad");
  add_step<optim::RmsPropOptions>(self.get(), "rmsprop");
  add_step<optim::AdadeltaOptions>(self.get(), "adadelta");
  add_step<optim::AdamaxOptions>(self.get(), "adamax");
  add_step<optim::NAdamOptions>(self.get(), "nadam");
  add_step<optim::RAdamOptions>(self.get(), "radam");
  add_step<optim::RpropOptions>(self.get(), "rprop");
  add_step<optim::AsgdOptions>(self.get(), "asgd");
  add_to_module(module, "_optim", self);
}

}  // namespace rushlight::python
