#include "numpy.h"

#include <cstring>

#include "tensor.h"

namespace rushlight::python {
namespace {

// What the attribute __array_struct__ points to (NumPy's array interface, "C-struct access").
struct ArrayInterface {
  int two;
  int nd;
  char typekind;
  int itemsize;
  int flags;
  Py_intptr_t* shape;
  Py_intptr_t* strides;
  void* data;
  PyObject* descr;
};
constexpr int kNotSwapped = 0x200, kWriteable = 0x400;

// The entries of NumPy's C API that we call; their places are part of its stable ABI.
class NumpyApi {
 public:
  using New = PyObject* (*)(PyTypeObject*, int, const Py_intptr_t*, int, const Py_intptr_t*, void*, int, int,
                            PyObject*);
  using SetBase = int (*)(PyObject*, PyObject*);
  PyTypeObject* array_type() const { return static_cast<PyTypeObject*>(table_[2]); }
  New make() const { return reinterpret_cast<New>(table_[93]); }
  SetBase set_base() const { return reinterpret_cast<SetBase>(table_[282]); }

  static const NumpyApi& get() {
    static NumpyApi api;
    if (!api.table_) api.load();
    return api;
  }

 private:
  void load() {
    PyObject* found = PyImport_ImportModule("numpy._core.multiarray");
    if (!found) {
      PyErr_Clear();
      found = PyImport_ImportModule("numpy.core.multiarray");  // before NumPy 2
    }
    if (!found) {
      PyErr_Clear();
      throw_error<RuntimeError>("Numpy is not available");
    }
    Object module = Object::steal(found);
    Object capsule = take(PyObject_GetAttrString(module.get(), "_ARRAY_API"));
    table_ = static_cast<void**>(PyCapsule_GetPointer(capsule.get(), nullptr));
    if (!table_) throw PythonError();
  }
  void** table_ = nullptr;
};

struct NumpyType {
  DType dtype;
  char kind;
  int number;  // NPY_TYPES, on a platform where long has 64 bits
};
constexpr NumpyType kTypes[] = {
    {DType::Bool, 'b', 0},       {DType::UInt8, 'u', 2},      {DType::UInt16, 'u', 4},
    {DType::UInt32, 'u', 6},     {DType::UInt64, 'u', 8},     {DType::Int8, 'i', 1},
    {DType::Int16, 'i', 3},      {DType::Int32, 'i', 5},      {DType::Int64, 'i', 7},
    {DType::Float16, 'f', 23},   {DType::Float32, 'f', 11},   {DType::Float64, 'f', 12},
    {DType::Complex64, 'c', 14}, {DType::Complex128, 'c', 15}};

const NumpyType* find_type(char kind, int itemsize) {
  for (const NumpyType& t : kTypes)
    if (t.kind == kind && item_size(t.dtype) == itemsize) return &t;
  return nullptr;
}

[[noreturn]] void refuse_dtype(PyObject* array) {
  Object descr = take(PyObject_GetAttrString(array, "dtype"));
  Object type = take(PyObject_GetAttrString(descr.get(), "type"));
  throw_error<TypeError>("can't convert np.ndarray of type ",
                         reinterpret_cast<PyTypeObject*>(type.get())->tp_name,
                         ". The only supported types are: float64, float32, float16, complex64, complex128, "
                         "int64, int32, int16, "
                         "int8, uint64, uint32, uint16, uint8, and bool.");
}

// Holds the capsule that owns the description.
class Description {
 public:
  explicit Description(PyObject* array) : capsule_(take(PyObject_GetAttrString(array, "__array_struct__"))) {
    found_ = static_cast<ArrayInterface*>(PyCapsule_GetPointer(capsule_.get(), nullptr));
    if (!found_) throw PythonError();
  }
  const ArrayInterface& operator*() const { return *found_; }
  const ArrayInterface* operator->() const { return found_; }

 private:
  Object capsule_;
  ArrayInterface* found_;
};

void release_array(void* array) {
  if (!Py_IsInitialized()) return;
  AcquireGil gil;
  Py_DECREF(static_cast<PyObject*>(array));
}

void warn_not_writable() {
  static bool warned = false;
  if (std::exchange(warned, true)) return;
  check(PyErr_WarnEx(PyExc_UserWarning,
                     "The given NumPy array is not writable, and PyTorch does not support non-writable "
                     "tensors. This means writing to "
                     "this tensor will result in undefined behavior. You may want to copy the array to "
                     "protect its data or make it "
                     "writable before converting it to a tensor. This type of warning will be suppressed for "
                     "the rest of this program.",
                     1));
}

}  // namespace

bool is_ndarray(PyObject* object) {
  static PyTypeObject* type = nullptr;
  if (!type) {
    PyObject* modules = PyImport_GetModuleDict();
    if (!PyDict_GetItemString(modules, "numpy")) return false;  // then nobody can have made one
    Object numpy = Object::steal(PyImport_ImportModule("numpy"));
    Object found = Object::steal(numpy ? PyObject_GetAttrString(numpy.get(), "ndarray") : nullptr);
    if (!found) {  // in the middle of its own import
      PyErr_Clear();
      return false;
    }
    type = reinterpret_cast<PyTypeObject*>(found.release());
  }
  return PyObject_TypeCheck(object, type);
}

DType numpy_dtype(PyObject* array) {
  Object descr = take(PyObject_GetAttrString(array, "dtype"));
  Object kind = take(PyObject_GetAttrString(descr.get(), "kind")),
         size = take(PyObject_GetAttrString(descr.get(), "itemsize"));
  const NumpyType* type =
      find_type(PyUnicode_AsUTF8(kind.get())[0], static_cast<int>(PyLong_AsLong(size.get())));
  if (!type) refuse_dtype(array);
  return type->dtype;
}

Tensor tensor_from_numpy(PyObject* array, bool warn_if_not_writable) {
  RL_CHECK_AS(TypeError, is_ndarray(array), "expected np.ndarray (got ", Py_TYPE(array)->tp_name, ")");
  const Description a(array);
  if (warn_if_not_writable && !(a->flags & kWriteable)) warn_not_writable();
  const NumpyType* type = find_type(a->typekind, a->itemsize);
  Dims sizes(a->nd), strides(a->nd);
  int64_t reach = 0;
  for (int i = 0; i < a->nd; ++i) {
    RL_CHECK_AS(ValueError, a->itemsize == 0 || a->strides[i] % a->itemsize == 0,
                "given numpy array strides not a multiple of the element byte size. Copy the numpy array to "
                "reallocate the memory.");
    sizes[i] = a->shape[i];
    strides[i] = a->itemsize ? a->strides[i] / a->itemsize : 0;
    RL_CHECK_AS(
        ValueError, a->strides[i] >= 0,
        "At least one stride in the given numpy array is negative, and tensors with negative strides are not "
        "currently "
        "supported. (You can probably work around this by making a copy of your array  with array.copy().) ");
    reach += sizes[i] > 0 ? (sizes[i] - 1) * strides[i] : 0;
  }
  if (!type) refuse_dtype(array);
  RL_CHECK_AS(ValueError, a->flags & kNotSwapped,
              "given numpy array has byte order different from the native byte order. Conversion between "
              "byte orders is currently "
              "not supported.");
  const int64_t count = numel_of(sizes) ? reach + 1 : 0;
  Ref<Storage> storage = Storage::borrow(a->data, count * a->itemsize, release_array, Py_NewRef(array));
  return Tensor(make_ref<TensorImpl>(std::move(storage), std::move(sizes), std::move(strides), 0, type->dtype,
                                     Device()));
}

PyObject* tensor_to_numpy(PyObject* self) {
  const Tensor& t = tensor_value(self);
  const NumpyType* type = nullptr;
  for (const NumpyType& k : kTypes)
    if (k.dtype == t.dtype()) type = &k;
  RL_CHECK_AS(TypeError, type, "Got unsupported ScalarType ", info(t.dtype()).message_name);
  const NumpyApi& api = NumpyApi::get();
  RL_CHECK(t.dim() <= 32, "NumPy arrays have at most 32 dimensions");
  Py_intptr_t shape[32], strides[32];
  for (int64_t i = 0; i < t.dim(); ++i) {
    shape[i] = t.sizes()[i];
    strides[i] = t.strides()[i] * t.item_size();
  }
  Object array = take(api.make()(api.array_type(), static_cast<int>(t.dim()), shape, type->number, strides,
                                 t.raw_data(), 0, kWriteable, nullptr));
  // The array keeps the storage, not the tensor, which may be given another one.
  t.storage()->pin();
  PyObject* keeper = PyCapsule_New(Ref<Storage>(t.storage()).detach(), "storage", [](PyObject* capsule) {
    Ref<Storage>::adopt(static_cast<Storage*>(PyCapsule_GetPointer(capsule, "storage")));
  });
  check(api.set_base()(array.get(), check(keeper)));  // steals
  return array.release();
}

}  // namespace rushlight::python
