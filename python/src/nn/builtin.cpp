// Builtin layers: one Python class for each C++ class.
#include <cstring>
#include <typeindex>
#include <unordered_map>

#include "nn.h"

namespace rushlight::python {

namespace {

std::unordered_map<PyTypeObject*, const LayerInfo*> layers;  // Python type -> its C++ side
std::unordered_map<std::type_index, const LayerInfo*> layers_by_cpp;

const LayerInfo* layer_of(PyTypeObject* type) {
  PyObject* mro = type->tp_mro;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(mro); ++i) {
    auto it = layers.find(reinterpret_cast<PyTypeObject*>(PyTuple_GET_ITEM(mro, i)));
    if (it != layers.end()) return it->second;
  }
  return nullptr;
}

bool is_native_forward(PyObject* descriptor) {
  return Py_IS_TYPE(descriptor, &PyMethodDescr_Type) &&
         reinterpret_cast<PyMethodDescrObject*>(descriptor)->d_method->ml_meth == RL_METHOD(builtin_forward);
}

// Runs `f` on an up-to-date C++ module.
template <class F>
auto with_core(PyObject* self, F&& f) {
  Core& core = core_of(self);
  read_options(self, core);
  RecursionGuard depth;
  return f(core);
}

// ---- Binding arguments as Python does, with Python's words

std::string quoted_list(const std::vector<std::string>& names) {
  std::string out;
  for (size_t i = 0; i < names.size(); ++i) {
    out += concat(i == 0                  ? ""
                  : names.size() == 2     ? " and "
                  : i + 1 == names.size() ? ", and "
                                          : ", ",
                  "'", names[i], "'");
  }
  return out;
}

[[noreturn]] void report_missing(const std::string& function, const std::vector<std::string>& names) {
  throw_error<TypeError>(function, "() missing ", names.size(), " required positional argument",
                         names.size() == 1 ? "" : "s", ": ", quoted_list(names));
}
[[noreturn]] void report_too_many(const std::string& function, size_t required, size_t most,
                                  Py_ssize_t given) {
  const std::string range =
      required == most ? std::to_string(most + 1) : concat("from ", required + 1, " to ", most + 1);
  throw_error<TypeError>(function, "() takes ", range, " positional argument", most == 0 ? "" : "s", " but ",
                         given + 1, " were given");
}

// Puts a named argument into its slot.
template <class NameOf>
void place_named(const std::string& function, PyObject* key, PyObject* value, PyObject** slots, size_t count,
                 NameOf&& name_of) {
  for (size_t i = 0; i < count; ++i) {
    if (PyUnicode_CompareWithASCIIString(key, name_of(i)) != 0) continue;
    RL_CHECK_AS(TypeError, !slots[i], function, "() got multiple values for argument '", name_of(i), "'");
    slots[i] = value;
    return;
  }
  throw_error<TypeError>(function, "() got an unexpected keyword argument '", PyUnicode_AsUTF8(key), "'");
}

PyObject* call_layer_forward(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* names) {
  return with_core(self, [&](Core& core) {
    const LayerInfo& info = *core.info;
    const size_t count = info.parameters.size();
    if (info.fallback && n > 0 && !is_tensor(args[0])) {
      Object all = take(PyTuple_New(n + 1)), keywords = take(PyDict_New());
      PyTuple_SET_ITEM(all.get(), 0, Py_NewRef(self));
      for (Py_ssize_t i = 0; i < n; ++i) PyTuple_SET_ITEM(all.get(), i + 1, Py_NewRef(args[i]));
      for (Py_ssize_t i = 0; names && i < PyTuple_GET_SIZE(names); ++i)
        check(PyDict_SetItem(keywords.get(), PyTuple_GET_ITEM(names, i), args[n + i]));
      return check(PyObject_Call(info.fallback, all.get(), keywords.get()));
    }
    if (n == static_cast<Py_ssize_t>(count) && !names) return info.forward(*core.module, args);
    const std::string function = concat(info.name, ".forward");
    if (n > static_cast<Py_ssize_t>(count)) report_too_many(function, info.required, count, n);
    PyObject* slots[12] = {nullptr};
    std::copy(args, args + n, slots);
    for (Py_ssize_t k = 0; names && k < PyTuple_GET_SIZE(names); ++k) {
      place_named(function, PyTuple_GET_ITEM(names, k), args[n + k], slots, count,
                  [&](size_t i) { return info.parameters[i].c_str(); });
    }
    std::vector<std::string> missing;
    for (size_t i = 0; i < count; ++i) {
      if (slots[i]) continue;
      if (i < info.required) missing.push_back(info.parameters[i]);
      slots[i] = Py_None;
    }
    if (!missing.empty()) report_missing(function, missing);
    return info.forward(*core.module, slots);
  });
}

// The function that PyTorch's layer would have called; a Sequential hands the argument to its first layer.
[[noreturn]] void not_a_tensor(const nn::Module& module, PyObject* o) {
  const auto children = module.children();
  if (module.class_name() == "Sequential" && !children.empty()) not_a_tensor(*children.begin()->second, o);
  std::string function;
  for (char c : module.class_name()) function += static_cast<char>(std::tolower(c));
  throw_error<TypeError>(function, "(): argument 'input' (position 1) must be Tensor, not ",
                         Py_TYPE(o)->tp_name);
}

PyObject* run_unary(PyObject* self, PyObject* input) {
  return guarded([&]() -> PyObject* {
    if (!is_tensor(input)) not_a_tensor(*core_of(self).module, input);
    return wrap(run_native(self, tensor_value(input)));
  });
}

PyObject* builtin_vectorcall(PyObject* self, PyObject* const* args, size_t flags, PyObject* names) {
  const Py_ssize_t n = PyVectorcall_NARGS(flags);
  auto* b = reinterpret_cast<PyBuiltin*>(self);
  if (runs_native(self)) [[likely]] {
    const bool plain = n == 1 && !names && b->core && b->core->info->unary;
    PyObject* result = plain ? run_unary(self, args[0]) : builtin_forward(self, args, n, names);
    if (!result) [[unlikely]]
      explain_exception(self, args, n);
    return result;
  }
  // Before 3.12 CPython keeps the vectorcall flag when a class gets a __call__: go through the slot.
  Object tuple = Object::steal(PyTuple_New(n)), kwargs = Object::steal(names ? PyDict_New() : nullptr);
  if (!tuple || (names && !kwargs)) return nullptr;
  for (Py_ssize_t i = 0; i < n; ++i) PyTuple_SET_ITEM(tuple.get(), i, Py_NewRef(args[i]));
  for (Py_ssize_t i = 0; names && i < PyTuple_GET_SIZE(names); ++i) {
    if (PyDict_SetItem(kwargs.get(), PyTuple_GET_ITEM(names, i), args[n + i]) < 0) return nullptr;
  }
  return Py_TYPE(self)->tp_call(self, tuple.get(), kwargs.get());
}

PyObject* builtin_getstate(PyObject* self, PyObject*) {
  Object d = Object::steal(PyObject_GenericGetDict(self, nullptr));
  return d ? PyDict_Copy(d.get()) : nullptr;
}

PyObject* builtin_reset_parameters(PyObject* self, PyObject*) {
  return guarded([&] {
    with_core(self, [&](Core& core) { core.module->reset_parameters(); });
    return Py_NewRef(Py_None);
  });
}

PyObject* builtin_extra_repr(PyObject* self, PyObject*) {
  return guarded([&] {
    return with_core(self,
                     [&](Core& core) { return PyUnicode_FromString(core.module->extra_repr().c_str()); });
  });
}

}  // namespace

// C++ module of a builtin instance; made blank when __init__ has not run (as unpickling does). All state is
// in __dict__.
Core& core_of(PyObject* self) {
  auto* b = reinterpret_cast<PyBuiltin*>(self);
  if (b->core) return *b->core;
  const LayerInfo* info = layer_of(Py_TYPE(self));
  RL_CHECK_AS(TypeError, info, "cannot call an abstract builtin module");
  b->core = new Core(info->blank(), info);
  b->vectorcall = builtin_vectorcall;
  Ownership::give(*b->core->module, self);
  return *b->core;
}

Tensor run_native(PyObject* self, const Tensor& input) {
  return with_core(self, [&](Core& core) { return core.module->forward(input); });
}

bool runs_native(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  if (type->tp_call != module_call) return false;
  PyObject* f = _PyType_Lookup(type, str.forward);
  PyObject* dict = dict_of(self);
  return f && is_native_forward(f) && !find(dict, str.forward) && !has_hooks(dict);
}

PyObject* builtin_forward(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* names) {
  auto* b = reinterpret_cast<PyBuiltin*>(self);
  if (n == 1 && !names && b->core && b->core->info->unary) return run_unary(self, args[0]);
  return guarded([&] { return call_layer_forward(self, args, n, names); });
}

// Moves a native module's state into self.__dict__ and makes self its owner; children are wrapped on the way.
void take_ownership(PyObject* self, nn::Module* m, const LayerInfo* info) {
  auto* b = reinterpret_cast<PyBuiltin*>(self);
  check(init_registries(self));
  PyObject* dict = dict_of(self);
  PyObject* registry = registry_of(dict, str.parameters);
  for (auto& [name, t] : Ownership::parameters(*m)) {
    Object value = take(wrap(t));
    check(PyDict_SetItemString(registry, name.c_str(), value.get()));
  }
  registry = registry_of(dict, str.buffers);
  for (auto& [name, buffer] : Ownership::buffers(*m)) {
    Object value = take(wrap(buffer.value));
    check(PyDict_SetItemString(registry, name.c_str(), value.get()));
    if (buffer.persistent) continue;
    Object key = take(PyUnicode_FromString(name.c_str()));
    check(PySet_Add(find(dict, str.non_persistent), key.get()));
  }
  registry = registry_of(dict, str.modules);
  for (auto& [name, child] : Ownership::children(*m)) {
    Object value = take(module_to_python(*child));
    check(PyDict_SetItemString(registry, name.c_str(), value.get()));
  }
  if (!Ownership::training(*m)) check(PyDict_SetItem(dict, str.training, Py_False));
  write_options(dict, *m);
  delete std::exchange(b->core, nullptr);  // __init__ ran a second time
  b->core = new Core(m, info);
  b->vectorcall = builtin_vectorcall;
  Ownership::give(*m, self);
  Ownership::parameters(*m).clear();
  Ownership::buffers(*m).clear();
  Ownership::children(*m).clear();
}

PyObject* module_to_python(nn::Module& m) {
  if (m.self()) return Py_NewRef(static_cast<PyObject*>(m.self()));
  auto it = layers_by_cpp.find(typeid(m));
  RL_CHECK_AS(TypeError, it != layers_by_cpp.end(), "the C++ module ", m.class_name(),
              " has no Python class");
  Object o = take(it->second->type->tp_alloc(it->second->type, 0));
  take_ownership(o.get(), &m, it->second);
  return o.release();
}

// Options stay the objects that were given (p=0 stays an int), unless build() has changed their values.
void keep_as_given(PyObject* dict, PyObject* attributes) {
  PyObject *key, *given;
  for (Py_ssize_t pos = 0; PyDict_Next(attributes, &pos, &key, &given);) {
    PyObject* built = find(dict, key);
    const int same = built ? PyObject_RichCompareBool(built, given, Py_EQ) : 1;
    check(same);
    if (same) check(PyDict_SetItem(dict, key, given));
  }
}

int layer_init(const LayerInfo& info, PyObject* self, PyObject* args, PyObject* kwargs) {
  return guarded([&]() -> int {
    std::unique_ptr<nn::Module> m(info.blank());
    const std::vector<ConstructorParameter> parameters = constructor_parameters(*m);
    const std::string function = concat(_PyType_Name(Py_TYPE(self)), ".__init__");
    const Py_ssize_t given = PyTuple_GET_SIZE(args);
    size_t positional = 0, required = 0;
    for (const auto& p : parameters) {
      positional += !p.name->keyword_only();
      required += p.name->required();
    }
    if (given > static_cast<Py_ssize_t>(positional)) report_too_many(function, required, positional, given);
    std::vector<PyObject*> slots(parameters.size());
    for (Py_ssize_t i = 0; i < given; ++i) slots[i] = PyTuple_GET_ITEM(args, i);
    PyObject *key, *value;
    for (Py_ssize_t pos = 0; kwargs && PyDict_Next(kwargs, &pos, &key, &value);) {
      place_named(function, key, value, slots.data(), slots.size(),
                  [&](size_t i) { return parameters[i].name->text(); });
    }
    std::vector<std::string> missing;
    for (size_t i = 0; i < slots.size(); ++i) {
      if (!slots[i] && !(slots[i] = parameters[i].fallback.get()))
        missing.push_back(parameters[i].name->text());
    }
    if (!missing.empty()) report_missing(function, missing);
    const Object attributes = read_arguments(*m, slots.data());
    m->build();
    take_ownership(self, m.get(), &info);
    m.release();
    keep_as_given(dict_of(self), attributes.get());
    take(PyObject_CallMethodNoArgs(self, str.reset_parameters));  // users override it
    return 0;
  });
}

// "(in_features, out_features, bias=True, device=None, dtype=None)"
std::string layer_signature(const LayerInfo& info) {
  std::unique_ptr<nn::Module> m(info.blank());
  std::string out = "(";
  bool star = false;
  for (const ConstructorParameter& p : constructor_parameters(*m)) {
    if (out.size() > 1) out += ", ";
    if (p.name->keyword_only() && !std::exchange(star, true)) out += "*, ";
    out += p.name->text();
    if (!p.fallback) continue;
    Object repr = take(PyObject_Repr(p.fallback.get()));
    out += concat("=", PyUnicode_AsUTF8(repr.get()));
  }
  return out + ")";
}

PyTypeObject* add_layer_type(PyObject* module, LayerInfo* info, const char* full_name,
                             const std::type_info& cpp, initproc init, const std::string& doc) {
  std::vector<PyType_Slot> slots = {{Py_tp_init, slot(init)}, {Py_tp_doc, const_cast<char*>(doc.c_str())}};
  PyTypeObject* type = make_module_type(full_name, sizeof(PyBuiltin), kModuleFlags, slots, builtin_type);
  type->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
  info->type = type;
  layers[type] = info;
  layers_by_cpp[cpp] = info;
  add_to_module(module, info->name, Object::share(reinterpret_cast<PyObject*>(type)));
  return type;
}

PyMethodDef builtin_methods[] = {
    {"__getstate__", builtin_getstate, METH_NOARGS, nullptr},
    {"forward", RL_METHOD(builtin_forward), METH_FASTCALL | METH_KEYWORDS,
     "What the layer computes, without hooks."},
    {"reset_parameters", builtin_reset_parameters, METH_NOARGS, "Draws the parameters anew."},
    {"extra_repr", builtin_extra_repr, METH_NOARGS, "The options, as they are printed."},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace rushlight::python
