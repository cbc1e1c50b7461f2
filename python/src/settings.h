// Switches of the process: default dtype, threads, denormals; and questions about dtypes.
#pragma once

#include "python.h"

namespace rushlight::python {

void add_settings(PyObject* module);

}  // namespace rushlight::python
