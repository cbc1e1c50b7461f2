// Checkpoints from and to Python objects: rushlight._C._serialize.
#pragma once

#include "python.h"

namespace rushlight::python {

void add_serialization(PyObject* module);

}  // namespace rushlight::python
