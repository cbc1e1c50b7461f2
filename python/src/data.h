// What samplers and loaders compute: rushlight._C._data.
#pragma once

#include "python.h"

namespace rushlight::python {

void add_data(PyObject* module);

}  // namespace rushlight::python
