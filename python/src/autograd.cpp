#include "autograd.h"

#include "arguments.h"
#include "numbers.h"
#include "rushlight/autograd/engine.h"
#include "rushlight/autograd/hooks.h"
#include "rushlight/autograd/variable.h"
#include "rushlight/ops/ops.h"
#include "tensor.h"

namespace rushlight::python {
namespace {

// A required sequence of tensors, or a single one.
std::vector<Tensor> tensors_of(PyObject* o) {
  std::vector<Tensor> out = optional_tensors(o);
  for (const Tensor& t : out) RL_CHECK_AS(TypeError, t.defined(), "expected Tensor, but got None");
  return out;
}

bool retains(PyObject* retain_graph, bool create_graph) {
  return retain_graph == Py_None ? create_graph : PyObject_IsTrue(retain_graph) == 1;
}

PyObject* backward(PyObject*, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return guarded([&]() -> PyObject* {
    static const Written written(
        "backward", {"(Object, tensors), (Object, grad_tensors, {}), (Object, retain_graph, {}), "
                     "(bool, create_graph, false), (Object, grad_variables, {}), (Object, inputs, {})"});
    const auto a = written.parse({args, count, names, nullptr});
    const std::vector<Tensor> roots = tensors_of(a[0]);
    run_backward(roots, optional_tensors(a.given(1) ? a[1] : a[4], kGradients), a[2], a[3] == Py_True, a[5]);
    Py_RETURN_NONE;
  });
}

PyObject* grad(PyObject*, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return guarded([&]() -> PyObject* {
    static const Written written(
        "grad",
        {"(Object, outputs), (Object, inputs), (Object, grad_outputs, {}), (Object, retain_graph, {}), "
         "(bool, create_graph, false), (bool, only_inputs, true), (OptBool, allow_unused, {}), "
         "(bool, is_grads_batched, false), (bool, materialize_grads, false)"});
    const auto a = written.parse({args, count, names, nullptr});
    RL_CHECK_AS(NotImplementedError, a[7] == Py_False,
                "grad(): is_grads_batched=True needs torch.vmap, which does not exist here");
    const bool materialize = a[8] == Py_True;
    RL_CHECK_AS(ValueError, !materialize || a[6] != Py_False,
                "Expected allow_unused to be True or not passed when materialize_grads=True, but got: "
                "allow_unused=False.");
    const bool allow_unused = materialize || a[6] == Py_True, create_graph = a[4] == Py_True;
    const std::vector<Tensor> outputs = tensors_of(a[0]), inputs = tensors_of(a[1]),
                              gradients = optional_tensors(a[2], kGradients);
    RL_CHECK(!inputs.empty(), "`inputs` argument to `grad()` cannot be empty.");
    RL_CHECK(gradients.empty() || gradients.size() == outputs.size(), "got ", outputs.size(), " tensors and ",
             gradients.size(), " gradients");
    std::vector<Tensor> result;
    {
      ReleaseGil released;
      result = autograd::grad(outputs, inputs, gradients,
                              {.retain_graph = retains(a[3], create_graph), .create_graph = create_graph},
                              allow_unused);
    }
    Object tuple = take(PyTuple_New(result.size()));
    for (size_t i = 0; i < result.size(); ++i) {
      if (!result[i].defined() && materialize) result[i] = zeros_like(inputs[i]);
      PyTuple_SET_ITEM(tuple.get(), i, wrap(result[i]));
    }
    return tuple.release();
  });
}

// ---- what the engine tells Python

// Where a node was made: the text of the Python stack.
struct Trace final : autograd::Node::Hook {
  explicit Trace(std::string text) : text(std::move(text)) {}
  void run(autograd::Gradients&, autograd::Gradients&) override {}
  std::string text;
};

void node_made(autograd::Node& node) {
  AcquireGil gil;
  Object module = take(PyImport_ImportModule("traceback"));
  Object lines = take(PyObject_CallMethod(module.get(), "format_stack", nullptr));
  Object empty = take(PyUnicode_FromString(""));
  Object text = take(PyUnicode_Join(empty.get(), lines.get()));
  const char* utf8 = PyUnicode_AsUTF8(text.get());
  if (!utf8) throw PythonError();
  node.post_hooks.push_back(make_ref<Trace>(utf8));
}

void node_failed(autograd::Node& node) {
  const Trace* trace = nullptr;
  for (auto& hook : node.post_hooks)
    if (auto* t = dynamic_cast<Trace*>(hook.get())) trace = t;
  const std::string text = trace ? concat("Error detected in ", node.name(),
                                          ". Traceback of forward call that caused the error:\n", trace->text)
                                 : concat("Error detected in ", node.name(),
                                          ". No forward pass information available. Enable detect anomaly "
                                          "during forward pass for more information.");
  AcquireGil gil;
  PyObject *type, *value, *where;
  PyErr_Fetch(&type, &value, &where);
  if (PyErr_WarnEx(PyExc_UserWarning, text.c_str(), 1) < 0) PyErr_Clear();
  PyErr_Restore(type, value, where);
}

void check_interrupt() {
  AcquireGil gil;
  check(PyErr_CheckSignals());
}

// A node that ends differentiation with a message (once_differentiable).
PyObject* refuse_gradient(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *tensor, *source;
    const char* message;
    if (!PyArg_ParseTuple(args, "O!O!s", tensor_type, &tensor, tensor_type, &source, &message))
      throw PythonError();
    class ErrorNode final : public autograd::Node {
     public:
      explicit ErrorNode(std::string message) : message_(std::move(message)) {}
      const char* name() const override { return "torch::autograd::Error"; }
      autograd::Gradients backward(const autograd::Gradients&) override { throw RuntimeError(message_); }

     private:
      std::string message_;
    };
    const Tensor& t = tensor_value(tensor);
    Tensor alias = make_alias(t);
    auto node = make_ref<ErrorNode>(message);
    node->add_edge(autograd::gradient_edge(tensor_value(source)));
    node->add_output(alias);
    return wrap(std::move(alias));
  });
}

PyObject* is_grad_enabled(PyObject*, PyObject*) { return PyBool_FromLong(autograd::grad_enabled()); }
PyObject* is_inference_mode_enabled(PyObject*, PyObject*) {
  return PyBool_FromLong(autograd::inference_mode_enabled());
}
PyObject* is_anomaly_enabled(PyObject*, PyObject*) {
  return PyBool_FromLong(autograd::anomaly_mode().enabled);
}
PyObject* is_anomaly_check_nan_enabled(PyObject*, PyObject*) {
  return PyBool_FromLong(autograd::anomaly_mode().check_nan);
}

PyMethodDef functions[] = {
    fast_method(
        "_autograd_backward", backward,
        "backward(tensors, grad_tensors=None, retain_graph=None, create_graph=False, grad_variables=None, "
        "inputs=None)\n\nAdds the gradients of `tensors` to the leaves' grad."),
    fast_method(
        "_autograd_grad", grad,
        "grad(outputs, inputs, grad_outputs=None, retain_graph=None, create_graph=False, only_inputs=True, "
        "allow_unused=None, is_grads_batched=False, materialize_grads=False)\n\nThe gradients of `outputs` "
        "with "
        "respect to `inputs`."),
    {"_refuse_gradient", refuse_gradient, METH_VARARGS, "A tensor whose gradient is an error."},
    {"is_grad_enabled", is_grad_enabled, METH_NOARGS, "Are operations recorded."},
    {"is_inference_mode_enabled", is_inference_mode_enabled, METH_NOARGS, "Are inference tensors made."},
    {"is_anomaly_enabled", is_anomaly_enabled, METH_NOARGS, "Are anomalies looked for."},
    {"is_anomaly_check_nan_enabled", is_anomaly_check_nan_enabled, METH_NOARGS,
     "Are gradients that are NaN errors in anomaly mode."},
    {}};

}  // namespace

std::vector<Tensor> optional_tensors(PyObject* o, const char* refusal) {
  if (!o || o == Py_None) return {};
  if (is_tensor(o)) return {tensor_value(o)};
  Object list = take(PySequence_Tuple(o));
  std::vector<Tensor> out;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(list.get()); ++i) {
    PyObject* item = PyTuple_GET_ITEM(list.get(), i);
    RL_CHECK_AS(TypeError, is_tensor(item) || item == Py_None,
                refusal ? refusal : concat("expected Tensor as element ", i), ", but got ",
                Py_TYPE(item)->tp_name);
    out.push_back(item == Py_None ? Tensor() : tensor_value(item));
  }
  return out;
}

void run_backward(const std::vector<Tensor>& roots, const std::vector<Tensor>& gradients,
                  PyObject* retain_graph, bool create_graph, PyObject* inputs) {
  const std::vector<Tensor> targets = optional_tensors(inputs);
  RL_CHECK(inputs == Py_None || !targets.empty(), "`inputs` argument to `backward()` cannot be empty.");
  RL_CHECK(gradients.empty() || gradients.size() >= roots.size(), "got ", roots.size(), " tensors and ",
           gradients.size(), " gradients");
  const autograd::BackwardOptions options{.retain_graph = retains(retain_graph, create_graph),
                                          .create_graph = create_graph};
  ReleaseGil released;
  autograd::backward(roots, gradients, options, targets);
}

void add_autograd(PyObject* module) {
  autograd::watch() = {node_made, node_failed, check_interrupt};
  check(PyModule_AddFunctions(module, functions));
}

}  // namespace rushlight::python
