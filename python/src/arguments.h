// Arguments of operations: signatures are read from the declarations, and one parser serves them all, with
// PyTorch's rules and error texts.
#pragma once

#include <string>
#include <vector>

#include "python.h"

namespace rushlight::python {

enum class Kind : uint8_t {
  Tensor,
  OptTensor,
  TensorList,
  TensorArgs,
  Scalar,
  OptScalar,
  Operand,
  Dims,
  OptDims,
  DimPair,
  Int,
  OptInt,
  Double,
  OptDouble,
  Bool,
  OptBool,
  String,
  OptString,
  DType,
  OptDType,
  Device,
  OptDevice,
  Generator,
  MemoryFormat,
  Layout,
  Object,
  Padding,
  Extents,
  OptDoubles,
  Out
};

struct Parameter {
  Kind kind;
  std::string name;
  PyObject* interned;  // the name
  PyObject* fallback;  // default value; nullptr when required
  std::string fallback_text;
  bool keyword_only;
  bool list_only;  // of Dims: a single int must stand alone by position, as in zeros(3)
};

struct Signature {
  std::vector<Parameter> parameters;
  int positional = 0;            // how many may be given by position
  int variable = -1;             // the last of these, when all arguments from its own on can be meant for it
  bool creates = false;          // makes tensors out of nothing: takes `layout` and `pin_memory` too
  bool python_function = false;  // PyTorch's is written in Python

  // From the stringified row of a declaration: "(Tensor, input), (OptDims, dim, {}), (KW), (bool, keepdim,
  // false)".
  explicit Signature(const char* row, bool has_out);
  // "Tensor input, tuple of ints dim = None, *, bool keepdim = False", as PyTorch lists signatures in errors.
  std::string text(bool skip_first) const;
};

inline constexpr int kMaxParameters = 24;

// A call as vectorcall delivers it.
struct Call {
  PyObject* const* args;
  Py_ssize_t count;  // positional
  PyObject* names;   // tuple of keyword names or nullptr; their values follow the positional ones
  PyObject* self;    // of a method: stands before args; nullptr for functions
};

// Fills slots (borrowed references) for the first of the overloads that fits and returns its number. A
// temporary tuple made for variable arguments is returned in `keep`. Throws PyTorch's TypeError when none
// fits.
int parse(const char* name, const std::vector<Signature*>& overloads, const Call& call, PyObject** slots,
          Object& keep);

// The device that new tensors get where a call names none, as a torch.device; nullptr for the CPU.
PyObject* default_device();
// From now on (a new reference is taken); nullptr goes back to the one before.
void push_default_device(PyObject* device);
void pop_default_device();

// A function that is bound by hand but called like an operation; one row of parameters for each overload.
//
//   static const Written written("tensor", {"(Object, data), (KW), (OptDType, dtype, {})"});
//   const Written::Arguments a = written.parse({args, count, names, nullptr});
class Written {
 public:
  struct Arguments {
    int overload;
    PyObject* slots[kMaxParameters];
    Object keep;
    PyObject* operator[](int i) const { return slots[i]; }
    bool given(int i) const { return slots[i] != Py_None; }
  };

  Written(const char* name, std::initializer_list<const char*> rows);
  Arguments parse(const Call& call) const;

 private:
  const char* name_;
  std::vector<Signature*> signatures_;
};

// For method tables.
using FastFunction = PyObject*(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names);
inline PyMethodDef fast_method(const char* name, FastFunction* f, const char* doc, int flags = 0) {
  return {name, reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(f)),
          METH_FASTCALL | METH_KEYWORDS | flags, doc};
}

}  // namespace rushlight::python
