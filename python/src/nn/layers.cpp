// The builtin layers. One row a class: where PyTorch has it, its name, the parameters of forward, what it does.
#include "layers.h"

#include "rushlight/nn/activation.h"
#include "rushlight/nn/container.h"
#include "rushlight/nn/linear.h"

namespace rushlight::python {

namespace {

// Identity takes and forgets any arguments.
int identity_init(PyObject* self, PyObject*, PyObject*) {
  return guarded([&]() -> int {
    take_ownership(self, new nn::Identity(nn::Blank{}), &Layer<nn::Identity>::info);
    return 0;
  });
}

int container_init(PyObject* self, nn::Module* m, const LayerInfo& info) {
  return guarded([&]() -> int {
    take_ownership(self, m, &info);
    return 0;
  });
}
// Containers take their children in Python (rushlight/nn/modules/container.py).
template <class M>
int empty_init(PyObject* self, PyObject*, PyObject*) {
  return container_init(self, new M(nn::Blank{}), Layer<M>::info);
}

}  // namespace

void add_layers(PyObject* m) {
  add_layer<nn::Identity>(m, "linear", "Identity", "input", "Identity(*args, **kwargs)\n--\n\nGives back its input.", identity_init);
  add_layer<nn::Linear>(m, "linear", "Linear", "input", "y = x W^T + b on the last dimension.");
  add_layer<nn::Bilinear>(m, "linear", "Bilinear", "input1, input2", "y = x1^T A x2 + b on the last dimensions.");
  add_layer<nn::Flatten>(m, "flatten", "Flatten", "input", "Makes one dimension of start_dim .. end_dim.");
  add_layer<nn::Unflatten>(m, "flatten", "Unflatten", "input", "Makes several dimensions of one.");
  add_layer<nn::Sequential>(m, "container", "Sequential", "input", "Children that feed each other in order.", empty_init<nn::Sequential>);
  add_layer<nn::ReLU>(m, "activation", "ReLU", "input", "max(x, 0).");
  add_layer<nn::Tanh>(m, "activation", "Tanh", "input", "The hyperbolic tangent.");
  add_layer<nn::Sigmoid>(m, "activation", "Sigmoid", "input", "1 / (1 + exp(-x)).");
}

}  // namespace rushlight::python
