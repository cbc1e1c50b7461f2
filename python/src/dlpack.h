// DLPack: tensors shared with other libraries (https://dmlc.github.io/dlpack).
#pragma once

#include "python.h"

namespace rushlight::python {

PyObject* to_dlpack(PyObject* self, PyObject* const* args, Py_ssize_t count,
                    PyObject* names);                // Tensor.__dlpack__
PyObject* dlpack_device(PyObject* self, PyObject*);  // Tensor.__dlpack_device__
void add_dlpack(PyObject* module);                   // from_dlpack, to_dlpack

}  // namespace rushlight::python
