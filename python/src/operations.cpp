#include "operations.h"

#include <structmember.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include "copying.h"
#include "mistakes.h"
#include "rushlight/core/destination.h"
#include "rushlight/ops/in_place.h"

namespace rushlight::python {

// All overloads of one name.
struct Overloads {
  std::string name;
  std::string module;
  std::string doc;
  std::vector<Signature*> signatures;
  struct Target {
    void* function;
    Invoke invoke;
    bool has_out;
  };
  std::vector<Target> targets;
};

namespace {

struct PyOperation {
  PyObject_HEAD vectorcallfunc vectorcall;
  const Overloads* overloads;
  PyObject* dict;
};

PyTypeObject *function_type, *method_type;

bool requires_grad_any(PyObject* const* slots, const Signature& s) {
  for (size_t i = 0; i < s.parameters.size(); ++i) {
    if (slots[i] && s.parameters[i].kind != Kind::Out && is_tensor(slots[i]) &&
        tensor_value(slots[i]).requires_grad())
      return true;
  }
  return false;
}

PyObject* write_outs(const Overloads& op, PyObject* out, PyObject* result, bool requires_grad) {
  Object owned = Object::steal(result);
  if (is_tensor(out)) {
    write_out(op.name.c_str(), tensor_value(out), tensor_value(result), requires_grad);
    return Py_NewRef(out);
  }
  RL_CHECK_AS(TypeError, PyTuple_Check(result), op.name, "(): argument 'out' must be Tensor, not ",
              Py_TYPE(out)->tp_name);
  const std::vector<Tensor> targets = tensors_value(out);
  RL_CHECK_AS(TypeError, PyTuple_GET_SIZE(result) == static_cast<Py_ssize_t>(targets.size()), op.name,
              "(): out= takes as many tensors as there are results");
  for (size_t i = 0; i < targets.size(); ++i)
    write_out(op.name.c_str(), targets[i], tensor_value(PyTuple_GET_ITEM(result, i)), requires_grad);
  return wrap_outs(op.name, result, targets);
}

// What is made for `out` has its dtype, and a call that names another one is mistaken.
void take_dtype_of_out(const Signature& s, PyObject** slots) {
  PyObject* out = slots[s.parameters.size() - 1];
  if (!is_tensor(out)) return;
  const DType dtype = tensor_value(out).dtype();
  for (size_t i = 0; i < s.parameters.size(); ++i) {
    if (s.parameters[i].kind != Kind::OptDType) continue;
    if (slots[i] == Py_None) slots[i] = dtype_object(dtype);
    const DType asked = dtype_like(slots[i]);
    RL_CHECK(asked == dtype, "dtype ", info(asked).message_name, " does not match dtype of out parameter (",
             info(dtype).message_name, ")");
  }
}

// requires_grad=True of something made is meant for `out` too.
void take_requires_grad(const Signature& s, PyObject* const* slots, PyObject* out) {
  for (size_t i = 0; i < s.parameters.size(); ++i)
    if (s.parameters[i].name == "requires_grad" && slots[i] == Py_True)
      tensor_value(out).set_requires_grad(true);
}

bool is_apart(const Storage& a, PyObject* operand) {
  if (is_tensor(operand)) {
    const Storage& b = *tensor_value(operand).storage();
    const char *begin = static_cast<char*>(a.data()), *other = static_cast<char*>(b.data());
    return begin + a.nbytes() <= other || other + b.nbytes() <= begin;
  }
  if (!PyList_Check(operand) && !PyTuple_Check(operand)) return true;
  PyObject* const* items = PySequence_Fast_ITEMS(operand);
  return std::all_of(items, items + PySequence_Fast_GET_SIZE(operand),
                     [&](PyObject* item) { return is_apart(a, item); });
}

// May the operation write into `out` while it still reads its operands?
bool may_lend(PyObject* out, PyObject* const* slots, const Signature& s) {
  if (!is_tensor(out)) return false;
  const Tensor& t = tensor_value(out);
  if (t.numel() == 0 || t.requires_grad()) return false;
  if (autograd::grad_enabled() && requires_grad_any(slots, s)) return false;
  return std::all_of(slots, slots + s.parameters.size() - 1, [&](PyObject* operand) {
    return operand == nullptr || is_apart(*t.storage(), operand);
  });
}

PyObject* run(const Overloads& op, const Call& call) {
  return guarded([&]() -> PyObject* {
    PyObject* slots[kMaxParameters];
    Object keep;
    const int k = parse(op.name.c_str(), op.signatures, call, slots, keep);
    const Overloads::Target& target = op.targets[k];
    if (target.has_out && op.signatures[k]->creates) take_dtype_of_out(*op.signatures[k], slots);
    const Signature& s = *op.signatures[k];
    PyObject* out = target.has_out ? slots[s.parameters.size() - 1] : Py_None;
    std::optional<Destination> destination;
    if (out != Py_None && may_lend(out, slots, s)) destination.emplace(tensor_value(out));
    PyObject* result = nullptr;
    try {
      result = check(target.invoke(target.function, op.name.c_str(), slots));
    } catch (const SizesError& error) {
      report_sizes(op.name.c_str(), s, slots, error);
    }
    if (out == Py_None) return result;
    destination.reset();
    PyObject* written = write_outs(op, out, result, requires_grad_any(slots, s));
    if (s.creates) take_requires_grad(s, slots, written);
    return written;
  });
}

PyObject* call_function(PyObject* self, PyObject* const* args, size_t flags, PyObject* names) {
  return run(*reinterpret_cast<PyOperation*>(self)->overloads,
             {args, PyVectorcall_NARGS(flags), names, nullptr});
}

PyObject* call_method(PyObject* self, PyObject* const* args, size_t flags, PyObject* names) {
  const Overloads& op = *reinterpret_cast<PyOperation*>(self)->overloads;
  const Py_ssize_t n = PyVectorcall_NARGS(flags);
  if (n == 0 || !is_tensor(args[0])) {
    return PyErr_Format(PyExc_TypeError,
                        "descriptor '%s' for 'torch._C.TensorBase' objects doesn't apply to a '%s' object",
                        op.name.c_str(), n == 0 ? "NoneType" : Py_TYPE(args[0])->tp_name);
  }
  return run(op, {args + 1, n - 1, names, args[0]});
}

const Overloads& overloads_of(PyObject* self) { return *reinterpret_cast<PyOperation*>(self)->overloads; }

PyObject* bind(PyObject* self, PyObject* instance, PyObject*) {
  return instance && instance != Py_None ? PyMethod_New(self, instance) : Py_NewRef(self);
}
PyObject* get_name(PyObject* self, void*) { return PyUnicode_FromString(overloads_of(self).name.c_str()); }
PyObject* get_doc(PyObject* self, void*) { return PyUnicode_FromString(overloads_of(self).doc.c_str()); }
PyObject* get_module(PyObject* self, void*) {
  return PyUnicode_FromString(overloads_of(self).module.c_str());
}
// inspect and pydoc see the kind of callable that PyTorch's is.
PyObject* get_class(PyObject* self, void*) {
  PyTypeObject* type = Py_IS_TYPE(self, function_type) ? &PyCFunction_Type : &PyMethodDescr_Type;
  return Py_NewRef(reinterpret_cast<PyObject*>(type));
}
PyObject* function_repr(PyObject* self) {
  return PyUnicode_FromFormat("<built-in method %s of type object>", overloads_of(self).name.c_str());
}
PyObject* method_repr(PyObject* self) {
  return PyUnicode_FromFormat("<method '%s' of 'torch._C.TensorBase' objects>",
                              overloads_of(self).name.c_str());
}
PyObject* reduce_function(PyObject* self, PyObject*) {
  return reduce_to_name(overloads_of(self).module.c_str(), overloads_of(self).name.c_str());
}
PyObject* reduce_method(PyObject* self, PyObject*) {
  return reduce_to_name("torch", ("Tensor." + overloads_of(self).name).c_str());
}

PyMethodDef function_methods[] = {{"__reduce__", reduce_function, METH_NOARGS, "Pickles by name."}, {}};
PyMethodDef method_methods[] = {{"__reduce__", reduce_method, METH_NOARGS, "Pickles by name."}, {}};
PyMemberDef operation_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(PyOperation, vectorcall), READONLY, nullptr},
    {"__dictoffset__", T_PYSSIZET, offsetof(PyOperation, dict), READONLY, nullptr},
    {}};
PyGetSetDef operation_getset[] = {{"__name__", get_name, nullptr, nullptr, nullptr},
                                  {"__qualname__", get_name, nullptr, nullptr, nullptr},
                                  {"__doc__", get_doc, nullptr, nullptr, nullptr},
                                  {"__module__", get_module, nullptr, nullptr, nullptr},
                                  {"__class__", get_class, nullptr, nullptr, nullptr},
                                  {}};
PyType_Slot function_slots[] = {{Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
                                {Py_tp_methods, function_methods},
                                {Py_tp_members, operation_members},
                                {Py_tp_getset, operation_getset},
                                {Py_tp_repr, reinterpret_cast<void*>(function_repr)},
                                {0, nullptr}};
PyType_Slot method_slots[] = {{Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
                              {Py_tp_methods, method_methods},
                              {Py_tp_members, operation_members},
                              {Py_tp_getset, operation_getset},
                              {Py_tp_repr, reinterpret_cast<void*>(method_repr)},
                              {Py_tp_descr_get, reinterpret_cast<void*>(bind)},
                              {0, nullptr}};
constexpr unsigned kFlags =
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION;
PyType_Spec function_spec = {"torch._C.builtin_function_or_method", sizeof(PyOperation), 0, kFlags,
                             function_slots};
PyType_Spec method_spec = {"torch._C.method_descriptor", sizeof(PyOperation), 0,
                           kFlags | Py_TPFLAGS_METHOD_DESCRIPTOR, method_slots};

Object make_operation(PyTypeObject* type, const Overloads* overloads, vectorcallfunc call) {
  Object o = take(type->tp_alloc(type, 0));
  auto* self = reinterpret_cast<PyOperation*>(o.get());
  self->vectorcall = call;
  self->overloads = overloads;
  return o;
}

using Table = std::map<std::string, Overloads*>;

struct Tables {
  Table functions, methods;
  std::map<std::string, Table> modules;  // the functions of other modules than torch
};
Tables& tables() {
  static Tables& t = *new Tables();
  return t;
}

// PyTorch tries tensors and dtypes before numbers and lists of them: torch.max(x, torch.tensor(3)) compares.
bool goes_first(const Signature& a, const Signature& b) {
  auto is_object = [](Kind k) { return k == Kind::Tensor || k == Kind::DType; };
  auto is_int = [](const Parameter& p) { return p.kind == Kind::Int || p.list_only; };
  for (int i = 0; i < std::min(a.positional, b.positional); ++i) {
    const Kind ka = a.parameters[i].kind, kb = b.parameters[i].kind;
    if (ka != kb) return is_object(ka) && is_int(b.parameters[i]);
  }
  return false;
}

void move_last_to_its_place(Overloads& op) {
  for (size_t k = op.signatures.size() - 1; k > 0; --k) {
    if (!goes_first(*op.signatures[k], *op.signatures[k - 1])) return;
    std::swap(op.signatures[k], op.signatures[k - 1]);
    std::swap(op.targets[k], op.targets[k - 1]);
  }
}

void add_overload(Table& table, const Row& row, const std::string& name, bool in_place, bool is_method) {
  Overloads*& op = table[name];
  if (!op) op = new Overloads{name, row.module, "", {}, {}};
  const bool has_out = !in_place && !is_method && (row.where & kOut);
  auto* signature = new Signature(row.parameters, has_out);
  signature->python_function = is_python_function(row.module, name, is_method);
  op->doc += concat(op->doc.empty() ? "" : "\n\n", name, "(", signature->text(is_method), ")\n\n", row.doc);
  op->signatures.push_back(signature);
  op->targets.push_back(
      {in_place ? row.in_place : row.function, in_place ? row.invoke_in_place : row.invoke, has_out});
  move_last_to_its_place(*op);
}

void build_tables() {
  for (const Row& row : rows()) {
    Tables& t = tables();
    if (std::string(row.module) != "torch") {
      add_overload(t.modules[row.module], row, row.name, false, false);
      continue;
    }
    if (row.where & kFunction) add_overload(t.functions, row, row.name, false, false);
    if (row.where & kMethod) add_overload(t.methods, row, row.name, false, true);
    if (row.where & kInPlace) {
      const std::string name = std::string(row.name) + "_";
      if (row.where & kMethod) add_overload(t.methods, row, name, true, true);
      if (row.where & kFunction) add_overload(t.functions, row, name, true, false);
    }
  }
}

// Everything the tests and the stub writer want to know: a list of dictionaries.
PyObject* operations(PyObject*, PyObject*) {
  return guarded([&]() -> PyObject* {
    Object list = take(PyList_New(0));
    for (const Row& row : rows()) {
      const Signature signature(row.parameters, row.where & kOut);
      Object entry = take(Py_BuildValue(
          "{s:s,s:s,s:s,s:s,s:s,s:s,s:O,s:O,s:O,s:O}", "module", row.module, "name", row.name, "result",
          row.result, "signature", signature.text(false).c_str(), "doc", row.doc, "samples", row.samples,
          "function", row.where & kFunction ? Py_True : Py_False, "method",
          row.where & kMethod ? Py_True : Py_False, "inplace", row.where & kInPlace ? Py_True : Py_False,
          "out", row.where & kOut ? Py_True : Py_False));
      check(PyList_Append(list.get(), entry.get()));
    }
    return list.release();
  });
}

PyMethodDef module_functions[] = {{"_operations", operations, METH_NOARGS, "The operation table."}, {}};

}  // namespace

PyObject* NamedOperation::operator()(std::initializer_list<PyObject*> args) {
  if (!overloads_) {
    const Tables& t = tables();
    auto it = t.functions.find(name_);
    is_method_ = it == t.functions.end();
    if (is_method_) {
      it = t.methods.find(name_);
      RL_CHECK_AS(NotImplementedError, it != t.methods.end(), "there is no operation ", name_);
    }
    overloads_ = it->second;
  }
  const auto count = static_cast<Py_ssize_t>(args.size());
  if (is_method_) return run(*overloads_, {args.begin() + 1, count - 1, nullptr, *args.begin()});
  return run(*overloads_, {args.begin(), count, nullptr, nullptr});
}

PyObject* call_operation(const char* name, std::initializer_list<PyObject*> args) {
  return NamedOperation(name)(args);
}

void add_operations(PyObject* module) {
  function_type = add_type(module, "_function", &function_spec);
  method_type = add_type(module, "_method", &method_spec);
  build_tables();
  for (auto& [name, op] : tables().functions) {
    if (!PyObject_HasAttrString(module, name.c_str()))
      add_to_module(module, name.c_str(), make_operation(function_type, op, call_function));
  }
  for (auto& [full, table] : tables().modules) {
    const std::string name =
        full == "torch.nn.init"
            ? "_init"
            : "_" + full.substr(6, full.find('.', 6) - 6);  // torch.nn.functional is _C._nn
    Object part = take(PyModule_New(("torch._C." + name).c_str()));
    for (auto& [function, op] : table)
      add_to_module(part.get(), function.c_str(), make_operation(function_type, op, call_function));
    add_to_module(module, name.c_str(), part);
  }
  for (auto& [name, op] : tables().methods) {
    if (PyDict_GetItemString(tensor_type->tp_dict, name.c_str())) continue;  // an attribute or bound by hand
    Object method = make_operation(method_type, op, call_method);
    check(PyDict_SetItemString(tensor_type->tp_dict, name.c_str(), method.get()));
  }
  PyType_Modified(tensor_type);
  check(PyModule_AddFunctions(module, module_functions));
}

}  // namespace rushlight::python
