// The extension module rushlight._C.
#include "autograd.h"
#include "data.h"
#include "construct.h"
#include "copying.h"
#include "dlpack.h"
#include "function.h"
#include "generator.h"
#include "hooks.h"
#include "nn/nn.h"
#include "node.h"
#include "operations.h"
#include "rushlight/core/warning.h"
#include "optim.h"
#include "saved_hooks.h"
#include "serialize.h"
#include "settings.h"
#include "storage.h"
#include "tensor_repr.h"
#include "types.h"

namespace rushlight::python {
namespace {

PyModuleDef definition = {PyModuleDef_HEAD_INIT,
                          "rushlight._C",
                          "The engine of Rushlight.",
                          -1,
                          nullptr,
                          nullptr,
                          nullptr,
                          nullptr,
                          nullptr};

// As warnings.warn; where a filter makes it an error, that error passes through the C++ code.
void show_warning(WarningKind kind, const std::string& text) {
  PyObject* category = kind == WarningKind::User     ? PyExc_UserWarning
                       : kind == WarningKind::Future ? PyExc_FutureWarning
                                                     : PyExc_DeprecationWarning;
  const PyGILState_STATE state = PyGILState_Ensure();
  const int failed = PyErr_WarnEx(category, text.c_str(), 1);
  PyGILState_Release(state);
  if (failed) throw PythonError();
}

PyObject* make_module() {
  set_warning_hook(show_warning);
  Object module = take(PyModule_Create(&definition));
  add_value_types(module.get());
  add_generator_type(module.get());
  add_node_type(module.get());
  add_hook_types(module.get());
  add_saved_hooks(module.get());
  add_function_type(module.get());
  add_tensor_type(module.get());
  add_constructors(module.get());
  add_dlpack(module.get());
  add_storage_type(module.get());
  add_copying(module.get());
  add_autograd(module.get());
  add_grad_modes(module.get());
  add_gradcheck(module.get());
  add_settings(module.get());
  add_tensor_printing(module.get());
  add_operations(module.get());
  add_data(module.get());
  add_nn(module.get());
  add_optimizers(module.get());
  add_serialization(module.get());
  return module.release();
}

}  // namespace
}  // namespace rushlight::python

PyMODINIT_FUNC PyInit__C() {
  return rushlight::python::guarded([] { return rushlight::python::make_module(); });
}
