// The Python object that stands for a tensor.
//
// Wrapper and TensorImpl know each other. While Python holds the wrapper, the wrapper owns the
// implementation. When the last Python reference goes but C++ still refers to the tensor, a wrapper that
// anyone could miss (a leaf that requires grad, one with attributes, weak references or a subclass) changes
// sides: the implementation then owns it, so that id() and attributes are the same when the tensor comes back
// to Python. (PyTorch's scheme, torch/csrc/autograd/python_variable.cpp.)
#pragma once

#include "python.h"
#include "rushlight/core/tensor.h"

namespace rushlight::python {

struct PyTensor {
  PyObject_HEAD Tensor tensor;  // counted unless its implementation owns this object
  PyObject* dict;
  PyObject* weakrefs;
};

extern PyTypeObject *tensor_type, *parameter_type;

inline bool is_tensor(PyObject* object) {
  return Py_IS_TYPE(object, tensor_type) || PyObject_TypeCheck(object, tensor_type);
}
// The tensor of a wrapper, for as long as the wrapper is held.
inline const Tensor& tensor_value(PyObject* object) { return reinterpret_cast<PyTensor*>(object)->tensor; }

// Operations on more elements than this let other threads of Python run meanwhile.
inline constexpr int64_t kLargeTensor = 1 << 16;

// The wrapper of a tensor, new or the one it has; None for an undefined tensor.
PyObject* wrap(Tensor tensor);
// A new wrapper of a given class, for constructors.
PyObject* wrap_as(PyTypeObject* type, Tensor tensor);

void add_tensor_type(PyObject* module);

// Tensor(...), from construct.cpp.
PyObject* tensor_new(PyTypeObject* type, PyObject* args, PyObject* kwargs);

// The tables that the type is assembled from.
extern PyGetSetDef tensor_getset[];           // tensor_properties.cpp
extern PyMethodDef tensor_methods[];          // tensor_methods.cpp
extern PyMethodDef tensor_convert_methods[];  // tensor_convert.cpp
extern PyMethodDef tensor_grad_methods[];     // tensor_grad.cpp
extern PyMethodDef tensor_interop_methods[];  // interop.cpp
extern PyGetSetDef tensor_interop_getset[];
extern PyType_Slot tensor_interop_slots[];
extern PyType_Slot tensor_number_slots[];    // tensor_number.cpp; ends with {0, nullptr}
extern PyType_Slot tensor_sequence_slots[];  // tensor_index.cpp

}  // namespace rushlight::python
