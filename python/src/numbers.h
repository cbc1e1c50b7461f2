// Which Python objects count as numbers, and their values.
#pragma once

#include "python.h"
#include "rushlight/core/scalar.h"

namespace rushlight::python {

// bool, int, float, complex, and NumPy's scalars of these kinds.
bool is_number(PyObject* object);
bool is_numpy_integer(PyObject* object);
bool is_numpy_bool(PyObject* object);
// Tensors that stand for a number: 0-d without gradient; of integer dtype for sizes and dims.
bool is_scalar_tensor(PyObject* object);
bool is_index_tensor(PyObject* object);
// The Python types float, int, bool and complex where a dtype is asked for.
bool is_type_alias(PyObject* object);
bool is_generator(PyObject* object);

Scalar scalar_value(PyObject* object);  // throws OverflowError outside 64 bits
int64_t int_value(PyObject* object);
double double_value(PyObject* object);
PyObject* wrap_scalar(const Scalar& scalar);

}  // namespace rushlight::python
