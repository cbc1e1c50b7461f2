// Copies and pickles of tensors.
#pragma once

#include "python.h"
#include "rushlight/core/storage.h"

namespace rushlight::python {

PyObject* copy_tensor(PyObject* self, PyObject*);             // Tensor.__copy__
PyObject* deepcopy_tensor(PyObject* self, PyObject* memo);    // Tensor.__deepcopy__
PyObject* reduce_tensor(PyObject* self, PyObject* protocol);  // Tensor.__reduce_ex__
// The copy of a storage; those that were copied with the same memo share it.
Ref<Storage> copied_storage(const Ref<Storage>& storage, PyObject* memo);
void add_copying(PyObject* module);

}  // namespace rushlight::python
