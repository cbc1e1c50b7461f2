// Arguments of operations: signatures are read from the declarations, and one parser serves them all, with PyTorch's
// rules and error texts.
#pragma once

#include <string>
#include <vector>

#include "python.h"

namespace rushlight::python {

enum class Kind : uint8_t {
  Tensor, OptTensor, TensorList, Scalar, OptScalar, Operand, Dims, OptDims, Int, OptInt, Double, OptDouble, Bool, OptBool,
  String, OptString, DType, OptDType, Device, OptDevice, Generator, MemoryFormat, Padding, Extents, OptDoubles, Out
};

struct Parameter {
  Kind kind;
  std::string name;
  PyObject* interned;      // the name
  PyObject* fallback;      // default value; nullptr when required
  std::string fallback_text;
  bool keyword_only;
};

struct Signature {
  std::vector<Parameter> parameters;
  int positional = 0;  // how many may be given by position

  // From the stringified row of a declaration: "(Tensor, input), (OptDims, dim, {}), (KW), (bool, keepdim, false)".
  explicit Signature(const char* row, bool has_out);
  // "Tensor input, tuple of ints dim = None, *, bool keepdim = False", as PyTorch lists signatures in errors.
  std::string text(bool skip_first) const;
};

inline constexpr int kMaxParameters = 24;

// A call as vectorcall delivers it.
struct Call {
  PyObject* const* args;
  Py_ssize_t count;      // positional
  PyObject* names;       // tuple of keyword names or nullptr; their values follow the positional ones
  PyObject* self;        // of a method: stands before args; nullptr for functions
};

// Fills slots (borrowed references) for the first of the overloads that fits and returns its number. A temporary tuple made
// for variable arguments is returned in `keep`. Throws PyTorch's TypeError when none fits.
int parse(const char* name, const std::vector<Signature*>& overloads, const Call& call, PyObject** slots, Object& keep);

}  // namespace rushlight::python
