// Python functions as hooks of the graph.
#pragma once

#include "python.h"
#include "rushlight/autograd/node.h"

namespace rushlight::python {

// Hooks that call a Python function, and the handle that removes them.
PyObject* add_tensor_hook(PyObject* tensor, PyObject* function);
PyObject* add_post_accumulate_hook(PyObject* tensor, PyObject* function);
PyObject* add_node_hook(autograd::Node& node, PyObject* function, bool before);

// Tuples of gradients; None for those that are not there.
PyObject* wrap_gradients(const autograd::Gradients& gradients);

void add_hook_types(PyObject* module);

}  // namespace rushlight::python
