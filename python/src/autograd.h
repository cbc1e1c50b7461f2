// torch.autograd: backward, grad, the modes.
#pragma once

#include <vector>

#include "python.h"
#include "rushlight/core/tensor.h"

namespace rushlight::python {

// None, a tensor, or a sequence of tensors and Nones.
std::vector<Tensor> optional_tensors(PyObject* object, const char* refusal = nullptr);
inline constexpr char kGradients[] = "gradients can be either Tensors or None";  // for `refusal`

// backward() with Python's arguments; the interpreter's lock is released meanwhile.
void run_backward(const std::vector<Tensor>& roots, const std::vector<Tensor>& gradients,
                  PyObject* retain_graph, bool create_graph, PyObject* inputs);

void add_autograd(PyObject* module);
void add_grad_modes(PyObject* module);
void add_gradcheck(PyObject* module);

}  // namespace rushlight::python
