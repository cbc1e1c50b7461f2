// Nested Python sequences of numbers and the tensors they become.
#pragma once

#include "python.h"
#include "rushlight/core/tensor.h"

namespace rushlight::python {

// A new tensor with the numbers in `data`: a number, a NumPy scalar or 0-d tensor, or sequences of these. The
// dtype is that of the numbers when none is given.
Tensor tensor_from_sequence(PyObject* data, OptDType dtype);

// Python numbers, nested in lists as the dimensions are.
PyObject* tensor_to_list(const Tensor& tensor);

// The element at `place`, of the given dtype, as a Python number; and back, with PyTorch's errors.
PyObject* load_number(const void* place, DType dtype);
void store_number(void* place, DType dtype, PyObject* number);

}  // namespace rushlight::python
