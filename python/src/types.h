// Small value types: dtype, device, Size, and the placeholders layout and memory_format.
#pragma once

#include "python.h"
#include "rushlight/core/tensor.h"

namespace rushlight::python {

bool is_strided(PyObject* layout);  // torch.strided
extern PyTypeObject *dtype_type, *device_type, *size_type, *layout_type, *memory_format_type;

PyObject* dtype_object(DType dtype);                 // borrowed
DType dtype_value(PyObject* object);                 // of a dtype object
PyObject* wrap_device(Device device);                // new
bool is_device_like(PyObject* object);               // device, str or int
Device device_value(PyObject* object);               // of any of these
MemoryFormat memory_format_value(PyObject* object);  // of a memory_format object
PyObject* wrap_size(DimsRef sizes);                  // new torch.Size

void add_value_types(PyObject* module);

}  // namespace rushlight::python
