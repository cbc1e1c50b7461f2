#include "dlpack.h"

#include <vector>

#include "arguments.h"
#include "tensor.h"

namespace rushlight::python {
namespace {

// The structures of DLPack's ABI.
struct DLDevice {
  int32_t type;  // 1 for the CPU
  int32_t id;
};
struct DLDataType {
  uint8_t code, bits;
  uint16_t lanes;
};
struct DLTensor {
  void* data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t* shape;
  int64_t* strides;
  uint64_t byte_offset;
};
struct Managed {
  DLTensor tensor;
  void* context;
  void (*deleter)(Managed* self);
};
struct VersionedManaged {
  struct {
    uint32_t major, minor;
  } version;
  void* context;
  void (*deleter)(VersionedManaged* self);
  uint64_t flags;
  DLTensor tensor;
};

constexpr int kCpu = 1;
enum Code : uint8_t { kInt = 0, kUInt = 1, kFloat = 2, kBFloat = 4, kComplex = 5, kBool = 6 };

DLDataType type_of(DType dtype) {
  const Code code = dtype == DType::Bool       ? kBool
                    : dtype == DType::BFloat16 ? kBFloat
                    : is_complex(dtype)        ? kComplex
                    : is_floating(dtype)       ? kFloat
                    : is_signed(dtype)         ? kInt
                                               : kUInt;
  return {code, static_cast<uint8_t>(8 * item_size(dtype)), 1};
}

DType dtype_of_type(DLDataType type) {
  for (int i = 0; i < kNumDTypes && type.lanes == 1; ++i) {
    const DLDataType t = type_of(static_cast<DType>(i));
    if (t.code == type.code && t.bits == type.bits) return static_cast<DType>(i);
  }
  throw_error<RuntimeError>("Unsupported DLPack type: code ", int{type.code}, ", ", int{type.bits}, " bits, ",
                            type.lanes, " lanes");
}

struct Exported {
  Managed managed;
  Tensor tensor;
  std::vector<int64_t> shape, strides;
};

void end_export(Managed* managed) { delete static_cast<Exported*>(managed->context); }

void end_capsule(PyObject* capsule) {
  if (!PyCapsule_IsValid(capsule, "dltensor")) return;  // consumed: its consumer ends it
  auto* managed = static_cast<Managed*>(PyCapsule_GetPointer(capsule, "dltensor"));
  managed->deleter(managed);
}

PyObject* export_tensor(const Tensor& t) {
  auto* exported =
      new Exported{{}, t, {t.sizes().begin(), t.sizes().end()}, {t.strides().begin(), t.strides().end()}};
  t.storage()->pin();
  // A dimension of size one has a stride that nobody uses; 1 keeps importers from calling the tensor
  // non-contiguous.
  for (size_t i = 0; i < exported->shape.size(); ++i)
    if (exported->shape[i] < 2) exported->strides[i] = 1;
  exported->managed = {{t.raw_data(),
                        {kCpu, 0},
                        static_cast<int32_t>(t.dim()),
                        type_of(t.dtype()),
                        exported->shape.data(),
                        exported->strides.data(),
                        0},
                       exported,
                       end_export};
  return check(PyCapsule_New(&exported->managed, "dltensor", end_capsule));
}

template <class T>
void release_import(void* managed) {
  auto* m = static_cast<T*>(managed);
  if (!m->deleter || !Py_IsInitialized()) return;
  AcquireGil gil;  // the deleter may be Python's
  m->deleter(m);
}

template <class T>
Tensor import_tensor(T* managed) {
  const DLTensor& d = managed->tensor;
  RL_CHECK(d.device.type == kCpu,
           "from_dlpack: only tensors on the CPU can be taken over, not those of device type ",
           d.device.type);
  RL_CHECK(d.ndim >= 0 && (d.ndim == 0 || d.shape), "from_dlpack received a malformed tensor");
  const DType dtype = dtype_of_type(d.dtype);
  const Dims sizes(d.shape, d.ndim);
  Dims strides = d.strides ? Dims(d.strides, d.ndim) : contiguous_strides(sizes);
  int64_t reach = 0;
  for (int i = 0; i < d.ndim; ++i) {
    RL_CHECK(sizes[i] >= 0 && strides[i] >= 0, "from_dlpack: negative sizes and strides are not supported");
    reach += sizes[i] > 0 ? (sizes[i] - 1) * strides[i] : 0;
  }
  const int64_t count = numel_of(sizes) ? reach + 1 : 0;
  Ref<Storage> storage = Storage::borrow(static_cast<char*>(d.data) + d.byte_offset, count * item_size(dtype),
                                         release_import<T>, managed);
  return Tensor(make_ref<TensorImpl>(std::move(storage), sizes, std::move(strides), 0, dtype, Device()));
}

Tensor consume(PyObject* capsule) {
  if (PyCapsule_IsValid(capsule, "dltensor_versioned")) {
    auto* managed = static_cast<VersionedManaged*>(PyCapsule_GetPointer(capsule, "dltensor_versioned"));
    RL_CHECK(managed->version.major == 1, "from_dlpack: unsupported DLPack version ", managed->version.major);
    Tensor t = import_tensor(managed);
    check(PyCapsule_SetName(capsule, "used_dltensor_versioned"));
    return t;
  }
  RL_CHECK(PyCapsule_IsValid(capsule, "dltensor"),
           "from_dlpack received an invalid capsule. Note that DLTensor capsules can be consumed only once, "
           "so you might have already "
           "constructed a tensor from it once.");
  Tensor t = import_tensor(static_cast<Managed*>(PyCapsule_GetPointer(capsule, "dltensor")));
  check(PyCapsule_SetName(capsule, "used_dltensor"));
  return t;
}

PyObject* from_dlpack(PyObject*, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return guarded([&]() -> PyObject* {
    static const Written written("from_dlpack",
                                 {"(Object, ext_tensor), (KW), (Object, device, {}), (OptBool, copy, {})"});
    const auto a = written.parse({args, count, names, nullptr});
    Object capsule = Object::share(a[0]);
    if (PyObject_HasAttrString(a[0], "__dlpack__"))
      capsule = take(PyObject_CallMethod(a[0], "__dlpack__", nullptr));
    Tensor t = consume(capsule.get());
    return wrap(a[2] == Py_True ? t.clone() : std::move(t));
  });
}

PyObject* to_dlpack_function(PyObject*, PyObject* tensor) {
  return guarded([&]() -> PyObject* {
    RL_CHECK_AS(TypeError, is_tensor(tensor), "data must be a Tensor");
    return export_tensor(tensor_value(tensor));
  });
}

PyMethodDef functions[] = {
    fast_method("from_dlpack", from_dlpack,
                "from_dlpack(ext_tensor, *, device=None, copy=None)\n\nA tensor on the memory of "
                "another library's array, or of a DLPack capsule."),
    {"to_dlpack", to_dlpack_function, METH_O, "A DLPack capsule on the tensor's memory."},
    {}};

}  // namespace

PyObject* to_dlpack(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return guarded([&]() -> PyObject* {
    static const Written written("__dlpack__",
                                 {"(Tensor, self), (KW), (Object, stream, -1), (Object, max_version, {}), "
                                  "(Object, dl_device, {}), (OptBool, copy, {})"});
    const auto a = written.parse({args, count, names, self});
    const Tensor& t = tensor_value(self);
    if (t.requires_grad()) {
      PyErr_SetString(PyExc_BufferError, "Can't export tensors that require gradient, use tensor.detach()");
      return nullptr;
    }
    const bool no_stream = !a.given(1) || (PyLong_Check(a[1]) && PyLong_AsLong(a[1]) == -1);
    RL_CHECK_AS(AssertionError, no_stream, "stream should be None on cpu.");
    return export_tensor(a[4] == Py_True ? t.clone() : t);
  });
}

PyObject* dlpack_device(PyObject*, PyObject*) {
  return guarded([&]() -> PyObject* {
    Object module = take(PyImport_ImportModule("rushlight.utils.dlpack"));
    Object types = take(PyObject_GetAttrString(module.get(), "DLDeviceType"));
    return Py_BuildValue("(Ni)", check(PyObject_CallFunction(types.get(), "i", kCpu)), 0);
  });
}

void add_dlpack(PyObject* module) { check(PyModule_AddFunctions(module, functions)); }

}  // namespace rushlight::python
