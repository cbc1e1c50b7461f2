// The steps of the optimizers: rushlight._C._optim.
#pragma once

#include "python.h"

namespace rushlight::python {

void add_optimizers(PyObject* module);

}  // namespace rushlight::python
