// repr(tensor), format(tensor) and the options of printing.
#pragma once

#include "python.h"

namespace rushlight::python {

extern PyType_Slot tensor_repr_slot, parameter_repr_slot;  // for the types
void add_tensor_printing(PyObject* module);                // after the types

}  // namespace rushlight::python
