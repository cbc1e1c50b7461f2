// Tensors as other libraries and Python's own protocols see them: NumPy, lists, buffers, copies, pickles.
#include "copying.h"
#include "dlpack.h"
#include "numpy.h"
#include "operations.h"
#include "rushlight/autograd/variable.h"
#include "rushlight/ops/ops.h"
#include "sequence.h"

namespace rushlight::python {
namespace {

PyObject* numpy_of(PyObject* self, bool force) {
  const Tensor& t = tensor_value(self);
  if (force) {
    Object plain = take(wrap(t.detach().to(Device(), OptDType())));
    return tensor_to_numpy(plain.get());
  }
  RL_CHECK_AS(TypeError, t.device().is_cpu(), "can't convert ", t.device().str(),
              " device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first.");
  RL_CHECK(!autograd::grad_enabled() || !t.requires_grad(),
           "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.");
  return tensor_to_numpy(self);
}

PyObject* numpy(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return guarded([&]() -> PyObject* {
    static const Written written("numpy", {"(Tensor, self), (KW), (bool, force, false)"});
    if (count == 0 && !names) return numpy_of(self, false);
    const auto a = written.parse({args, count, names, self});
    return numpy_of(self, a[1] == Py_True);
  });
}

PyObject* array(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return guarded([&]() -> PyObject* {
    static const Written written("__array__",
                                 {"(Tensor, self), (Object, dtype, {}), (KW), (OptBool, copy, {})"});
    const auto a = written.parse({args, count, names, self});
    Object out = take(numpy_of(self, false));
    if (!a.given(1)) return a[2] == Py_True ? PyObject_CallMethod(out.get(), "copy", nullptr) : out.release();
    Object same = take(PyObject_GetAttrString(out.get(), "dtype"));
    const int equal = PyObject_RichCompareBool(same.get(), a[1], Py_EQ);
    check(equal);
    if (equal && a[2] != Py_True) return out.release();
    RL_CHECK_AS(ValueError, equal || a[2] != Py_False,
                "Unable to avoid copy while creating an array as requested.");
    return PyObject_CallMethod(out.get(), "astype", "O", a[1]);
  });
}

// The result of a NumPy function on this tensor becomes a tensor again.
PyObject* array_wrap(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *result, *context = nullptr, *return_scalar = nullptr;
    if (!PyArg_ParseTuple(args, "O|OO:__array_wrap__", &result, &context, &return_scalar))
      throw PythonError();
    const Tensor t = is_ndarray(result) ? tensor_from_numpy(result, false) : tensor_from_sequence(result, {});
    return wrap(t.dtype() == DType::Bool ? t.to(DType::UInt8) : t);  // PyTorch's choice for truth values
  });
}

PyObject* tolist(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    const Tensor t = tensor_value(self);
    return tensor_to_list(t);
  });
}

PyObject* to_complex_number(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    RL_CHECK_AS(ValueError, tensor_value(self).numel() == 1,
                "only one element tensors can be converted to Python scalars");
    const complex128 z = tensor_value(self).item().to_complex128();
    return PyComplex_FromDoubles(z.real(), z.imag());
  });
}

// bytes(t) counts the elements, as for any sequence of integers, not the memory.
PyObject* to_bytes(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    const Tensor& t = tensor_value(self);
    RL_CHECK_AS(TypeError, is_integral(t.dtype(), true),
                "only integer tensors of a single element can be converted to an index");
    Object list = take(tensor_to_list(t.reshape({-1})));
    return PyBytes_FromObject(list.get());
  });
}

PyObject* cuda_array_interface(PyObject* self, void*) {
  return guarded([&]() -> PyObject* {
    throw_error<AttributeError>(
        "Can't get __cuda_array_interface__ on non-CUDA tensor type: torch.",
        info(tensor_value(self).dtype()).message_name,
        "Tensor If CUDA data is required use tensor.cuda() to copy tensor to device memory.");
  });
}

// ---- the buffer protocol

const char* buffer_format(DType dtype) {
  switch (dtype) {
    case DType::Bool: return "?";
    case DType::UInt8: return "B";
    case DType::UInt16: return "H";
    case DType::UInt32: return "I";
    case DType::UInt64: return "L";
    case DType::Int8: return "b";
    case DType::Int16: return "h";
    case DType::Int32: return "i";
    case DType::Int64: return "l";
    case DType::Float16: return "e";
    case DType::Float32: return "f";
    case DType::Float64: return "d";
    case DType::Complex64: return "Zf";
    case DType::Complex128: return "Zd";
    case DType::BFloat16: return nullptr;
  }
  return nullptr;
}

// What an exported buffer points into, kept until it is released.
struct Exported {
  Tensor tensor;
  std::vector<Py_ssize_t> shape, strides;
};

int get_buffer(PyObject* self, Py_buffer* view, int flags) {
  view->obj = nullptr;
  const Tensor& t = tensor_value(self);
  const char* format = buffer_format(t.dtype());
  const char* refusal =
      !t.device().is_cpu() ? "a tensor on a GPU has no buffer; use Tensor.cpu() first"
      : t.requires_grad()  ? "a tensor that requires grad has no buffer; use Tensor.detach() first"
      : !format            ? "bfloat16 has no buffer format"
      : (flags & PyBUF_STRIDES) != PyBUF_STRIDES && !t.is_contiguous() ? "the tensor is not contiguous"
      : (flags & PyBUF_C_CONTIGUOUS) == PyBUF_C_CONTIGUOUS && !t.is_contiguous()
          ? "the tensor is not contiguous"
          : nullptr;
  if (refusal) {
    PyErr_SetString(PyExc_BufferError, refusal);
    return -1;
  }
  return guarded([&]() -> int {
    auto* exported = new Exported{t, {}, {}};
    for (int64_t s : t.sizes()) exported->shape.push_back(s);
    for (int64_t s : t.strides()) exported->strides.push_back(s * t.item_size());
    t.storage()->pin();
    view->buf = t.raw_data();
    view->len = t.numel() * t.item_size();
    view->itemsize = t.item_size();
    view->readonly = 0;
    view->ndim = static_cast<int>(t.dim());
    view->format = flags & PyBUF_FORMAT ? const_cast<char*>(format) : nullptr;
    view->shape = flags & PyBUF_ND ? exported->shape.data() : nullptr;
    view->strides = (flags & PyBUF_STRIDES) == PyBUF_STRIDES ? exported->strides.data() : nullptr;
    view->suboffsets = nullptr;
    view->internal = exported;
    view->obj = Py_NewRef(self);
    return 0;
  });
}
void release_buffer(PyObject*, Py_buffer* view) { delete static_cast<Exported*>(view->internal); }

}  // namespace

PyMethodDef tensor_interop_methods[] = {
    fast_method("numpy", numpy, "numpy(*, force=False): an array on the same memory."),
    fast_method("__array__", array, "The tensor as an array, for NumPy's functions."),
    {"__array_wrap__", array_wrap, METH_VARARGS, "The result of a NumPy function as a tensor."},
    {"tolist", tolist, METH_NOARGS,
     "The elements as Python numbers in nested lists; a number for a 0-d tensor."},
    {"__complex__", to_complex_number, METH_NOARGS, "The only element as a complex number."},
    fast_method("__dlpack__", to_dlpack, "A DLPack capsule on this memory."),
    {"__dlpack_device__", dlpack_device, METH_NOARGS, "DLPack's numbers of the device."},
    {"__copy__", copy_tensor, METH_NOARGS, "Another tensor on the same memory."},
    {"__deepcopy__", deepcopy_tensor, METH_O, "A copy with its own memory, grad and attributes."},
    {"__reduce_ex__", reduce_tensor, METH_O, "Pickles the elements, the layout and the attributes."},
    {"__bytes__", to_bytes, METH_NOARGS, "The elements, each of which must be 0 to 255."},
    {}};

PyGetSetDef tensor_interop_getset[] = {
    {"__cuda_array_interface__", cuda_array_interface, nullptr, nullptr, nullptr}, {}};

PyType_Slot tensor_interop_slots[] = {{Py_bf_getbuffer, reinterpret_cast<void*>(get_buffer)},
                                      {Py_bf_releasebuffer, reinterpret_cast<void*>(release_buffer)},
                                      {0, nullptr}};

}  // namespace rushlight::python
