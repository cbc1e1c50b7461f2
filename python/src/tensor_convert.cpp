// Methods that bring a tensor to another dtype or place, or hand out what it stands on.
#include <algorithm>
#include <vector>

#include "construct.h"
#include "operations.h"
#include "rushlight/autograd/variable.h"
#include "rushlight/ops/memory.h"
#include "rushlight/ops/ops.h"
#include "sequence.h"
#include "storage.h"

namespace rushlight::python {
namespace {

// The names of the methods.
constexpr char kFloat[] = "float", kDouble[] = "double", kHalf[] = "half", kBFloat16[] = "bfloat16",
               kInt[] = "int", kLong[] = "long", kShort[] = "short", kChar[] = "char", kByte[] = "byte",
               kBool[] = "bool", kCFloat[] = "cfloat", kCDouble[] = "cdouble";

// float(), long(), ...: one function for each dtype.
template <DType dtype, const char* name>
PyObject* convert(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return guarded([&]() -> PyObject* {
    static const Written written(name, {"(Tensor, self), (KW), (OptMemoryFormat, memory_format, {})"});
    OptMemoryFormat format;
    if (count > 0 || names) {
      const auto a = written.parse({args, count, names, self});
      if (a.given(1)) format = memory_format_value(a[1]);
    }
    return wrap(tensor_value(self).to(dtype, false, false, format));
  });
}

PyObject* cpu(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return guarded([&]() -> PyObject* {
    static const Written written("cpu", {"(Tensor, self), (KW), (OptMemoryFormat, memory_format, {})"});
    const auto a = written.parse({args, count, names, self});
    const OptMemoryFormat format =
        a.given(1) ? OptMemoryFormat(memory_format_value(a[1])) : OptMemoryFormat();
    return wrap(tensor_value(self).to(Device(), OptDType(), false, false, format));
  });
}

PyObject* cuda(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return guarded([&]() -> PyObject* {
    static const Written written("cuda", {"(Tensor, self), (OptDevice, device, {}), (bool, non_blocking, "
                                          "false), (KW), (OptMemoryFormat, memory_format, {})"});
    const auto a = written.parse({args, count, names, self});
    const Device device = a.given(1) ? device_value(a[1]) : Device{DeviceType::CUDA, 0};
    RL_CHECK(device.is_cuda(), "Invalid device, must be cuda device");
    return wrap(tensor_value(self).to(device, OptDType()));
  });
}

std::string type_name(const Tensor& t) {
  return concat(t.device().is_cuda() ? "torch.cuda." : "torch.", info(t.dtype()).message_name, "Tensor");
}

DType dtype_of_type(PyObject* what) {
  if (PyObject_TypeCheck(what, dtype_type)) return dtype_value(what);
  if (is_legacy_type(what)) return legacy_type_dtype(what);
  RL_CHECK_AS(TypeError, PyUnicode_Check(what) || PyType_Check(what),
              "dtype must be a type, str, or dtype object");
  if (what == reinterpret_cast<PyObject*>(tensor_type)) return default_dtype();
  const std::string name =
      PyUnicode_Check(what) ? PyUnicode_AsUTF8(what) : reinterpret_cast<PyTypeObject*>(what)->tp_name;
  for (int i = 0; i < kNumDTypes; ++i) {
    if (name == concat("torch.", kDTypeInfo[i].message_name, "Tensor")) return static_cast<DType>(i);
    RL_CHECK_AS(AssertionError, name != concat("torch.cuda.", kDTypeInfo[i].message_name, "Tensor"),
                "Rushlight not compiled with CUDA enabled");
  }
  throw_error<ValueError>("invalid type: '", name, "'");
}

PyObject* type(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return guarded([&]() -> PyObject* {
    static const Written written("type", {"(Tensor, self), (Object, dtype, {}), (bool, non_blocking, false), "
                                          "(KW), (OptMemoryFormat, memory_format, {})"});
    const auto a = written.parse({args, count, names, self});
    const Tensor& t = tensor_value(self);
    if (!a.given(1)) return PyUnicode_FromString(type_name(t).c_str());
    return wrap(t.to(dtype_of_type(a[1])));
  });
}

PyObject* is_same_size(PyObject* self, PyObject* other) {
  return guarded([&]() -> PyObject* {
    RL_CHECK_AS(TypeError, is_tensor(other),
                "is_same_size(): argument 'other' (position 1) must be Tensor, not ",
                Py_TYPE(other)->tp_name);
    return PyBool_FromLong(tensor_value(self).sizes() == tensor_value(other).sizes());
  });
}

PyObject* is_set_to(PyObject* self, PyObject* other) {
  return guarded([&]() -> PyObject* {
    RL_CHECK_AS(TypeError, is_tensor(other),
                "is_set_to(): argument 'tensor' (position 1) must be Tensor, not ", Py_TYPE(other)->tp_name);
    const Tensor &a = tensor_value(self), &b = tensor_value(other);
    return PyBool_FromLong(a.storage() == b.storage() && a.storage_offset() == b.storage_offset() &&
                           a.sizes() == b.sizes() && a.strides() == b.strides());
  });
}

// What rushlight.storage makes of a tensor.
PyObject* storage(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    Object module = take(PyImport_ImportModule("rushlight.storage"));
    return PyObject_CallMethod(module.get(), "of_tensor", "O", self);
  });
}
PyObject* storage_type(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    Object module = take(PyImport_ImportModule("rushlight.storage")),
           all = take(PyObject_GetAttrString(module.get(), "LEGACY"));
    const std::string name = concat(info(tensor_value(self).dtype()).message_name, "Storage");
    return Py_XNewRef(check(PyDict_GetItemString(all.get(), name.c_str())));
  });
}

// Memory is one process's: workers get copies. The names exist so that programs that ask for sharing run.
PyObject* share_memory(PyObject* self, PyObject*) { return Py_NewRef(self); }
PyObject* no(PyObject*, PyObject*) { Py_RETURN_FALSE; }
PyObject* is_pinned(PyObject*, PyObject*, PyObject*) { Py_RETURN_FALSE; }
PyObject* pin_memory(PyObject*, PyObject*, PyObject*) {
  return guarded([&]() -> PyObject* {
    throw_error<RuntimeError>("Cannot access accelerator device when none is available.");
  });
}

PyObject* dim_order(PyObject* self, PyObject*, PyObject*) {
  return guarded([&]() -> PyObject* {
    const Tensor& t = tensor_value(self);
    std::vector<int64_t> order(t.dim());
    for (int64_t i = 0; i < t.dim(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(),
                     [&](int64_t a, int64_t b) { return t.strides()[a] > t.strides()[b]; });
    Object tuple = take(PyTuple_New(t.dim()));
    for (int64_t i = 0; i < t.dim(); ++i) PyTuple_SET_ITEM(tuple.get(), i, PyLong_FromLongLong(order[i]));
    return tuple.release();
  });
}

// Applies a Python function to the elements of one or two tensors, in row-major order.
template <class Place>
void each_element(const Dims& sizes, Place&& at) {
  const int64_t n = numel_of(sizes);
  Dims index(sizes.size());
  for (int64_t i = 0; i < n; ++i) {
    at(index);
    for (int64_t d = sizes.size() - 1; d >= 0 && ++index[d] == sizes[d]; --d) index[d] = 0;
  }
}
char* element(const Tensor& t, const Dims& index) {
  int64_t place = 0;
  for (int64_t d = 0; d < t.dim(); ++d) place += index[d] * t.strides()[d];
  return static_cast<char*>(t.raw_data()) + place * t.item_size();
}

PyObject* apply_(PyObject* self, PyObject* function) {
  return guarded([&]() -> PyObject* {
    const Tensor& t = tensor_value(self);
    RL_CHECK(!t.requires_grad(),
             "Can't call apply_() on Variable that requires grad. Use var.detach().apply_() instead.");
    RL_CHECK_AS(TypeError, PyCallable_Check(function), "'", Py_TYPE(function)->tp_name,
                "' object is not callable");
    const Tensor alive = t;
    each_element(t.sizes(), [&](const Dims& index) {
      Object value = take(load_number(element(alive, index), alive.dtype()));
      Object result = take(PyObject_CallOneArg(function, value.get()));
      store_number(element(alive, index), alive.dtype(), result.get());
    });
    t.bump_version();
    return Py_NewRef(self);
  });
}

PyObject* map_(PyObject* self, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *other, *function;
    if (!PyArg_ParseTuple(args, "O!O:map_", tensor_type, &other, &function)) throw PythonError();
    const Tensor t = tensor_value(self);
    RL_CHECK(!t.requires_grad() && !tensor_value(other).requires_grad(),
             "Can't call map_() on Variable that requires grad. Use var.detach().map_() instead.");
    const Tensor b = tensor_value(other).expand(t.sizes()).to(t.dtype());
    each_element(t.sizes(), [&](const Dims& index) {
      Object x = take(load_number(element(t, index), t.dtype())),
             y = take(load_number(element(b, index), b.dtype()));
      Object result = take(PyObject_CallFunctionObjArgs(function, x.get(), y.get(), nullptr));
      store_number(element(t, index), t.dtype(), result.get());
    });
    t.bump_version();
    return Py_NewRef(self);
  });
}

template <class F>
PyCFunction with_keywords(F* f) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(f));
}
constexpr int kKeywords = METH_VARARGS | METH_KEYWORDS;

}  // namespace

PyMethodDef tensor_convert_methods[] = {
    fast_method(kFloat, convert<DType::Float32, kFloat>, "Converted to float32."),
    fast_method(kDouble, convert<DType::Float64, kDouble>, "Converted to float64."),
    fast_method(kHalf, convert<DType::Float16, kHalf>, "Converted to float16."),
    fast_method(kBFloat16, convert<DType::BFloat16, kBFloat16>, "Converted to bfloat16."),
    fast_method(kInt, convert<DType::Int32, kInt>, "Converted to int32."),
    fast_method(kLong, convert<DType::Int64, kLong>, "Converted to int64."),
    fast_method(kShort, convert<DType::Int16, kShort>, "Converted to int16."),
    fast_method(kChar, convert<DType::Int8, kChar>, "Converted to int8."),
    fast_method(kByte, convert<DType::UInt8, kByte>, "Converted to uint8."),
    fast_method(kBool, convert<DType::Bool, kBool>, "Converted to bool."),
    fast_method(kCFloat, convert<DType::Complex64, kCFloat>, "Converted to complex64."),
    fast_method(kCDouble, convert<DType::Complex128, kCDouble>, "Converted to complex128."),
    fast_method("cpu", cpu, "cpu(memory_format=None): in the host's memory; itself if it is there already."),
    fast_method("cuda", cuda, "cuda(device=None, non_blocking=False): in a GPU's memory."),
    fast_method("type", type, "type(dtype=None): the name of the type, or converted to the given one."),
    fast_method(
        "new_tensor", new_tensor,
        "new_tensor(data, *, dtype=None, device=None, requires_grad=False): a new tensor of this dtype."),
    {"new", with_keywords(new_of_type), kKeywords, "new(...): a tensor of this dtype from sizes or data."},
    {"is_same_size", is_same_size, METH_O, "Have both the same sizes."},
    {"is_set_to", is_set_to, METH_O, "Are both the same view of the same storage."},
    {"untyped_storage", untyped_storage, METH_NOARGS, "The bytes that this tensor stands on."},
    {"storage", storage, METH_NOARGS,
     "The elements of the memory that this tensor stands on, as a TypedStorage."},
    {"storage_type", storage_type, METH_NOARGS, "torch.FloatStorage, or that of the tensor's dtype."},
    fast_method(
        "set_", set_tensor,
        "set_(source=None, storage_offset=0, size=None, stride=None): stands on other memory from now on."),
    {"share_memory_", share_memory, METH_NOARGS, "Itself: processes that are started get copies."},
    {"is_shared", no, METH_NOARGS, "False."},
    {"is_pinned", with_keywords(is_pinned), kKeywords, "False."},
    {"pin_memory", with_keywords(pin_memory), kKeywords, "Page-locked memory needs an accelerator."},
    {"is_conj", no, METH_NOARGS, "False: conjugation is never postponed."},
    {"is_neg", no, METH_NOARGS, "False: negation is never postponed."},
    {"is_distributed", no, METH_NOARGS, "False."},
    {"dim_order", with_keywords(dim_order), kKeywords,
     "The dimensions from the outermost in memory to the innermost."},
    {"apply_", apply_, METH_O,
     "apply_(callable): replaces every element by what the function makes of it; slow."},
    {"map_", map_, METH_VARARGS,
     "map_(tensor, callable): replaces every element by callable(element, other element); slow."},
    {}};

}  // namespace rushlight::python
