// Python functions that pack and unpack the tensors that operations save for backward.
#pragma once

#include "python.h"

namespace rushlight::python {

void add_saved_hooks(PyObject* module);

}  // namespace rushlight::python
