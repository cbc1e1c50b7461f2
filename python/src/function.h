// torch.autograd.Function: operations whose forward and backward are written in Python.
#pragma once

#include "python.h"
#include "rushlight/autograd/node.h"

namespace rushlight::python {

// The node behind a context; RuntimeError when its graph is gone.
Ref<autograd::Node> function_node(PyObject* context);

// The name of a context's node, whether that lives or not; nullptr for other objects.
const char* function_name(PyObject* object);

void add_function_type(PyObject* module);

}  // namespace rushlight::python
