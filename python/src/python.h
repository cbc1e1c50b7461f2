// The CPython API, an owning pointer to its objects, and the way errors cross between the two languages.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <utility>

#include "rushlight/core/error.h"

namespace rushlight::python {

// Owns one reference. `steal` takes a new reference, `share` adds one to a borrowed.
class Object {
 public:
  Object() = default;
  static Object steal(PyObject* p) {
    Object o;
    o.p_ = p;
    return o;
  }
  static Object share(PyObject* p) {
    Py_XINCREF(p);
    return steal(p);
  }
  Object(const Object& other) : p_(other.p_) { Py_XINCREF(p_); }
  Object(Object&& other) noexcept : p_(std::exchange(other.p_, nullptr)) {}
  Object& operator=(Object other) noexcept {
    std::swap(p_, other.p_);
    return *this;
  }
  ~Object() { Py_XDECREF(p_); }
  PyObject* get() const { return p_; }
  PyObject* release() { return std::exchange(p_, nullptr); }
  explicit operator bool() const { return p_ != nullptr; }

 private:
  PyObject* p_ = nullptr;
};

// A Python exception is set and waits to be raised: thrown to unwind C++ frames in between.
struct PythonError {};

// Throws PythonError when `p` is null; the usual way to check a call of the API.
inline PyObject* check(PyObject* p) {
  if (!p) throw PythonError();
  return p;
}
inline Object take(PyObject* p) { return Object::steal(check(p)); }
inline void check(int status) {
  if (status < 0) throw PythonError();
}

// Turns the C++ exception in flight into the Python exception of the same name, hints as notes (PEP 678).
void set_python_error() noexcept;
// The list of an exception's notes, made when it has none; before Python 3.11 tracebacks do not show them.
Object notes_of(PyObject* exception);

// Runs f, which returns PyObject* (or int), and turns any exception into Python's way of failing.
template <class F>
auto guarded(F&& f) noexcept -> decltype(f()) {
  try {
    return f();
  } catch (...) {
    set_python_error();
    if constexpr (std::is_pointer_v<decltype(f())>) return nullptr;
    else return -1;
  }
}

// Lets other Python threads run while this scope computes.
class ReleaseGil {
 public:
  ReleaseGil() : state_(PyEval_SaveThread()) {}
  ~ReleaseGil() { PyEval_RestoreThread(state_); }
  ReleaseGil(const ReleaseGil&) = delete;

 private:
  PyThreadState* state_;
};
class AcquireGil {
 public:
  AcquireGil() : state_(PyGILState_Ensure()) {}
  ~AcquireGil() { PyGILState_Release(state_); }
  AcquireGil(const AcquireGil&) = delete;

 private:
  PyGILState_STATE state_;
};

template <class F>
auto without_gil(F&& f) -> decltype(f()) {
  ReleaseGil released;
  return f();
}

// Adds `object` to the module under `name`.
void add_to_module(PyObject* module, const char* name, Object object);
// A heap type from its spec, added to the module.
PyTypeObject* add_type(PyObject* module, const char* name, PyType_Spec* spec, PyObject* bases = nullptr);

}  // namespace rushlight::python
