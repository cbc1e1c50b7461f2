// Length, indexing and assignment.
#include "operations.h"
#include "rushlight/ops/ops.h"

namespace rushlight::python {
namespace {

Py_ssize_t length(PyObject* self) {
  return guarded([&]() -> Py_ssize_t {
    const Tensor t = tensor_value(self);
    RL_CHECK_AS(TypeError, t.dim() > 0, "len() of a 0-d tensor");
    return t.sizes()[0];
  });
}

}  // namespace

PyType_Slot tensor_sequence_slots[] = {{Py_mp_length, reinterpret_cast<void*>(length)},
                                       {0, nullptr}};

}  // namespace rushlight::python
