// Methods of a tensor that concern its gradient.
#include "autograd.h"
#include "hooks.h"
#include "operations.h"
#include "rushlight/autograd/engine.h"
#include "rushlight/autograd/variable.h"

namespace rushlight::python {
namespace {

PyObject* backward(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return guarded([&]() -> PyObject* {
    static const Written written(
        "backward",
        {"(Tensor, self), (Object, gradient, {}), (Object, retain_graph, {}), (bool, create_graph, false), "
         "(Object, inputs, {})"});
    const auto a = written.parse({args, count, names, self});
    const Tensor root = tensor_value(self);
    run_backward({root}, optional_tensors(a[1], kGradients), a[2], a[3] == Py_True, a[4]);
    Py_RETURN_NONE;
  });
}

PyObject* requires_grad_(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return guarded([&]() -> PyObject* {
    static const Written written("requires_grad_", {"(Tensor, self), (bool, requires_grad, true)"});
    const auto a = written.parse({args, count, names, self});
    const Tensor& t = tensor_value(self);
    RL_CHECK(a[1] != Py_True || is_inexact(t.dtype()),
             "only Tensors of floating point dtype can require gradients");
    t.set_requires_grad(a[1] == Py_True);
    return Py_NewRef(self);
  });
}

PyObject* retain_grad(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    tensor_value(self).retain_grad();
    Py_RETURN_NONE;
  });
}
PyObject* register_hook(PyObject* self, PyObject* function) {
  return guarded([&]() -> PyObject* { return add_tensor_hook(self, function); });
}
PyObject* register_post_accumulate_grad_hook(PyObject* self, PyObject* function) {
  return guarded([&]() -> PyObject* { return add_post_accumulate_hook(self, function); });
}

}  // namespace

PyMethodDef tensor_grad_methods[] = {
    fast_method("backward", backward,
                "backward(gradient=None, retain_graph=None, create_graph=False, inputs=None): adds gradients "
                "to the leaves."),
    fast_method("requires_grad_", requires_grad_,
                "requires_grad_(requires_grad=True): records operations from now on."),
    {"retain_grad", retain_grad, METH_NOARGS, "Keeps the gradient of a tensor that is no leaf in .grad."},
    {"register_hook", register_hook, METH_O,
     "Calls a function with the gradient; what it returns replaces that."},
    {"register_post_accumulate_grad_hook", register_post_accumulate_grad_hook, METH_O,
     "Calls a function with this leaf after a gradient was added to its grad."},
    {}};

}  // namespace rushlight::python
