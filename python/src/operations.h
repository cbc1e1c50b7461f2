// Operations as Python sees them: one callable a name, with all its overloads, as function and as method.
#pragma once

#include <vector>

#include "convert.h"

namespace rushlight::python {

struct Overloads;

// One row of a declaration.
struct Row {
  const char* module;  // "torch", "torch.nn.functional" or "torch.special"
  const char* name;
  unsigned where;  // Forms
  const char* result;
  const char* parameters;
  const char* doc;
  const char* samples;
  void* function;
  Invoke invoke;
  void* in_place;  // the function of the form `name_`, or nullptr
  Invoke invoke_in_place;
};
const std::vector<Row>& rows();

// Calls an operation by name, as Python would: for slots and properties that have an operation behind them.
PyObject* call_operation(const char* name, std::initializer_list<PyObject*> args);

// The same for those who call often: the name is looked up once.
class NamedOperation {
 public:
  explicit NamedOperation(const char* name) : name_(name) {}
  PyObject* operator()(std::initializer_list<PyObject*> args);

 private:
  const char* name_;
  const Overloads* overloads_ = nullptr;
  bool is_method_ = false;
};

// Adds the functions to the module and the methods to Tensor.
void add_operations(PyObject* module);

}  // namespace rushlight::python
