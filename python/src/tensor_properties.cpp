// The attributes of a tensor.
#include "node.h"
#include "operations.h"
#include "rushlight/autograd/variable.h"
#include "rushlight/ops/memory.h"
#include "rushlight/ops/ops.h"

namespace rushlight::python {
namespace {

// A read-only attribute.
template <class F>
PyObject* get(PyObject* self, F f) {
  return guarded([&]() -> PyObject* { return f(tensor_value(self)); });
}

PyObject* shape(PyObject* self, void*) {
  return get(self, [](const Tensor& t) { return wrap_size(t.sizes()); });
}
PyObject* dtype(PyObject* self, void*) { return Py_NewRef(dtype_object(tensor_value(self).dtype())); }
PyObject* device(PyObject* self, void*) {
  return get(self, [](const Tensor& t) { return wrap_device(t.device()); });
}
PyObject* layout(PyObject*, void*) {
  PyObject* module = PyImport_ImportModule("rushlight._C");
  Object owned = Object::steal(module);
  return module ? PyObject_GetAttrString(module, "strided") : nullptr;
}
PyObject* ndim(PyObject* self, void*) { return PyLong_FromLongLong(tensor_value(self).dim()); }
PyObject* itemsize(PyObject* self, void*) { return PyLong_FromLongLong(tensor_value(self).item_size()); }
PyObject* nbytes(PyObject* self, void*) {
  return PyLong_FromLongLong(tensor_value(self).numel() * tensor_value(self).item_size());
}
PyObject* no(PyObject*, void*) { Py_RETURN_FALSE; }
PyObject* is_cpu(PyObject* self, void*) { return PyBool_FromLong(tensor_value(self).device().is_cpu()); }
PyObject* is_cuda(PyObject* self, void*) { return PyBool_FromLong(tensor_value(self).device().is_cuda()); }
PyObject* is_meta(PyObject* self, void*) {
  return PyBool_FromLong(tensor_value(self).device().type == DeviceType::Meta);
}
PyObject* requires_grad(PyObject* self, void*) {
  return get(self, [](const Tensor& t) { return PyBool_FromLong(t.requires_grad()); });
}
PyObject* is_leaf(PyObject* self, void*) {
  return get(self, [](const Tensor& t) { return PyBool_FromLong(t.is_leaf()); });
}
PyObject* grad_fn(PyObject* self, void*) {
  return get(self, [](const Tensor& t) { return wrap_node(autograd::grad_fn(t)); });
}
PyObject* data(PyObject* self, void*) {
  return get(self, [](const Tensor& t) { return wrap(t.data()); });
}
PyObject* version(PyObject* self, void*) { return PyLong_FromUnsignedLong(tensor_value(self).version()); }
PyObject* base(PyObject* self, void*) {
  return get(self, [](const Tensor& t) { return wrap(autograd::view_base(t)); });
}
PyObject* retains_grad(PyObject* self, void*) {
  return get(self, [](const Tensor& t) {
    const autograd::AutogradMeta* m = autograd::meta(t);
    return PyBool_FromLong(m && m->retains_grad);
  });
}
PyObject* output_nr(PyObject* self, void*) {
  return get(self, [](const Tensor& t) {
    const autograd::AutogradMeta* m = autograd::meta(t);
    return PyLong_FromUnsignedLong(m ? m->output_slot : 0);
  });
}
void warn_if_never_filled(const Tensor& t) {
  const autograd::AutogradMeta* m = autograd::meta(t);
  if ((m && m->retains_grad) || t.is_leaf()) return;
  check(PyErr_WarnEx(PyExc_UserWarning,
                     "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad "
                     "attribute won't be populated "
                     "during autograd.backward(). If you indeed want the .grad field to be populated for a "
                     "non-leaf Tensor, use .retain_grad() "
                     "on the non-leaf Tensor. If you access the non-leaf Tensor by mistake, make sure you "
                     "access the leaf Tensor instead. See "
                     "github.com/pytorch/pytorch/pull/30531 for more information.",
                     1));
}
// Names of C++ types, in the one message that uses them.
const char* c_name(DType dtype) {
  static constexpr std::pair<DType, const char*> names[] = {{DType::Float64, "double"},
                                                            {DType::Float32, "float"},
                                                            {DType::Float16, "c10::Half"},
                                                            {DType::BFloat16, "c10::BFloat16"},
                                                            {DType::Int64, "long"},
                                                            {DType::Int32, "int"},
                                                            {DType::Int16, "short"},
                                                            {DType::Int8, "signed char"},
                                                            {DType::UInt8, "unsigned char"},
                                                            {DType::Complex64, "c10::complex<float>"},
                                                            {DType::Complex128, "c10::complex<double>"}};
  for (auto [d, name] : names)
    if (d == dtype) return name;
  return info(dtype).name;
}
PyObject* grad_dtype(PyObject* self, void*) { return Py_NewRef(dtype_object(tensor_value(self).dtype())); }
PyObject* none(PyObject*, void*) { Py_RETURN_NONE; }

PyObject* grad(PyObject* self, void*) {
  return get(self, [](const Tensor& t) {
    if (!t.grad().defined()) warn_if_never_filled(t);
    return wrap(t.grad());
  });
}
template <const char* name>
PyObject* by_name(PyObject* self, void*) {
  static NamedOperation& operation = *new NamedOperation(name);
  return guarded([&]() -> PyObject* { return operation({self}); });
}
constexpr char kReal[] = "real", kImag[] = "imag", kT[] = "numpy_T", kmT[] = "mT", kH[] = "matrix_H",
               kmH[] = "mH";

int set_requires_grad(PyObject* self, PyObject* value, void*) {
  return guarded([&]() -> int {
    RL_CHECK(value && PyBool_Check(value), "requires_grad must be a bool");
    // Unlike requires_grad_(), which accepts what is already so.
    RL_CHECK(value == Py_False || tensor_value(self).is_leaf(),
             "you can only change requires_grad flags of leaf variables.");
    tensor_value(self).set_requires_grad(value == Py_True);
    return 0;
  });
}

int set_grad(PyObject* self, PyObject* value, void*) {
  return guarded([&]() -> int {
    const Tensor& t = tensor_value(self);
    if (!value || value == Py_None) {
      t.set_grad({});
      return 0;
    }
    RL_CHECK_AS(TypeError, is_tensor(value),
                "assigned grad expected to be a Tensor or None but got grad of type ",
                Py_TYPE(value)->tp_name);
    const Tensor g = tensor_value(value);
    RL_CHECK(!g.is_same(t), "can't assign Variable as its own grad");
    RL_CHECK(g.dtype() == t.dtype(), "attempting to assign a gradient with dtype '", c_name(g.dtype()),
             "' to a tensor with grad_dtype '", info(t.dtype()).message_name,
             "'. The gradient must match the tensor's grad_dtype (defaults to the tensor's dtype). You can "
             "set the "
             "tensor's grad_dtype attribute with a specific dtype, or None to allow any dtype. Set "
             "grad_dtype with caution. Diverging the dtypes of "
             "a tensor and its gradient may break downstream systems that assume they match.");
    RL_CHECK(g.sizes() == t.sizes(), "attempting to assign a gradient of size '", to_string(g.sizes()),
             "' to a tensor of size '", to_string(t.sizes()),
             "'. Please ensure that the gradient and the tensor are the same size");
    t.set_grad(g);
    return 0;
  });
}

// x.data = y: takes over y's storage, sizes and dtype, keeping this tensor's identity and history.
int set_data(PyObject* self, PyObject* value, void*) {
  return guarded([&]() -> int {
    RL_CHECK_AS(TypeError, value && is_tensor(value), "Variable data has to be a tensor, but got ",
                value ? Py_TYPE(value)->tp_name : "nothing");
    const Tensor t = tensor_value(self), source = tensor_value(value);
    RL_CHECK(!t.requires_grad() || is_inexact(source.dtype()),
             "data set to a tensor that requires gradients must be floating point or complex dtype");
    TensorImpl* impl = t.impl();
    impl->storage = source.storage();
    impl->dtype = source.dtype();
    impl->device = source.device();
    impl->own_version = make_ref<VersionCounter>();
    impl->set_geometry(source.sizes(), source.strides(), source.storage_offset());
    return 0;
  });
}

}  // namespace

PyGetSetDef tensor_getset[] = {
    {"shape", shape, nullptr, "The size of each dimension.", nullptr},
    {"dtype", dtype, nullptr, "The type of the elements.", nullptr},
    {"device", device, nullptr, "Where the memory is.", nullptr},
    {"layout", layout, nullptr, "torch.strided.", nullptr},
    {"ndim", ndim, nullptr, "The number of dimensions.", nullptr},
    {"itemsize", itemsize, nullptr, "Bytes of one element.", nullptr},
    {"nbytes", nbytes, nullptr, "Bytes of all elements.", nullptr},
    {"is_cpu", is_cpu, nullptr, "Is the memory the host's.", nullptr},
    {"is_cuda", is_cuda, nullptr, "Is the memory a GPU's.", nullptr},
    {"is_sparse", no, nullptr, "False: layouts other than strided do not exist.", nullptr},
    {"is_quantized", no, nullptr, "False: quantized dtypes do not exist.", nullptr},
    {"is_mps", no, nullptr, "False.", nullptr},
    {"is_meta", is_meta, nullptr, "Has it sizes and a dtype but no elements.", nullptr},
    {"is_nested", no, nullptr, "False.", nullptr},
    {"requires_grad", requires_grad, set_requires_grad, "Are operations on it recorded.", nullptr},
    {"is_leaf", is_leaf, nullptr, "Was it made by the user, not by a recorded operation.", nullptr},
    {"grad_fn", grad_fn, nullptr, "The node of the operation that made it, or None.", nullptr},
    {"grad", grad, set_grad, "The gradient that backward has added up, or None.", nullptr},
    {"grad_dtype", grad_dtype, nullptr, "The dtype that grad must have.", nullptr},
    {"name", none, nullptr, "None.", nullptr},
    {"data", data, set_data, "The same memory without history.", nullptr},
    {"retains_grad", retains_grad, nullptr, "Does a tensor that is no leaf keep its gradient.", nullptr},
    {"output_nr", output_nr, nullptr, "Which output of grad_fn it is.", nullptr},
    {"_version", version, nullptr, "How often its memory was changed in place.", nullptr},
    {"_base", base, nullptr, "The tensor that it is a view of, or None.", nullptr},
    {"real", by_name<kReal>, nullptr, "The real part, a view.", nullptr},
    {"imag", by_name<kImag>, nullptr, "The imaginary part, a view.", nullptr},
    {"T", by_name<kT>, nullptr, "With the dimensions reversed.", nullptr},
    {"mT", by_name<kmT>, nullptr, "With the last two dimensions swapped.", nullptr},
    {"H", by_name<kH>, nullptr, "Conjugate transpose of a matrix.", nullptr},
    {"mH", by_name<kmH>, nullptr, "Conjugate, with the last two dimensions swapped.", nullptr},
    {}};

}  // namespace rushlight::python
