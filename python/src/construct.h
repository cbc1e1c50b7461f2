// Tensors from Python's data.
#pragma once

#include "python.h"
#include "rushlight/core/dtype.h"

namespace rushlight::python {

// Tensor.new and Tensor.new_tensor.
PyObject* new_of_type(PyObject* self, PyObject* args, PyObject* kwargs);
PyObject* new_tensor(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names);

// torch.FloatTensor and its kin.
bool is_legacy_type(PyObject* object);
DType legacy_type_dtype(PyObject* object);

void add_constructors(PyObject* module);

}  // namespace rushlight::python
