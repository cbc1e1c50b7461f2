// Nodes of the autograd graph as Python sees them: tensor.grad_fn.
#pragma once

#include "python.h"
#include "rushlight/autograd/node.h"

namespace rushlight::python {

PyObject* wrap_node(const Ref<autograd::Node>& node);  // None for a null node
void add_node_type(PyObject* module);

}  // namespace rushlight::python
