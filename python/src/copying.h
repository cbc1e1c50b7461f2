// Copies and pickles of tensors.
#pragma once

#include "python.h"

namespace rushlight::python {

PyObject* copy_tensor(PyObject* self, PyObject*);             // Tensor.__copy__
PyObject* deepcopy_tensor(PyObject* self, PyObject* memo);    // Tensor.__deepcopy__
PyObject* reduce_tensor(PyObject* self, PyObject* protocol);  // Tensor.__reduce_ex__
void add_copying(PyObject* module);

}  // namespace rushlight::python
