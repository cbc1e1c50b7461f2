// torch.Generator.
#pragma once

#include "python.h"
#include "rushlight/core/generator.h"

namespace rushlight::python {

extern PyTypeObject* generator_type;
Generator* generator_value(PyObject* object);  // nullptr for None
void add_generator_type(PyObject* module);

}  // namespace rushlight::python
