#include "construct.h"

#include "operations.h"
#include "numpy.h"
#include "rushlight/ops/ops.h"
#include "sequence.h"
#include "storage.h"

namespace rushlight::python {
namespace {

void check_pinning(bool pin) {
  RL_CHECK(!pin,
           "pin_memory=True requires a CUDA or other accelerator backend; no pinned memory allocator is "
           "available on this system.");
}

// How far data that has memory of its own may be shared.
enum class Sharing { Never, WhenPossible };

Tensor convert(Tensor t, OptDType dtype, OptDevice device, Sharing sharing) {
  const bool copy = sharing == Sharing::Never;
  return t.to(device.value_or(t.device()), dtype.value_or(t.dtype()), false, copy);
}

Tensor tensor_from(PyObject* data, OptDType dtype, OptDevice device, Sharing sharing) {
  if (is_tensor(data)) {
    const Tensor& source = tensor_value(data);
    return convert(sharing == Sharing::Never ? source.detach() : source, dtype, device, sharing);
  }
  if (is_ndarray(data)) {
    return convert(tensor_from_numpy(data, sharing == Sharing::WhenPossible), dtype, device, sharing);
  }
  Tensor t = tensor_from_sequence(data, dtype);
  return device ? t.to(*device, t.dtype()) : t;
}

void require_grad(const Tensor& t, PyObject* flag) {
  if (flag != Py_True) return;
  RL_CHECK(is_inexact(t.dtype()), "Only Tensors of floating point and complex dtype can require gradients");
  t.set_requires_grad(true);
}

void warn_about_copy(const char* what) {
  const std::string text = concat(
      "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
      "sourceTensor.detach().clone().requires_grad_(True), rather than ",
      what, "(sourceTensor).");
  check(PyErr_WarnEx(PyExc_UserWarning, text.c_str(), 1));
}

OptDType opt_dtype(PyObject* o) { return o == Py_None ? OptDType() : OptDType(dtype_like(o)); }
OptDevice opt_device(PyObject* o) { return o == Py_None ? OptDevice() : OptDevice(device_value(o)); }

PyObject* tensor(PyObject*, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return guarded([&]() -> PyObject* {
    static const Written written("tensor",
                                 {"(Object, data), (KW), (OptDType, dtype, {}), (OptDevice, device, {}), "
                                  "(bool, requires_grad, false), (bool, pin_memory, false)"});
    const auto a = written.parse({args, count, names, nullptr});
    if (is_tensor(a[0])) warn_about_copy("torch.tensor");
    check_pinning(a[4] == Py_True);
    Tensor out = tensor_from(a[0], opt_dtype(a[1]), opt_device(a[2]), Sharing::Never);
    require_grad(out, a[3]);
    return wrap(std::move(out));
  });
}

PyObject* as_tensor_function(PyObject*, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return guarded([&]() -> PyObject* {
    static const Written written("as_tensor",
                                 {"(Object, data), (KW), (OptDType, dtype, {}), (OptDevice, device, {})"});
    const auto a = written.parse({args, count, names, nullptr});
    return wrap(tensor_from(a[0], opt_dtype(a[1]), opt_device(a[2]), Sharing::WhenPossible));
  });
}

PyObject* from_numpy(PyObject*, PyObject* array) {
  return guarded([&]() -> PyObject* { return wrap(tensor_from_numpy(array)); });
}

PyObject* scalar_tensor(PyObject*, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return guarded([&]() -> PyObject* {
    static const Written written(
        "scalar_tensor",
        {"(Scalar, s), (KW), (OptDType, dtype, {}), (OptDevice, device, {}), (bool, requires_grad, false)"});
    const auto a = written.parse({args, count, names, nullptr});
    const Scalar s = scalar_value(a[0]);
    Tensor out = make_tensor(
        {}, opt_dtype(a[1]).value_or(s.is_complex() ? to_complex(default_dtype()) : default_dtype()),
        opt_device(a[2]).value_or(Device()));
    out.fill_(s);
    require_grad(out, a[3]);
    return wrap(std::move(out));
  });
}

// A Python object that exports its memory, borrowed until the last tensor on it is gone.
class Borrowed {
 public:
  explicit Borrowed(PyObject* object) : view_(new Py_buffer()) {
    if (PyObject_GetBuffer(object, view_, PyBUF_WRITABLE) == 0) return;
    PyErr_Clear();
    if (PyObject_GetBuffer(object, view_, PyBUF_SIMPLE) < 0) {
      delete view_;
      throw PythonError();
    }
    static bool warned = false;
    if (std::exchange(warned, true)) return;
    check(PyErr_WarnEx(PyExc_UserWarning,
                       "The given buffer is not writable, and PyTorch does not support non-writable tensors. "
                       "This means you can write to "
                       "the underlying (supposedly non-writable) buffer using the tensor. You may want to "
                       "copy the buffer to protect its "
                       "data or make it writable before converting it to a tensor. This type of warning will "
                       "be suppressed for the rest of "
                       "this program.",
                       1));
  }
  Borrowed(const Borrowed&) = delete;
  ~Borrowed() {
    if (view_) release(view_);
  }
  int64_t size() const { return view_->len; }
  Ref<Storage> storage(int64_t offset, int64_t nbytes) {
    Py_buffer* view = std::exchange(view_, nullptr);
    return Storage::borrow(static_cast<char*>(view->buf) + offset, nbytes, release, view);
  }

 private:
  static void release(void* view) {
    if (!Py_IsInitialized()) return;
    AcquireGil gil;
    PyBuffer_Release(static_cast<Py_buffer*>(view));
    delete static_cast<Py_buffer*>(view);
  }
  Py_buffer* view_;
};

Tensor tensor_from_buffer(PyObject* object, DType dtype, int64_t count, int64_t offset) {
  RL_CHECK_AS(ValueError, PyObject_CheckBuffer(object), "object does not implement Python buffer protocol.");
  Borrowed memory(object);
  const int64_t length = memory.size(), item = item_size(dtype);
  RL_CHECK_AS(ValueError, length > 0 && count != 0, "both buffer length (", length, ") and count (", count,
              ") must not be 0");
  RL_CHECK_AS(ValueError, offset >= 0 && offset < length, "offset (", offset,
              " bytes) must be non-negative and no greater than buffer length (", length, " bytes) minus 1");
  const int64_t rest = length - offset;
  if (count < 0) {
    RL_CHECK_AS(ValueError, rest % item == 0, "buffer length (", rest, " bytes) after offset (", offset,
                " bytes) must be a multiple of element size (", item, ")");
    count = rest / item;
  }
  RL_CHECK_AS(ValueError, count <= rest / item, "requested buffer length (", count, " * ", item,
              " bytes) after offset (", offset, " bytes) must not be greater than actual buffer length (",
              length, " bytes)");
  return Tensor(
      make_ref<TensorImpl>(memory.storage(offset, count * item), Dims{count}, Dims{1}, 0, dtype, Device()));
}

PyObject* frombuffer(PyObject*, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return guarded([&]() -> PyObject* {
    static const Written written(
        "frombuffer", {"(Object, buffer), (KW), (DType, dtype), (int64_t, count, -1), (int64_t, offset, 0), "
                       "(bool, requires_grad, false)"});
    const auto a = written.parse({args, count, names, nullptr});
    Tensor out = tensor_from_buffer(a[0], dtype_like(a[1]), int_value(a[2]), int_value(a[3]));
    require_grad(out, a[4]);
    return wrap(std::move(out));
  });
}

PyObject* asarray(PyObject*, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return guarded([&]() -> PyObject* {
    static const Written written(
        "asarray",
        {"(Object, obj), (KW), (OptDType, dtype, {}), (OptDevice, device, {}), (OptBool, copy, {}), "
         "(OptBool, requires_grad, {})"});
    const auto a = written.parse({args, count, names, nullptr});
    const OptDType dtype = opt_dtype(a[1]);
    const OptDevice device = opt_device(a[2]);
    const bool never_copy = a[3] == Py_False;
    Tensor source;
    if (is_tensor(a[0])) source = tensor_value(a[0]);
    else if (is_ndarray(a[0])) source = tensor_from_numpy(a[0]);
    else if (PyObject_HasAttrString(a[0], "__dlpack__"))
      source = tensor_value(take(call_operation("from_dlpack", {a[0]})).get());
    else if (PyObject_CheckBuffer(a[0]) && !is_number(a[0]) && !PyBytes_Check(a[0]))
      source = tensor_from_buffer(a[0], dtype.value_or(default_dtype()), -1, 0);
    Tensor out;
    if (source.defined()) {
      RL_CHECK_AS(ValueError, !never_copy || !dtype || *dtype == source.dtype(),
                  "can't alias tensor with dtype '", info(source.dtype()).message_name, "' into dtype '",
                  info(dtype.value_or(source.dtype())).message_name, "'.");
      out = convert(source, dtype, device, a[3] == Py_True ? Sharing::Never : Sharing::WhenPossible);
    } else {
      RL_CHECK_AS(ValueError, !never_copy, "can't alias arbitrary sequence into a tensor.");
      out = tensor_from(a[0], dtype, device, Sharing::Never);
    }
    if (a[4] == Py_False && out.requires_grad()) out = out.detach();
    if (!out.requires_grad()) require_grad(out, a[4]);
    return wrap(std::move(out));
  });
}

// ---- Tensor(...), FloatTensor(...), tensor.new(...)

bool are_sizes(PyObject* const* args, Py_ssize_t count) {
  for (Py_ssize_t i = 0; i < count; ++i)
    if (PyBool_Check(args[i]) || !(PyLong_Check(args[i]) || is_numpy_integer(args[i]))) return false;
  return true;
}

std::string describe_options(DType dtype) {
  const char* name = dtype == DType::Int64     ? "long int"
                     : dtype == DType::Int16   ? "short int"
                     : dtype == DType::UInt8   ? "unsigned char"
                     : dtype == DType::Int8    ? "signed char"
                     : dtype == DType::Int32   ? "int"
                     : dtype == DType::Float32 ? "float"
                     : dtype == DType::Float64 ? "double"
                                               : info(dtype).name;
  return concat("TensorOptions(dtype=", name,
                ", device=cpu, layout=Strided, requires_grad=false (default), pinned_memory=false (default), "
                "memory_format=(nullopt))");
}

// A tensor on the memory of a storage; null for anything else.
Object tensor_on_storage(PyObject* data, DType dtype) {
  if (!is_storage(data) && !PyObject_HasAttrString(data, "_untyped_storage")) return {};
  Object made = take(wrap(make_tensor(0, dtype)));
  check(take(PyObject_CallMethod(made.get(), "set_", "O", data)).get());
  return made;
}

// Sizes, or data, or another tensor, or nothing. `exact`: a tensor must have this dtype already.
Tensor legacy_tensor(DType dtype, bool exact, PyObject* args, PyObject* kwargs) {
  PyObject* const* items = reinterpret_cast<PyTupleObject*>(args)->ob_item;
  Py_ssize_t count = PyTuple_GET_SIZE(args);
  PyObject* data = nullptr;
  if (kwargs && PyDict_GET_SIZE(kwargs) > 0) {
    PyObject *key, *value;
    Py_ssize_t position = 0;
    while (PyDict_Next(kwargs, &position, &key, &value)) {
      if (PyUnicode_CompareWithASCIIString(key, "device") == 0) {
        RL_CHECK(value == Py_None || device_value(value).is_cpu(),
                 "legacy constructor expects device type: cpu but device type: ",
                 device_value(value).type_name(), " was passed");
      } else if (count == 0 && (PyUnicode_CompareWithASCIIString(key, "data") == 0 ||
                                PyUnicode_CompareWithASCIIString(key, "other") == 0)) {
        data = value;
      } else {
        throw_error<TypeError>(
            "new() received an invalid combination of arguments - got an unexpected keyword '",
            PyUnicode_AsUTF8(key),
            "', but expected one of:\n * (*, torch.device device = None)\n * (torch.Storage storage)\n * "
            "(Tensor other)\n"
            " * (tuple of ints size, *, torch.device device = None)\n * (object data, *, torch.device device "
            "= None)\n");
      }
    }
  }
  if (!data && count == 0) return make_tensor(0, dtype);
  if (!data && are_sizes(items, count)) {
    Dims sizes;
    for (Py_ssize_t i = 0; i < count; ++i) sizes.push_back(int_value(items[i]));
    return make_tensor(sizes, dtype);
  }
  RL_CHECK_AS(TypeError, data || count == 1, "new() received an invalid combination of arguments");
  if (!data) data = items[0];
  if (Py_IS_TYPE(data, size_type)) return make_tensor(dims_value(data), dtype);
  if (is_tensor(data)) {
    const Tensor& other = tensor_value(data);
    RL_CHECK_AS(TypeError, !exact || other.dtype() == dtype, "expected ", describe_options(dtype), " (got ",
                describe_options(other.dtype()), ")");
    return other.detach();
  }
  if (Object from_storage = tensor_on_storage(data, dtype)) return tensor_value(from_storage.get());
  RL_CHECK_AS(TypeError, !PyUnicode_Check(data), "new(): invalid data type 'str'");
  RL_CHECK_AS(TypeError, PySequence_Check(data), "new(): data must be a sequence (got ",
              Py_TYPE(data)->tp_name, ")");
  // Unlike torch.tensor() these share an array of their dtype.
  if (is_ndarray(data)) return convert(tensor_from_numpy(data, false), dtype, {}, Sharing::WhenPossible);
  return tensor_from_sequence(data, dtype);
}

// torch.FloatTensor and its kin are types of a metatype, with the dtype among their attributes: calling one
// makes a plain tensor, and isinstance() looks at the dtype.
PyTypeObject* legacy_metatype;

bool is_cuda_type(PyObject* self) {
  return PyDict_GetItemString(reinterpret_cast<PyTypeObject*>(self)->tp_dict, "is_cuda") == Py_True;
}

PyObject* legacy_call(PyObject* self, PyObject* args, PyObject* kwargs) {
  return guarded([&]() -> PyObject* {
    const DType dtype = legacy_type_dtype(self);
    RL_CHECK_AS(TypeError, !is_cuda_type(self), "type torch.cuda.", info(dtype).message_name,
                "Tensor not available. Rushlight not compiled with CUDA enabled.");
    return wrap(legacy_tensor(dtype, true, args, kwargs));
  });
}
PyObject* legacy_instance_check(PyObject* self, PyObject* object) {
  return guarded([&]() -> PyObject* {
    return PyBool_FromLong(!is_cuda_type(self) && is_tensor(object) &&
                           tensor_value(object).dtype() == legacy_type_dtype(self));
  });
}

PyMethodDef legacy_methods[] = {
    {"__instancecheck__", legacy_instance_check, METH_O, "Is it a tensor of this dtype."}, {}};
PyType_Slot legacy_slots[] = {
    {Py_tp_call, reinterpret_cast<void*>(legacy_call)}, {Py_tp_methods, legacy_methods}, {0, nullptr}};
PyType_Spec legacy_spec = {"torch.tensortype", 0, 0, Py_TPFLAGS_DEFAULT, legacy_slots};

Object make_legacy_type(DType dtype, bool on_cuda) {
  return take(PyObject_CallFunction(reinterpret_cast<PyObject*>(legacy_metatype), "s(O){s:s,s:O,s:O}",
                                    concat(info(dtype).message_name, "Tensor").c_str(), &PyBaseObject_Type,
                                    "__module__", on_cuda ? "torch.cuda" : "torch", "dtype",
                                    dtype_object(dtype), "is_cuda", on_cuda ? Py_True : Py_False));
}

PyMethodDef functions[] = {
    fast_method("tensor", tensor,
                "tensor(data, *, dtype=None, device=None, requires_grad=False, pin_memory=False)\n\nA new "
                "tensor with a copy of `data`."),
    fast_method("as_tensor", as_tensor_function,
                "as_tensor(data, *, dtype=None, device=None)\n\nA tensor of `data`, sharing memory and "
                "history where possible."),
    fast_method("asarray", asarray,
                "asarray(obj, *, dtype=None, device=None, copy=None, requires_grad=None)\n\nA tensor of "
                "`obj`, sharing memory where possible."),
    fast_method("frombuffer", frombuffer,
                "frombuffer(buffer, *, dtype, count=-1, offset=0, requires_grad=False)\n\nA 1-d tensor on "
                "the memory of an object."),
    fast_method("scalar_tensor", scalar_tensor,
                "scalar_tensor(s, *, dtype=None, device=None, requires_grad=False)\n\nA 0-d tensor."),
    {"from_numpy", from_numpy, METH_O, "from_numpy(ndarray)\n\nA tensor on the memory of an array."},
    {}};

}  // namespace

PyObject* tensor_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  return guarded([&]() -> PyObject* {
    Tensor made = legacy_tensor(default_dtype(), false, args, kwargs);
    return type == tensor_type ? wrap(std::move(made)) : wrap_as(type, std::move(made));
  });
}

PyObject* new_of_type(PyObject* self, PyObject* args, PyObject* kwargs) {
  return guarded(
      [&]() -> PyObject* { return wrap(legacy_tensor(tensor_value(self).dtype(), true, args, kwargs)); });
}

PyObject* new_tensor(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return guarded([&]() -> PyObject* {
    static const Written written("new_tensor",
                                 {"(Tensor, self), (Object, data), (KW), (OptDType, dtype, {}), (OptDevice, "
                                  "device, {}), (bool, requires_grad, false)"});
    const auto a = written.parse({args, count, names, self});
    if (is_tensor(a[1])) warn_about_copy("tensor.new_tensor");
    const bool has_dtype = is_tensor(a[1]) || is_ndarray(a[1]);
    OptDType dtype = opt_dtype(a[2]);
    if (!dtype && !has_dtype) dtype = tensor_value(self).dtype();
    Tensor out = tensor_from(a[1], dtype, opt_device(a[3]), Sharing::Never);
    require_grad(out, a[4]);
    return wrap(std::move(out));
  });
}

bool is_legacy_type(PyObject* object) { return Py_IS_TYPE(object, legacy_metatype); }
DType legacy_type_dtype(PyObject* object) {
  PyObject* dtype = PyDict_GetItemString(reinterpret_cast<PyTypeObject*>(object)->tp_dict, "dtype");
  RL_CHECK_AS(TypeError, dtype, "a class that derives from a type of tensors has no dtype of its own");
  return dtype_value(dtype);
}

void add_constructors(PyObject* module) {
  check(PyModule_AddFunctions(module, functions));
  Object bases = take(PyTuple_Pack(1, &PyType_Type));
  legacy_metatype = add_type(module, "_tensortype", &legacy_spec, bases.get());
  Object cuda = take(PyModule_New("torch._C._cuda_types"));
  for (int i = 0; i < kNumDTypes; ++i) {
    const DType dtype = static_cast<DType>(i);
    if (dtype >= DType::UInt16 && dtype <= DType::UInt64) continue;  // these never had one
    for (bool on_cuda : {false, true}) {
      add_to_module(on_cuda ? cuda.get() : module, concat(info(dtype).message_name, "Tensor").c_str(),
                    make_legacy_type(dtype, on_cuda));
    }
  }
  add_to_module(module, "_cuda_types", cuda);
}

}  // namespace rushlight::python
