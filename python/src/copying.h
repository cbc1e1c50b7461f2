// Copies and pickles of tensors.
#pragma once

#include "python.h"
#include "rushlight/core/storage.h"

namespace rushlight::python {

PyObject* copy_tensor(PyObject* self, PyObject*);             // Tensor.__copy__
PyObject* deepcopy_tensor(PyObject* self, PyObject* memo);    // Tensor.__deepcopy__
PyObject* reduce_tensor(PyObject* self, PyObject* protocol);  // Tensor.__reduce_ex__
// What __reduce__ gives for our constant `name` of PyTorch's module `module`, or for a call of it.
PyObject* reduce_to_name(const char* module, const char* name, PyObject* arguments = nullptr);
// The copy of a storage; those that were copied with the same memo share it.
Ref<Storage> copied_storage(const Ref<Storage>& storage, PyObject* memo);
void add_copying(PyObject* module);

}  // namespace rushlight::python
