// torch.autograd.gradcheck over the C++ one.
#include "rushlight/autograd/gradcheck.h"

#include "arguments.h"
#include "autograd.h"
#include "numbers.h"
#include "rushlight/ops/print.h"
#include "tensor.h"

namespace rushlight::python {
namespace {

PyObject* wrap_list(const std::vector<Tensor>& tensors) {
  Object list = take(PyList_New(tensors.size()));
  for (size_t i = 0; i < tensors.size(); ++i) PyList_SET_ITEM(list.get(), i, wrap(tensors[i]));
  return list.release();
}

// _gradcheck(function, inputs, grad_outputs, second, eps, atol, rtol, nondet_tol): None, or why it failed.
// `function` takes and returns lists.
PyObject* gradcheck(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *function, *inputs, *grad_outputs;
    int second;
    autograd::GradcheckOptions options;
    if (!PyArg_ParseTuple(args, "OOOpdddd", &function, &inputs, &grad_outputs, &second, &options.eps,
                          &options.atol, &options.rtol, &options.nondet_tol)) {
      throw PythonError();
    }
    const autograd::TensorFunction call = [&](const std::vector<Tensor>& arguments) {
      Object list = take(wrap_list(arguments));
      Object result = take(PyObject_CallOneArg(function, list.get()));
      return optional_tensors(result.get());
    };
    const std::vector<Tensor> tensors = optional_tensors(inputs);
    const auto failure = second
                             ? autograd::gradgradcheck(call, tensors, optional_tensors(grad_outputs), options)
                             : autograd::gradcheck(call, tensors, options);
    if (!failure) Py_RETURN_NONE;
    std::string text = failure->message;
    if (failure->numerical.defined())
      text += concat("numerical:", failure->numerical, "\nanalytical:", failure->analytical, "\n");
    return PyUnicode_FromString(text.c_str());
  });
}

PyMethodDef functions[] = {{"_gradcheck", gradcheck, METH_VARARGS, "Compares gradients with differences."},
                           {}};

}  // namespace

void add_gradcheck(PyObject* module) { check(PyModule_AddFunctions(module, functions)); }

}  // namespace rushlight::python
