// torch.UntypedStorage: the bytes under tensors, as one Python object for each storage.
#pragma once

#include "python.h"
#include "rushlight/core/storage.h"

namespace rushlight::python {

bool is_storage(PyObject* object);
const Ref<Storage>& storage_value(PyObject* object);
// The object that stands for a storage, new or the one it has.
PyObject* wrap_storage(const Ref<Storage>& storage);

PyObject* untyped_storage(PyObject* tensor, PyObject*);  // Tensor.untyped_storage
PyObject* set_tensor(PyObject* tensor, PyObject* const* args, Py_ssize_t count,
                     PyObject* names);  // Tensor.set_

void add_storage_type(PyObject* module);

}  // namespace rushlight::python
