#include "storage.h"

#include <structmember.h>

#include <cstring>
#include <unordered_map>

#include "arguments.h"
#include "convert.h"
#include "copying.h"
#include "rushlight/autograd/record.h"
#include "rushlight/ops/type_name.h"

namespace rushlight::python {
namespace {

PyTypeObject* storage_type;

struct PyStorage {
  PyObject_HEAD Ref<Storage> storage;
  PyObject* weakrefs;
};
PyStorage* as(PyObject* self) { return reinterpret_cast<PyStorage*>(self); }

// The objects that are alive, by their storage: `a.untyped_storage() is b.untyped_storage()` tells whether
// two tensors share memory. The interpreter's lock guards it.
std::unordered_map<const Storage*, PyObject*>& wrappers() {
  static auto& map = *new std::unordered_map<const Storage*, PyObject*>();
  return map;
}

PyObject* make_wrapper(PyTypeObject* type, Ref<Storage> storage) {
  PyObject* self = check(type->tp_alloc(type, 0));
  const Storage* key = storage.get();
  new (&as(self)->storage) Ref<Storage>(std::move(storage));
  wrappers()[key] = self;
  return self;
}

void dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  if (as(self)->weakrefs) PyObject_ClearWeakRefs(self);
  wrappers().erase(as(self)->storage.get());
  as(self)->storage.~Ref();
  type->tp_free(self);
  Py_DECREF(type);
}

const Storage& value(PyObject* self) { return *as(self)->storage; }
uint8_t* bytes(PyObject* self) { return static_cast<uint8_t*>(value(self).data()); }
Py_ssize_t length(PyObject* self) { return static_cast<Py_ssize_t>(value(self).nbytes()); }

Ref<Storage> copy_of(const Storage& s) {
  Ref<Storage> copy = Storage::allocate(s.nbytes());
  if (s.nbytes()) std::memcpy(copy->data(), s.data(), s.nbytes());
  return copy;
}

// The bytes [begin, begin + count) of another storage, which they keep alive.
Ref<Storage> part_of(const Ref<Storage>& whole, size_t begin, size_t count) {
  whole->pin();
  return Storage::borrow(
      static_cast<char*>(whole->data()) + begin, count,
      [](void* owner) { Ref<Storage>::adopt(static_cast<Storage*>(owner)).reset(); },
      Ref<Storage>(whole).detach());
}

uint8_t byte_value(PyObject* o) { return static_cast<uint8_t>(int_value(o)); }

PyObject* storage_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  return guarded([&]() -> PyObject* {
    static const char* names[] = {"", "device", nullptr};
    PyObject *source = nullptr, *device = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OO:UntypedStorage", const_cast<char**>(names), &source,
                                     &device))
      throw PythonError();
    RL_CHECK(device == Py_None || device_value(device).is_cpu(), "a storage can only be made on the CPU");
    if (!source) return make_wrapper(type, Storage::allocate(0));
    if (PyLong_Check(source)) {
      const int64_t size = int_value(source);
      RL_CHECK(size >= 0, "UntypedStorage(): the size must not be negative, got ", size);
      return make_wrapper(type, Storage::allocate(static_cast<size_t>(size)));
    }
    Object list = take(PySequence_Fast(source, "UntypedStorage() takes a size or a sequence of bytes"));
    const Py_ssize_t n = PySequence_Fast_GET_SIZE(list.get());
    Ref<Storage> made = Storage::allocate(static_cast<size_t>(n));
    for (Py_ssize_t i = 0; i < n; ++i)
      static_cast<uint8_t*>(made->data())[i] = byte_value(PySequence_Fast_GET_ITEM(list.get(), i));
    return make_wrapper(type, std::move(made));
  });
}

// The place of s[key]; IndexError outside of the storage.
Py_ssize_t place(PyObject* self, PyObject* key) {
  const int64_t n = length(self), index = int_value(key);
  RL_CHECK_AS(IndexError, index >= -n && index < n, "index ", index, " out of range for storage of size ", n);
  return static_cast<Py_ssize_t>(index < 0 ? index + n : index);
}

struct Range {
  Py_ssize_t begin, count;
};
Range range(PyObject* self, PyObject* slice) {
  Py_ssize_t begin, end, step;
  check(PySlice_Unpack(slice, &begin, &end, &step));
  const Py_ssize_t count = PySlice_AdjustIndices(length(self), &begin, &end, step);
  RL_CHECK(step == 1, "Trying to slice with a step of ", step, ", but only a step of 1 is supported");
  return {begin, count};
}

[[noreturn]] void refuse_key(PyObject* key) {
  throw_error<TypeError>("can't index a torch.UntypedStorage with ", Py_TYPE(key)->tp_name);
}

PyObject* get_item(PyObject* self, PyObject* key) {
  return guarded([&]() -> PyObject* {
    if (PySlice_Check(key)) {
      const auto [begin, count] = range(self, key);
      return make_wrapper(storage_type, part_of(as(self)->storage, begin, count));
    }
    if (!PyIndex_Check(key)) refuse_key(key);
    return PyLong_FromLong(bytes(self)[place(self, key)]);
  });
}

int set_item(PyObject* self, PyObject* key, PyObject* item) {
  return guarded([&]() -> int {
    RL_CHECK_AS(TypeError, item, "bytes of a storage cannot be deleted");
    RL_CHECK(PyLong_Check(item), "can only set storage content with a int types, but got ",
             Py_TYPE(item)->tp_name, " instead");
    if (PySlice_Check(key)) {
      const auto [begin, count] = range(self, key);
      if (count) std::memset(bytes(self) + begin, byte_value(item), count);
      return 0;
    }
    if (!PyIndex_Check(key)) refuse_key(key);
    bytes(self)[place(self, key)] = byte_value(item);
    return 0;
  });
}

PyObject* item_at(PyObject* self, Py_ssize_t i) {
  if (i >= 0 && i < length(self)) return PyLong_FromLong(bytes(self)[i]);
  return PyErr_Format(PyExc_IndexError, "index %zd out of range for storage of size %zd", i, length(self));
}

PyObject* nbytes(PyObject* self, PyObject*) { return PyLong_FromSsize_t(length(self)); }
PyObject* data_ptr(PyObject* self, PyObject*) { return PyLong_FromVoidPtr(value(self).data()); }
PyObject* element_size(PyObject*, PyObject*) { return PyLong_FromLong(1); }
PyObject* tolist(PyObject* self, PyObject*) { return PySequence_List(self); }
PyObject* itself(PyObject* self, PyObject*) { return Py_NewRef(self); }
PyObject* no(PyObject*, PyObject*) { Py_RETURN_FALSE; }
PyObject* clone(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* { return make_wrapper(storage_type, copy_of(value(self))); });
}
PyObject* fill_(PyObject* self, PyObject* byte) {
  return guarded([&]() -> PyObject* {
    if (length(self)) std::memset(bytes(self), byte_value(byte), length(self));
    return Py_NewRef(self);
  });
}
PyObject* copy_(PyObject* self, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject* source;
    int non_blocking;
    if (!PyArg_ParseTuple(args, "O!|p:copy_", storage_type, &source, &non_blocking)) throw PythonError();
    RL_CHECK(length(self) == length(source), "size does not match, self was ", length(self),
             " bytes but src was ", length(source), " bytes");
    if (length(self)) std::memmove(bytes(self), bytes(source), length(self));
    return Py_NewRef(self);
  });
}
PyObject* resize_(PyObject* self, PyObject* size) {
  return guarded([&]() -> PyObject* {
    const int64_t n = int_value(size);
    RL_CHECK(n >= 0, "resize_(): the size must not be negative, got ", n);
    as(self)->storage->resize(static_cast<size_t>(n));
    return Py_NewRef(self);
  });
}
PyObject* type_name(PyObject*, PyObject*) { return PyUnicode_FromString("torch.storage.UntypedStorage"); }

PyObject* deepcopy(PyObject* self, PyObject* memo) {
  return guarded([&]() -> PyObject* {
    RL_CHECK_AS(TypeError, PyDict_Check(memo), "__deepcopy__() takes a dict");
    return wrap_storage(copied_storage(as(self)->storage, memo));
  });
}
// Pickled by a name of ours: that of the class is PyTorch's, which may be installed too.
PyObject* reduce(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    Object module = take(PyImport_ImportModule("rushlight._C"));
    Object rebuild = take(PyObject_GetAttrString(module.get(), "_rebuild_storage"));
    return Py_BuildValue("N(y#)", rebuild.release(), reinterpret_cast<const char*>(bytes(self)),
                         length(self));
  });
}
PyObject* rebuild(PyObject*, PyObject* content) {
  return guarded([&]() -> PyObject* {
    RL_CHECK_AS(TypeError, PyBytes_Check(content), "a pickled storage has bytes");
    const auto n = static_cast<size_t>(PyBytes_GET_SIZE(content));
    Ref<Storage> made = Storage::allocate(n);
    if (n) std::memcpy(made->data(), PyBytes_AS_STRING(content), n);
    return make_wrapper(storage_type, std::move(made));
  });
}
PyMethodDef functions[] = {{"_rebuild_storage", rebuild, METH_O, "Puts a pickled storage together."}, {}};

PyObject* device(PyObject* self, void*) {
  return guarded([&]() -> PyObject* { return wrap_device(value(self).device()); });
}
PyObject* is_cuda(PyObject* self, void*) { return PyBool_FromLong(value(self).device().is_cuda()); }
PyObject* address(PyObject* self, void*) { return PyLong_FromVoidPtr(as(self)->storage.get()); }

PyObject* repr(PyObject* self) {
  return guarded([&]() -> PyObject* {
    std::string out;
    for (Py_ssize_t i = 0; i < length(self); ++i) out += concat(" ", int{bytes(self)[i]}, "\n");
    out += concat("[torch.storage.UntypedStorage(device=", value(self).device().str(), ") of size ",
                  length(self), "]");
    return PyUnicode_FromStringAndSize(out.data(), static_cast<Py_ssize_t>(out.size()));
  });
}

PyMethodDef methods[] = {
    {"nbytes", nbytes, METH_NOARGS, "How many bytes there are."},
    {"size", nbytes, METH_NOARGS, "How many bytes there are."},
    {"data_ptr", data_ptr, METH_NOARGS, "The address of the first byte."},
    {"element_size", element_size, METH_NOARGS, "1: the elements are bytes."},
    {"tolist", tolist, METH_NOARGS, "The bytes as a list of integers."},
    {"clone", clone, METH_NOARGS, "A copy."},
    {"fill_", fill_, METH_O, "fill_(value): sets every byte."},
    {"copy_", copy_, METH_VARARGS,
     "copy_(source, non_blocking=None): takes over the bytes of a storage of the same size."},
    {"resize_", resize_, METH_O,
     "resize_(size): keeps the leading bytes; the tensors on this storage see the new memory."},
    {"cpu", itself, METH_NOARGS, "Itself: the memory is the host's."},
    {"untyped", itself, METH_NOARGS, "Itself."},
    {"share_memory_", itself, METH_NOARGS, "Itself: processes that are started get copies."},
    {"is_shared", no, METH_NOARGS, "False."},
    {"is_pinned", reinterpret_cast<PyCFunction>(no), METH_VARARGS, "False."},
    {"type", type_name, METH_NOARGS, "The name of this class."},
    {"__copy__", clone, METH_NOARGS, "A copy."},
    {"__deepcopy__", deepcopy, METH_O, "A copy; tensors on this storage that are copied with it share it."},
    {"__reduce__", reduce, METH_NOARGS, "Pickles the bytes."},
    {}};
PyMemberDef members[] = {{"__weaklistoffset__", T_PYSSIZET, offsetof(PyStorage, weakrefs), READONLY, nullptr},
                         {}};
PyGetSetDef getset[] = {{"device", device, nullptr, "Where the bytes are.", nullptr},
                        {"is_cuda", is_cuda, nullptr, "Are the bytes on a GPU.", nullptr},
                        {"_cdata", address, nullptr, "A number that no other living storage has.", nullptr},
                        {}};
PyType_Slot slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(storage_new)},
    {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
    {Py_tp_repr, reinterpret_cast<void*>(repr)},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {Py_tp_getset, getset},
    {Py_mp_length, reinterpret_cast<void*>(length)},
    {Py_mp_subscript, reinterpret_cast<void*>(get_item)},
    {Py_mp_ass_subscript, reinterpret_cast<void*>(set_item)},
    {Py_sq_length, reinterpret_cast<void*>(length)},
    {Py_sq_item, reinterpret_cast<void*>(item_at)},
    {Py_tp_doc, const_cast<char*>("UntypedStorage(size=0, *, device=None)\n--\n\nThe bytes under tensors.\n\n"
                                  ">>> torch.tensor([1, 2], dtype=torch.int16).untyped_storage().tolist()\n"
                                  "[1, 0, 2, 0]")},
    {0, nullptr}};
PyType_Spec spec = {"torch.storage.UntypedStorage", sizeof(PyStorage), 0, Py_TPFLAGS_DEFAULT, slots};

// ---- Tensor.set_
// ------------------------------------------------------------------------------------------------

// The bytes that this geometry reaches; RuntimeError with PyTorch's words when it makes no sense.
int64_t bytes_needed(const Dims& sizes, const Dims& strides, int64_t offset, int64_t item) {
  RL_CHECK(offset >= 0, "Tensor: invalid storage offset ", offset);
  RL_CHECK(sizes.size() == strides.size(), "unequal size length (", sizes.size(), ") and stride length (",
           strides.size(), ")");
  for (int64_t s : sizes)
    RL_CHECK(s >= 0, "Trying to create tensor with negative dimension ", s, ": ", to_string(sizes));
  if (numel_of(sizes) == 0) return 0;
  int64_t last = offset, nbytes = 0;
  bool overflow = false;
  for (int64_t d = 0; d < sizes.size(); ++d) {
    int64_t reach;
    overflow |= strides[d] < 0 || __builtin_mul_overflow(sizes[d] - 1, strides[d], &reach) ||
                __builtin_add_overflow(last, reach, &last);
  }
  overflow = overflow || last == INT64_MAX || __builtin_mul_overflow(last + 1, item, &nbytes);
  RL_CHECK(!overflow, "Storage size calculation overflowed with sizes=", to_string(sizes),
           " and strides=", to_string(strides));
  return nbytes;
}

void set_to(const Tensor& t, const Ref<Storage>& storage, int64_t offset, const Dims& sizes,
            const Dims& strides) {
  const int64_t needed = bytes_needed(sizes, strides, offset, t.item_size());
  const bool recorded = autograd::tracks(t);
  if (recorded) autograd::check_in_place(t);
  if (needed > static_cast<int64_t>(storage->nbytes())) storage->resize(static_cast<size_t>(needed));
  // The version is the tensor's own from here on: it neither falls back nor follows that of the storage's
  // other tensors.
  auto version = make_ref<VersionCounter>();
  version->value = t.version();
  t.impl()->storage = storage;
  t.impl()->own_version = std::move(version);
  t.impl()->set_geometry(sizes, strides, offset);
  if (!recorded) return t.bump_version();
  autograd::Record("NotImplemented", {t}).rule_in_place(t, [](autograd::Node&, const Tensor&) -> Tensor {
    throw_error<RuntimeError>("derivative for aten::set_ is not implemented");
  });
}

// The storage of an UntypedStorage, or of a TypedStorage of the tensor's dtype.
Object storage_argument(PyObject* source, const Tensor& t) {
  if (is_storage(source)) return Object::share(source);
  Object untyped = Object::steal(PyObject_GetAttrString(source, "_untyped_storage"));
  if (!untyped || !is_storage(untyped.get())) {
    PyErr_Clear();
    return {};
  }
  Object dtype = take(PyObject_GetAttrString(source, "dtype"));
  RL_CHECK(dtype_value(dtype.get()) == t.dtype(), "Expected a Storage of type ", c_type_name(t.dtype()),
           " or an UntypedStorage, but got type ", info(dtype_value(dtype.get())).message_name,
           " for argument 1 'storage'");
  return untyped;
}

[[noreturn]] void refuse_set_arguments() {
  throw_error<TypeError>(
      "set_() received an invalid combination of arguments, but expected one of:\n * ()\n * (torch.Storage "
      "source)\n"
      " * (torch.Storage source, int storage_offset, tuple of ints size, tuple of ints stride = None)\n"
      " * (Tensor source)\n"
      " * (Tensor source, int storage_offset, tuple of ints size, tuple of ints stride = None)\n");
}

}  // namespace

bool is_storage(PyObject* object) { return Py_IS_TYPE(object, storage_type); }
const Ref<Storage>& storage_value(PyObject* object) { return as(object)->storage; }

PyObject* wrap_storage(const Ref<Storage>& storage) {
  const auto known = wrappers().find(storage.get());
  return known != wrappers().end() ? Py_NewRef(known->second) : make_wrapper(storage_type, storage);
}

PyObject* untyped_storage(PyObject* tensor, PyObject*) {
  return guarded([&]() -> PyObject* { return wrap_storage(tensor_value(tensor).storage()); });
}

PyObject* set_tensor(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return guarded([&]() -> PyObject* {
    static const Written written("set_",
                                 {"(Tensor, self), (Object, source, {}), (OptInt, storage_offset, {}), "
                                  "(OptDims, size, {}), (OptDims, stride, {})"});
    const auto a = written.parse({args, count, names, self});
    const Tensor& t = tensor_value(self);
    if (a.given(2) != a.given(3) || (a.given(4) && !a.given(3))) refuse_set_arguments();
    const int64_t offset = a.given(2) ? int_value(a[2]) : 0;
    Ref<Storage> storage;
    Dims sizes, strides;
    if (!a.given(1)) {
      storage = Storage::allocate(0);
      sizes = strides = Dims{0};
    } else if (is_tensor(a[1])) {
      const Tensor& source = tensor_value(a[1]);
      RL_CHECK(source.dtype() == t.dtype(), "Could not set tensor of type ", c_type_name(source.dtype()),
               " to a tensor of type ", c_type_name(t.dtype()));
      if (!a.given(3)) {
        set_to(t, source.storage(), source.storage_offset(), source.sizes(), source.strides());
        return Py_NewRef(self);
      }
      storage = source.storage();
    } else if (Object source = storage_argument(a[1], t)) {
      storage = storage_value(source.get());
      sizes = Dims{static_cast<int64_t>(storage->nbytes()) / t.item_size()};
    } else {
      refuse_set_arguments();
    }
    if (a.given(3)) sizes = dims_value(a[3]);
    strides = a.given(4) && PySequence_Size(a[4]) > 0 ? dims_value(a[4]) : contiguous_strides(sizes);
    set_to(t, storage, offset, sizes, strides);
    return Py_NewRef(self);
  });
}

void add_storage_type(PyObject* module) {
  storage_type = add_type(module, "UntypedStorage", &spec);
  check(PyModule_AddFunctions(module, functions));
}

}  // namespace rushlight::python
