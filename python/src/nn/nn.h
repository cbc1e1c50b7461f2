// Python's Module and the builtin layers, from inside.
//
// `Module` is layout-neutral: its instances have a dict and weak references and nothing else, as a class
// written in Python. So it mixes with ABCs, protocols, __slots__ classes and dict or list bases, and its
// `__dict__` holds all state
// (`_parameters`, `_modules`, `training`, ...). Builtin layers derive from `BuiltinModule`, which adds a
// pointer to the C++ module; options and parameters still live in `__dict__`, and C++ reads them there (see
// nn::Peer).
#pragma once

#include <unistd.h>

#include <string>
#include <vector>

#include "../python.h"
#include "../tensor.h"
#include "rushlight/nn/module.h"

// CPython exports these, without declaring all of them in its public headers on every version.
extern "C" {
PyAPI_FUNC(PyObject*) _PyType_Lookup(PyTypeObject*, PyObject*);
PyAPI_FUNC(PyObject**) _PyObject_GetDictPtr(PyObject*);
PyAPI_FUNC(PyObject*) _PyObject_GenericGetAttrWithDict(PyObject*, PyObject*, PyObject*, int);
}
#if PY_VERSION_HEX >= 0x030C0000 && PY_VERSION_HEX < 0x030D0000
#define PyObject_VisitManagedDict _PyObject_VisitManagedDict
#define PyObject_ClearManagedDict _PyObject_ClearManagedDict
#endif

namespace rushlight::python {

using nn::Name;
using nn::Ownership;
using nn::Shared;

extern PyTypeObject *module_type, *builtin_type;

// Interned attribute names.
struct Strings {
  PyObject *parameters, *buffers, *modules, *non_persistent, *training, *forward, *getattr, *setattr,
      *delattr, *getattribute, *init, *init_subclass, *register_parameter, *register_buffer, *call_super_init,
      *is_buffer, *persistent, *reset_parameters, *extra_repr;
  // Hook registries, made when first asked for; the first four concern calls.
  PyObject* hooks[11];
};
extern Strings str;

// Hooks on all modules, by what calls them: forward, forward pre, backward, backward pre. Dicts, never null.
extern PyObject* global_hooks[4];

// ---- Instances

struct LayerInfo;

// The C++ side of a builtin instance. `seen` are the option values last read from __dict__ (immutable, kept
// alive, so that comparing addresses tells whether an option was assigned).
struct Core {
  Core(nn::Module* m, const LayerInfo* i) : module(m), info(i) {}
  ~Core() {
    for (PyObject* o : seen) Py_XDECREF(o);
    delete module;
  }
  nn::Module* module;
  const LayerInfo* info;
  std::vector<PyObject*> seen;
};

struct PyBuiltin {
  PyObject_HEAD
#if PY_VERSION_HEX < 0x030C0000
      PyObject* dict;
  PyObject* weakrefs;
#endif
  Core* core;
  vectorcallfunc vectorcall;
};

// The instance's dict, borrowed; null when it has none yet.
inline PyObject* dict_of(PyObject* self) {
  PyObject** p = _PyObject_GetDictPtr(self);
  return p ? *p : nullptr;
}
inline PyObject* find(PyObject* dict, PyObject* key) {  // borrowed; null without an error when absent
  return dict ? PyDict_GetItemWithError(dict, key) : nullptr;
}
// self.__dict__[registry], if it is a dict.
inline PyObject* registry_of(PyObject* dict, PyObject* registry) {
  PyObject* r = find(dict, registry);
  return r && PyDict_Check(r) ? r : nullptr;
}
inline bool is_module(PyObject* o) { return PyObject_TypeCheck(o, module_type); }
inline bool is_builtin(PyObject* o) { return PyObject_TypeCheck(o, builtin_type); }

inline PyObject* key_of(const Name& name) {
  if (!name.foreign_key) name.foreign_key = check(PyUnicode_InternFromString(name.text()));
  return static_cast<PyObject*>(name.foreign_key);
}

template <class F>
void* slot(F f) {
  return reinterpret_cast<void*>(f);
}
#define RL_METHOD(f) reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)(void)>(f))

// ---- Scopes

// Modules that contain themselves end in RecursionError, not in a stack overflow.
class RecursionGuard {
 public:
  RecursionGuard() {
    if (Py_EnterRecursiveCall(" in Module.forward")) throw PythonError();
  }
  ~RecursionGuard() { Py_LeaveRecursiveCall(); }
  RecursionGuard(const RecursionGuard&) = delete;
};

// While the interpreter shuts down, CPython before 3.14 ends a daemon thread that asks for the GIL with
// pthread_exit. That would unwind our frames, dropping references without the GIL. So such a thread sleeps
// until the process is gone. Every call from a C++ frame that may run Python code or take the GIL goes
// through here.
template <class F>
auto surviving_exit(F&& f) {
  try {
    return f();
  } catch (const std::exception&) {
    throw;
  } catch (const PythonError&) {
    throw;
  } catch (...) {  // the thread's forced unwinding
    for (;;) pause();
  }
}

// Holds the GIL; free of charge for a thread that has it.
class Gil {
 public:
  Gil() : taken_(!PyGILState_Check()) {
    if (taken_) state_ = surviving_exit([] { return PyGILState_Ensure(); });
  }
  ~Gil() {
    if (taken_) PyGILState_Release(state_);
  }
  Gil(const Gil&) = delete;

 private:
  bool taken_;
  PyGILState_STATE state_{};
};

// ---- attributes.cpp

PyObject* module_getattro(PyObject* self, PyObject* name);
extern PyMethodDef attribute_methods[];  // __getattr__, __setattr__, __delattr__
extern PyObject* own_getattr;            // Module.__getattr__ as we made it
int init_registries(PyObject* self);     // what Module.__init__ puts into the instance's dict

// ---- calling.cpp

PyObject* module_call(PyObject* self, PyObject* args, PyObject* kwargs);
// Adds to the exception that leaves a module's call where it arose (rushlight/nn/failure.h).
void explain_exception(PyObject* self, PyObject* const* args, Py_ssize_t n) noexcept;
bool has_hooks(PyObject* dict);
void set_hooked_call(PyObject* function);  // rushlight.nn.modules.module._call_with_hooks

// ---- builtin.cpp: a layer's Python class, made from its C++ class

struct LayerInfo {
  const char* name;
  nn::Module* (*blank)();
  // Calls forward with as many slots as it has parameters; None for those not given.
  PyObject* (*forward)(nn::Module& module, PyObject* const* slots);
  std::vector<std::string> parameters;  // of forward
  size_t required = 0;
  bool unary = false;  // forward(const Tensor&) alone
  PyTypeObject* type = nullptr;
  PyObject* fallback = nullptr;  // called with the module and the arguments when the first one is no tensor
};

PyObject* builtin_forward(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* names);
bool runs_native(PyObject* self);                        // nothing overridden, patched or hooked
Tensor run_native(PyObject* self, const Tensor& input);  // of a unary layer
Core& core_of(PyObject* self);                           // made blank when __init__ has not run
void take_ownership(PyObject* self, nn::Module* m, const LayerInfo* info);
PyTypeObject* add_layer_type(PyObject* module, LayerInfo* info, const char* full_name,
                             const std::type_info& cpp, initproc init, const std::string& doc);
extern PyMethodDef builtin_methods[];
int layer_init(const LayerInfo& info, PyObject* self, PyObject* args, PyObject* kwargs);
std::string layer_signature(const LayerInfo& info);

// ---- options.cpp: options and Python objects

void read_options(PyObject* self, Core& core);      // __dict__ -> C++ members, those that were assigned
void write_options(PyObject* dict, nn::Module& m);  // C++ members -> __dict__
struct ConstructorParameter {
  const Name* name;
  Object fallback;  // null when required
};
std::vector<ConstructorParameter> constructor_parameters(nn::Module& blank);
// Sets the C++ members from the arguments and returns what __dict__ gets: the values as they were given.
Object read_arguments(nn::Module& m, PyObject* const* slots);

// ---- peer.cpp

void install_peer();
PyObject* module_to_python(nn::Module& m);
Shared<nn::Module> module_from_python(PyObject* o);

// ---- layers.cpp

void add_layers(PyObject* module);

// ---- module_type.cpp

void add_nn(PyObject* module);
PyTypeObject* make_module_type(const char* name, int size, unsigned long flags,
                               std::vector<PyType_Slot> slots, PyTypeObject* base);
inline constexpr unsigned long kModuleFlags =
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE;  // derived types inherit traverse and clear

}  // namespace rushlight::python
