#include "data.h"

#include <vector>

#include "convert.h"
#include "rushlight/autograd/variable.h"
#include "rushlight/data/dataset.h"
#include "rushlight/kernels/cpu/random.h"

namespace rushlight::python {
namespace {

Generator& generator_or_default(PyObject* object) {
  RL_CHECK_AS(TypeError, object == Py_None || is_generator(object),
              "generator must be a torch.Generator, not ", Py_TYPE(object)->tp_name);
  Generator* generator = generator_value(object);
  return generator ? *generator : default_generator();
}

PyObject* list_of(const std::vector<int64_t>& values) {
  Object list = take(PyList_New(static_cast<Py_ssize_t>(values.size())));
  for (size_t i = 0; i < values.size(); ++i)
    PyList_SET_ITEM(list.get(), i, check(PyLong_FromLongLong(values[i])));
  return list.release();
}

PyObject* seed(PyObject*, PyObject* generator) {
  return guarded(
      [&]() -> PyObject* { return PyLong_FromLongLong(data::draw_seed(generator_or_default(generator))); });
}

PyObject* permutation(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    long long n;
    PyObject* generator;
    if (!PyArg_ParseTuple(args, "LO:permutation", &n, &generator)) throw PythonError();
    RL_CHECK(n >= 0, "n must be non-negative, got", n);
    return list_of(data::permutation(n, generator_or_default(generator)));
  });
}

PyObject* integers(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    long long high, count;
    PyObject* object;
    if (!PyArg_ParseTuple(args, "LLO:integers", &high, &count, &object)) throw PythonError();
    RL_CHECK(high > 0 && count >= 0,
             "random_ expects 'from' to be less than 'to', but got from=0 >= to=", high);
    std::vector<int64_t> values(static_cast<size_t>(count));
    Generator& generator = generator_or_default(object);
    { cpu::random_range(DType::Int64, values.data(), count, static_cast<uint64_t>(high), 0, generator); }
    return list_of(values);
  });
}

PyObject* choices(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *weights, *object;
    long long count;
    int replacement;
    if (!PyArg_ParseTuple(args, "OLpO:choices", &weights, &count, &replacement, &object)) throw PythonError();
    RL_CHECK_AS(TypeError, is_tensor(weights), "weights must be a tensor");
    const Tensor w = tensor_value(weights).detach().contiguous();
    RL_CHECK(w.dim() == 1 && is_floating(w.dtype()), "weights must be a 1-d floating tensor");
    RL_CHECK(replacement || count <= w.numel(),
             "cannot sample n_sample > prob_dist.size(-1) samples without replacement");
    std::vector<int64_t> values(static_cast<size_t>(count));
    Generator& generator = generator_or_default(object);
    { cpu::multinomial(w.dtype(), w.raw_data(), 1, w.numel(), count, replacement, values.data(), generator); }
    return list_of(values);
  });
}

// rows(tensor, list of int): NotImplemented where the general way must be taken (a gradient to record, other
// keys).
PyObject* rows(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *object, *keys;
    if (!PyArg_ParseTuple(args, "OO!:rows", &object, &PyList_Type, &keys)) throw PythonError();
    if (!Py_IS_TYPE(object, tensor_type) || autograd::tracks(tensor_value(object)))
      return Py_NewRef(Py_NotImplemented);
    std::vector<int64_t> indices(static_cast<size_t>(PyList_GET_SIZE(keys)));
    for (size_t i = 0; i < indices.size(); ++i) {
      PyObject* key = PyList_GET_ITEM(keys, i);
      if (!PyLong_CheckExact(key)) return Py_NewRef(Py_NotImplemented);
      indices[i] = PyLong_AsLongLong(key);
      if (indices[i] == -1 && PyErr_Occurred()) throw PythonError();
    }
    return wrap(data::rows(tensor_value(object), indices));
  });
}

PyMethodDef functions[] = {
    {"seed", seed, METH_O, "seed(generator): 63 random bits, as a loader or sampler draws them."},
    {"permutation", permutation, METH_VARARGS,
     "permutation(n, generator): a list of 0 .. n - 1 in random order."},
    {"integers", integers, METH_VARARGS,
     "integers(high, count, generator): a list of random integers below high."},
    {"choices", choices, METH_VARARGS,
     "choices(weights, count, replacement, generator): a list of random indices."},
    {"rows", rows, METH_VARARGS, "rows(tensor, indices): those rows, stacked."},
    {}};

}  // namespace

void add_data(PyObject* module) {
  Object self = take(PyModule_New("rushlight._C._data"));
  check(PyModule_AddFunctions(self.get(), functions));
  add_to_module(module, "_data", self);
}

}  // namespace rushlight::python
