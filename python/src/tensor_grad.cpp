#include "operations.h"

namespace rushlight::python {

PyMethodDef tensor_grad_methods[] = {{}};

}  // namespace rushlight::python
