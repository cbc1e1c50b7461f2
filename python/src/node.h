// Nodes of the autograd graph as Python sees them: tensor.grad_fn.
#pragma once

#include "python.h"
#include "rushlight/autograd/node.h"

namespace rushlight::python {

PyObject* wrap_node(const Ref<autograd::Node>& node);  // None for a null node
// The node that an object of torch.autograd.graph.Node stands for.
Ref<autograd::Node> node_value(PyObject* object);

// Methods and attributes that all such objects have.
extern PyMethodDef node_methods[];
extern PyGetSetDef node_getset[];

void add_node_type(PyObject* module);

}  // namespace rushlight::python
