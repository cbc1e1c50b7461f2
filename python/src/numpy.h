// NumPy's arrays and ours, without NumPy's headers and without importing NumPy before somebody needs it.
#pragma once

#include "python.h"
#include "rushlight/core/tensor.h"

namespace rushlight::python {

bool is_ndarray(PyObject* object);
// The dtype of an array or a NumPy scalar; TypeError for those that tensors lack.
DType numpy_dtype(PyObject* array);
// Shares the array's memory; PyTorch's errors and warning.
Tensor tensor_from_numpy(PyObject* array, bool warn_if_not_writable = true);
// Shares the tensor's memory; TypeError for dtypes that NumPy lacks.
PyObject* tensor_to_numpy(PyObject* self);

}  // namespace rushlight::python
