// What a call that fits no signature is told: PyTorch's exception texts.
#pragma once

#include "arguments.h"

namespace rushlight::python {

// Why a signature did not fit.
struct Misfit {
  enum What { None, TooMany, Missing, Unknown, Twice, Type } what = None;
  int parameter = 0;
  PyObject* value = nullptr;  // of the wrong type, or the unknown name
  bool by_name = false;
};

// Fills the slots from a call, as far as it fits.
Misfit fill(const Signature& s, const Call& call, PyObject** slots, Object& keep);
bool names_match(const Parameter& p, PyObject* name);
bool is_int(PyObject* o);
const char* shown(Kind kind);  // the name of a parameter's type

// Throws the TypeError for a call that fits none of the overloads.
[[noreturn]] void report_mistake(const char* name, const std::vector<Signature*>& overloads,
                                 const Call& call);

// Some of PyTorch's functions are written in Python, whose interpreter words a call that lacks arguments in
// its own way.
bool is_python_function(const std::string& module, const std::string& name, bool is_method);

// A list of sizes that holds something else; the call that it came with names the argument.
struct SizesError : TypeError {
  SizesError(PyObject* sizes, Py_ssize_t position, PyObject* item);
  PyObject* sizes;
};
[[noreturn]] void report_sizes(const char* name, const Signature& s, PyObject* const* slots,
                               const SizesError& error);

}  // namespace rushlight::python
