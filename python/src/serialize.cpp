// torch.save and torch.load for plain values, containers and tensors. Whatever else Python can pickle goes
// through Python's own pickler (rushlight/serialization.py), which save() asks for by returning
// NotImplemented.
#include "serialize.h"

#include <string>
#include <unordered_map>
#include <unordered_set>

#include "convert.h"
#include "rushlight/autograd/variable.h"
#include "rushlight/io/checkpoint.h"
#include "rushlight/ops/memory.h"

namespace rushlight::python {
namespace {

using io::Kind;
using io::Value;
using io::ValueTree;

PyObject *ordered_dict_type, *counter_type;

// ---- Python to tree. ----

struct Unsupported {};  // an object that only Python's pickler can take

std::string utf8_of(PyObject* text) {
  Object bytes = take(PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass"));
  return {PyBytes_AS_STRING(bytes.get()), static_cast<size_t>(PyBytes_GET_SIZE(bytes.get()))};
}

// Recursion in step with Python's limit on it.
class Nesting {
 public:
  Nesting() { check(Py_EnterRecursiveCall(" while pickling an object") == 0 ? 0 : -1); }
  ~Nesting() { Py_LeaveRecursiveCall(); }
};

class TreeBuilder {
 public:
  void build(PyObject* root) { tree.root = convert(root); }
  ValueTree tree;

 private:
  Value convert(PyObject* o);
  Value make(PyObject* o);
  Value make_int(PyObject* o);
  Value make_tensor(PyObject* o);
  Value make_list(PyObject* o);
  Value make_tuple(PyObject* o, Kind kind);
  Value make_dict(PyObject* o, Kind kind);
  Value make_set(PyObject* o, Kind kind);
  int64_t storage_of(const Tensor& tensor);

  // One Value for each object, which is kept alive so that its address stays its own.
  std::unordered_map<PyObject*, Value> known_;
  std::vector<Object> kept_;
  std::unordered_map<const Storage*, int64_t> storages_;
  std::vector<Ref<Storage>> kept_storages_;
};

Value TreeBuilder::convert(PyObject* o) {
  if (o == Py_None) return Value::none();
  if (PyBool_Check(o)) return Value(o == Py_True);
  if (PyLong_CheckExact(o)) return make_int(o);
  if (PyFloat_CheckExact(o)) return Value(PyFloat_AS_DOUBLE(o));
  if (Py_IS_TYPE(o, dtype_type)) return Value(dtype_value(o));
  if (auto it = known_.find(o); it != known_.end()) return it->second;
  kept_.push_back(Object::share(o));
  const Value made = make(o);
  known_.emplace(o, made);
  return made;
}

Value TreeBuilder::make(PyObject* o) {
  if (PyUnicode_CheckExact(o)) return tree.string(utf8_of(o));
  if (is_tensor(o)) return make_tensor(o);
  const Nesting nesting;
  if (PyDict_CheckExact(o)) return make_dict(o, Kind::Dict);
  if (Py_IS_TYPE(o, reinterpret_cast<PyTypeObject*>(ordered_dict_type)))
    return make_dict(o, Kind::OrderedDict);
  if (Py_IS_TYPE(o, reinterpret_cast<PyTypeObject*>(counter_type))) return make_dict(o, Kind::Counter);
  if (PyList_CheckExact(o)) return make_list(o);
  if (PyTuple_CheckExact(o)) return make_tuple(o, Kind::Tuple);
  if (Py_IS_TYPE(o, size_type)) return make_tuple(o, Kind::Size);
  if (Py_IS_TYPE(o, &PySet_Type)) return make_set(o, Kind::Set);
  if (Py_IS_TYPE(o, &PyFrozenSet_Type)) return make_set(o, Kind::FrozenSet);
  if (Py_IS_TYPE(o, device_type)) return tree.device(device_value(o).str());
  if (PyBytes_CheckExact(o))
    return tree.bytes({PyBytes_AS_STRING(o), static_cast<size_t>(PyBytes_GET_SIZE(o))});
  if (PyByteArray_CheckExact(o))
    return tree.byte_array({PyByteArray_AS_STRING(o), static_cast<size_t>(PyByteArray_GET_SIZE(o))});
  if (PyComplex_CheckExact(o)) return tree.complex({PyComplex_RealAsDouble(o), PyComplex_ImagAsDouble(o)});
  throw Unsupported();
}

Value TreeBuilder::make_int(PyObject* o) {
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(o, &overflow);
  if (!overflow) return Value(static_cast<int64_t>(value));
  Object length = take(PyObject_CallMethod(o, "bit_length", nullptr));
  const long long bytes = PyLong_AsLongLong(length.get()) / 8 + 1;
  Object method = take(PyObject_GetAttrString(o, "to_bytes"));
  Object args = take(Py_BuildValue("(Ls)", bytes, "little"));
  Object keywords = take(Py_BuildValue("{s:O}", "signed", Py_True));
  Object data = take(PyObject_Call(method.get(), args.get(), keywords.get()));
  return tree.big_int({PyBytes_AS_STRING(data.get()), static_cast<size_t>(PyBytes_GET_SIZE(data.get()))});
}

Value TreeBuilder::make_list(PyObject* o) {
  const Value list = tree.container(Kind::List);
  known_.emplace(o, list);
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(o); ++i)
    list.container().items.push_back(convert(PyList_GET_ITEM(o, i)));
  return list;
}

Value TreeBuilder::make_tuple(PyObject* o, Kind kind) {
  std::vector<Value> items;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(o); ++i) items.push_back(convert(PyTuple_GET_ITEM(o, i)));
  return tree.container(kind, std::move(items));
}

Value TreeBuilder::make_set(PyObject* o, Kind kind) {
  std::vector<Value> items;
  Object iterator = take(PyObject_GetIter(o));
  while (Object item = Object::steal(PyIter_Next(iterator.get()))) items.push_back(convert(item.get()));
  if (PyErr_Occurred()) throw PythonError();
  return tree.container(kind, std::move(items));
}

Value TreeBuilder::make_dict(PyObject* o, Kind kind) {
  const Value dict = tree.container(kind);
  known_.emplace(o, dict);
  Object items = take(PyMapping_Items(o));  // in an OrderedDict's own order
  kept_.push_back(items);
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items.get()); ++i) {
    PyObject* pair = PyList_GET_ITEM(items.get(), i);
    const Value key = convert(PyTuple_GET_ITEM(pair, 0));
    io::append_item(dict, key, convert(PyTuple_GET_ITEM(pair, 1)));
  }
  if (kind == Kind::OrderedDict) {
    Object attributes = Object::steal(PyObject_GetAttrString(o, "__dict__"));
    if (!attributes) PyErr_Clear();
    if (attributes && PyDict_Size(attributes.get()) > 0) dict.container().state = convert(attributes.get());
  }
  return dict;
}

int64_t TreeBuilder::storage_of(const Tensor& tensor) {
  const auto [at, is_new] =
      storages_.try_emplace(tensor.storage().get(), static_cast<int64_t>(tree.storages.size()));
  if (is_new) {
    RL_CHECK_AS(NotImplementedError, tensor.device().is_cpu(), "saving tensors on device ",
                tensor.device().str(), " is not supported: move them to the CPU first");
    const auto nbytes = static_cast<int64_t>(tensor.storage()->nbytes());
    tree.storages.push_back(
        {.dtype = tensor.dtype(), .numel = nbytes / tensor.item_size(), .data = tensor.storage()->data()});
    kept_storages_.push_back(tensor.storage());
  }
  return at->second;
}

Value TreeBuilder::make_tensor(PyObject* o) {
  if (!Py_IS_TYPE(o, tensor_type) && !Py_IS_TYPE(o, parameter_type)) throw Unsupported();
  const Tensor tensor = tensor_value(o);
  io::TensorRecord record;
  record.storage = storage_of(tensor);
  record.dtype = tensor.dtype();
  record.offset = tensor.storage_offset();
  record.sizes.assign(tensor.sizes().begin(), tensor.sizes().end());
  record.strides.assign(tensor.strides().begin(), tensor.strides().end());
  record.requires_grad = tensor.requires_grad();
  record.is_parameter = Py_IS_TYPE(o, parameter_type);
  PyObject* attributes = reinterpret_cast<PyTensor*>(o)->dict;
  if (attributes && PyDict_GET_SIZE(attributes) > 0) record.state = convert(attributes);
  return tree.tensor(std::move(record));
}

// save(object, path, name): writes the file, or returns the bytes when path is None; NotImplemented when
// Python's pickler has to do it.
PyObject* save(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *object, *path;
    if (!PyArg_ParseTuple(args, "OO:save", &object, &path)) throw PythonError();
    TreeBuilder builder;
    try {
      builder.build(object);
    } catch (const Unsupported&) {
      return Py_NewRef(Py_NotImplemented);
    }
    if (path == Py_None) {
      const std::string bytes = io::write_checkpoint(builder.tree);
      return PyBytes_FromStringAndSize(bytes.data(), static_cast<Py_ssize_t>(bytes.size()));
    }
    Object encoded = take(PyUnicode_EncodeFSDefault(path));
    {
      const ReleaseGil release;
      io::write_checkpoint(PyBytes_AS_STRING(encoded.get()), builder.tree);
    }
    Py_RETURN_NONE;
  });
}

// ---- Places of storages. ----

[[noreturn]] void throw_no_cuda() {
  throw_error<RuntimeError>(
      "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False. If you are "
      "running on a CPU-only machine, "
      "please use torch.load with map_location=torch.device('cpu') to map your storages to the CPU.");
}

// A storage as one row of its elements.
Tensor whole(const Ref<Storage>& storage, int64_t numel, DType dtype) {
  return Tensor(make_ref<TensorImpl>(storage, Dims{numel}, Dims{1}, 0, dtype, storage->device()));
}

// The bytes of a storage as a tensor: what stands for a storage in Python here.
Object wrap_bytes(const Ref<Storage>& storage) {
  const auto nbytes = static_cast<int64_t>(storage->nbytes());
  return take(wrap(whole(storage, nbytes, DType::UInt8)));
}

// Where the storage goes by map_location: None, a device, its name, a dict of names, or a function of storage
// and name.
void check_location(std::string location, const Ref<Storage>& storage, PyObject* map_location) {
  if (PyUnicode_Check(map_location)) {
    location = utf8_of(map_location);
  } else if (PyObject_TypeCheck(map_location, device_type)) {
    location = device_value(map_location).str();
  } else if (PyDict_Check(map_location)) {
    Object name = take(PyUnicode_FromString(location.c_str()));
    PyObject* mapped = PyDict_GetItemWithError(map_location, name.get());
    if (mapped) location = utf8_of(take(PyObject_Str(mapped)).get());
    else if (PyErr_Occurred()) throw PythonError();
  } else if (map_location != Py_None) {
    Object bytes = wrap_bytes(storage);
    Object result = take(PyObject_CallFunction(map_location, "Os", bytes.get(), location.c_str()));
    if (result.get() != Py_None) return;  // the function has placed it, and there is no other place than here
  }
  if (location.starts_with("cuda")) throw_no_cuda();
  RL_CHECK(location == "cpu",
           "don't know how to restore data location of torch.storage.UntypedStorage (tagged with ", location,
           ")");
}

// ---- Tree to Python. ----

// Makes the Python objects of a tree: all containers in their order, then their contents, so that neither
// depth nor cycles matter.
class ObjectBuilder {
 public:
  ObjectBuilder(const io::Checkpoint& checkpoint, PyObject* map_location)
      : checkpoint_(checkpoint), map_location_(map_location) {}
  PyObject* build();

 private:
  const ValueTree& tree() const { return checkpoint_.tree(); }
  std::vector<const io::Container*> reachable() const;
  Object convert(Value value);
  Object make(Value value);
  Object make_container(const io::Container& container);
  Object make_tensor(const io::TensorRecord& record);
  void fill(const io::Container& container, PyObject* object);
  const Ref<Storage>& storage(int64_t index);

  const io::Checkpoint& checkpoint_;
  PyObject* map_location_;
  std::unordered_map<const void*, Object> known_;
  std::vector<Ref<Storage>> storages_;
  std::vector<std::pair<Value, PyObject*>> attributes_;  // of tensors, to be set when all objects are there
};

Object text_object(Value value) {
  const std::string& text = value.text();
  const auto size = static_cast<Py_ssize_t>(text.size());
  switch (value.kind()) {
    case Kind::String: return take(PyUnicode_DecodeUTF8(text.data(), size, "surrogatepass"));
    case Kind::Bytes: return take(PyBytes_FromStringAndSize(text.data(), size));
    case Kind::ByteArray: return take(PyByteArray_FromStringAndSize(text.data(), size));
    case Kind::Device: return take(wrap_device(Device::parse(text)));
    case Kind::BigInt: {
      Object data = take(PyBytes_FromStringAndSize(text.data(), size));
      Object function = take(PyObject_GetAttrString(reinterpret_cast<PyObject*>(&PyLong_Type), "from_bytes"));
      Object args = take(Py_BuildValue("(Os)", data.get(), "little"));
      Object keywords = take(Py_BuildValue("{s:O}", "signed", Py_True));
      return take(PyObject_Call(function.get(), args.get(), keywords.get()));
    }
    default: throw_error<UnpicklingError>("a class or function as a value is not supported: ", text);
  }
}

Object ObjectBuilder::convert(Value value) {
  switch (value.kind()) {
    case Kind::Absent:
    case Kind::None: return Object::share(Py_None);
    case Kind::Bool: return Object::share(value.as_bool() ? Py_True : Py_False);
    case Kind::Int: return take(PyLong_FromLongLong(value.as_int()));
    case Kind::Float: return take(PyFloat_FromDouble(value.as_float()));
    case Kind::DType: return Object::share(dtype_object(value.as_dtype()));
    case Kind::Storage: return wrap_bytes(storage(value.as_storage()));
    default: break;
  }
  if (auto it = known_.find(value.identity()); it != known_.end()) return it->second;
  Object made = make(value);
  known_.emplace(value.identity(), made);
  return made;
}

Object ObjectBuilder::make(Value value) {
  if (value.is(Kind::Tensor)) return make_tensor(value.tensor());
  if (value.is(Kind::Complex))
    return take(PyComplex_FromDoubles(value.as_complex().real(), value.as_complex().imag()));
  return text_object(value);
}

// Immutable containers complete, for all they hold is there already; the others empty.
Object ObjectBuilder::make_container(const io::Container& container) {
  switch (container.kind) {
    case Kind::List: return take(PyList_New(0));
    case Kind::Dict: return take(PyDict_New());
    case Kind::OrderedDict: return take(PyObject_CallNoArgs(ordered_dict_type));
    case Kind::Counter: return take(PyObject_CallNoArgs(counter_type));
    case Kind::Set: return take(PySet_New(nullptr));
    default: break;
  }
  Object tuple = take(PyTuple_New(static_cast<Py_ssize_t>(container.items.size())));
  Py_ssize_t i = 0;
  for (const Value& item : container.items) PyTuple_SET_ITEM(tuple.get(), i++, convert(item).release());
  if (container.kind == Kind::Tuple) return tuple;
  if (container.kind == Kind::FrozenSet) return take(PyFrozenSet_New(tuple.get()));
  return take(PyObject_CallOneArg(reinterpret_cast<PyObject*>(size_type), tuple.get()));
}

void ObjectBuilder::fill(const io::Container& container, PyObject* object) {
  const std::vector<Value>& items = container.items;
  if (container.kind == Kind::List) {
    for (const Value& item : items) check(PyList_Append(object, convert(item).get()));
  } else if (container.kind == Kind::Set) {
    for (const Value& item : items) check(PySet_Add(object, convert(item).get()));
  } else if (container.kind == Kind::Dict || container.kind == Kind::OrderedDict ||
             container.kind == Kind::Counter) {
    for (size_t i = 0; i + 1 < items.size(); i += 2) {
      const Object key = convert(items[i]), value = convert(items[i + 1]);
      check(container.kind == Kind::Dict ? PyDict_SetItem(object, key.get(), value.get())
                                         : PyObject_SetItem(object, key.get(), value.get()));
    }
  }
}

// A tensor's or OrderedDict's own attributes.
void set_attributes(PyObject* object, PyObject* attributes) {
  if (!PyDict_Check(attributes)) return;
  PyObject *name, *value;
  Py_ssize_t at = 0;
  while (PyDict_Next(attributes, &at, &name, &value)) check(PyObject_SetAttr(object, name, value));
}

const Ref<Storage>& ObjectBuilder::storage(int64_t index) {
  Ref<Storage>& known = storages_.at(static_cast<size_t>(index));
  if (!known) {
    const io::StorageRecord& record = tree().storages[static_cast<size_t>(index)];
    Ref<Storage> made = Storage::allocate(static_cast<size_t>(record.nbytes()));
    checkpoint_.read_storage(static_cast<size_t>(index), made->data());
    check_location(record.location, made, map_location_);
    known = std::move(made);
  }
  return known;
}

Object ObjectBuilder::make_tensor(const io::TensorRecord& record) {
  RL_CHECK_AS(NotImplementedError, !record.is_neg, "loading a negated view is not supported");
  const Ref<Storage>& memory = storage(record.storage);
  Tensor tensor(make_ref<TensorImpl>(memory, DimsRef(record.sizes).copy(), DimsRef(record.strides).copy(),
                                     record.offset, record.dtype, memory->device()));
  if (record.is_conj) tensor = tensor.conj();
  tensor.impl()->parameter = record.is_parameter;
  if (record.requires_grad) tensor.set_requires_grad(true);
  Object object = take(wrap(tensor));
  if (!record.state.is(Kind::Absent)) attributes_.emplace_back(record.state, object.get());
  return object;
}

// The containers below the root, in their order: the tree has others, the arguments of what was rebuilt.
std::vector<const io::Container*> ObjectBuilder::reachable() const {
  std::unordered_set<const void*> seen;
  std::vector<Value> open = {tree().root};
  while (!open.empty()) {
    const Value value = open.back();
    open.pop_back();
    if ((!value.is_container() && !value.is(Kind::Tensor)) || !seen.insert(value.identity()).second) continue;
    if (value.is(Kind::Tensor)) {
      open.push_back(value.tensor().state);
    } else {
      open.push_back(value.container().state);
      open.insert(open.end(), value.items().begin(), value.items().end());
    }
  }
  std::vector<const io::Container*> out;
  for (const io::Container& container : tree().containers())
    if (seen.contains(&container)) out.push_back(&container);
  return out;
}

PyObject* ObjectBuilder::build() {
  storages_.resize(tree().storages.size());
  const std::vector<const io::Container*> containers = reachable();
  for (const io::Container* container : containers) known_.emplace(container, make_container(*container));
  for (const io::Container* container : containers) fill(*container, known_.at(container).get());
  Object root = convert(tree().root);
  for (const io::Container* container : containers) {
    if (!container->state.is(Kind::Absent))
      set_attributes(known_.at(container).get(), convert(container->state).get());
  }
  for (size_t i = 0; i < attributes_.size(); ++i) {  // may grow meanwhile
    const Object attributes = convert(attributes_[i].first);
    set_attributes(attributes_[i].second, attributes.get());
  }
  return root.release();
}

// load(file, map_location): file is a path or bytes.
PyObject* load(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *file, *map_location;
    if (!PyArg_ParseTuple(args, "OO:load", &file, &map_location)) throw PythonError();
    if (PyBytes_Check(file)) {
      const auto* bytes = reinterpret_cast<const std::byte*>(PyBytes_AS_STRING(file));
      const io::Checkpoint checkpoint =
          io::read_checkpoint({bytes, static_cast<size_t>(PyBytes_GET_SIZE(file))});
      return ObjectBuilder(checkpoint, map_location).build();
    }
    Object path = take(PyUnicode_EncodeFSDefault(file));
    const io::Checkpoint checkpoint = io::read_checkpoint(std::string(PyBytes_AS_STRING(path.get())));
    return ObjectBuilder(checkpoint, map_location).build();
  });
}

// ---- For Python's own pickler and unpickler. ----

// storage_of(tensor): (identity, bytes) of its storage.
PyObject* storage_of(PyObject*, PyObject* object) {
  return guarded([&]() -> PyObject* {
    RL_CHECK_AS(TypeError, is_tensor(object), "expected a tensor, not ", Py_TYPE(object)->tp_name);
    const Tensor tensor = tensor_value(object);
    return Py_BuildValue("(KK)",
                         static_cast<unsigned long long>(reinterpret_cast<uintptr_t>(tensor.storage().get())),
                         static_cast<unsigned long long>(tensor.storage()->nbytes()));
  });
}

// write_archive(pickle, tensors): the bytes of a checkpoint whose storage i is that of tensors[i].
PyObject* write_archive(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *text, *list;
    if (!PyArg_ParseTuple(args, "SO!:write_archive", &text, &PyList_Type, &list)) throw PythonError();
    std::vector<io::StorageRecord> storages;
    const std::vector<Tensor> tensors = tensors_value(list);
    for (const Tensor& t : tensors) {
      const auto nbytes = static_cast<int64_t>(t.storage()->nbytes());
      storages.push_back({.dtype = DType::UInt8, .numel = nbytes, .data = t.storage()->data()});
    }
    const std::string bytes = io::write_checkpoint(
        std::string(PyBytes_AS_STRING(text), static_cast<size_t>(PyBytes_GET_SIZE(text))), storages);
    return PyBytes_FromStringAndSize(bytes.data(), static_cast<Py_ssize_t>(bytes.size()));
  });
}

io::Archive archive_of(PyObject* bytes) {
  RL_CHECK_AS(TypeError, PyBytes_Check(bytes), "expected bytes, not ", Py_TYPE(bytes)->tp_name);
  const auto* data = reinterpret_cast<const std::byte*>(PyBytes_AS_STRING(bytes));
  return io::Archive(io::ByteSource::view({data, static_cast<size_t>(PyBytes_GET_SIZE(bytes))}));
}

// read_pickle(bytes): the pickle of a checkpoint.
PyObject* read_pickle(PyObject*, PyObject* bytes) {
  return guarded([&]() -> PyObject* {
    const std::string text = archive_of(bytes).pickle();
    return PyBytes_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size()));
  });
}

// read_storages(bytes, [(key, dtype, numel, location)], map_location): a 1-d tensor for each.
PyObject* read_storages(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *bytes, *records, *map_location;
    if (!PyArg_ParseTuple(args, "OO!O:read_storages", &bytes, &PyList_Type, &records, &map_location))
      throw PythonError();
    const io::Archive archive = archive_of(bytes);
    Object list = take(PyList_New(0));
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(records); ++i) {
      const char *key, *location;
      PyObject* dtype_object;
      long long numel;
      if (!PyArg_ParseTuple(PyList_GET_ITEM(records, i), "sO!Ls", &key, dtype_type, &dtype_object, &numel,
                            &location))
        throw PythonError();
      const DType dtype = dtype_value(dtype_object);
      const int64_t item = item_size(dtype);
      RL_CHECK(numel >= 0 && numel <= INT64_MAX / item, "a storage cannot have ", numel, " elements");
      archive.check_storage(key, numel * item);  // so that nothing is allocated on the pickle's word
      Ref<Storage> storage = Storage::allocate(static_cast<size_t>(numel * item));
      archive.read_storage(key, dtype, numel * item, storage->data());
      check_location(location, storage, map_location);
      check(PyList_Append(list.get(), take(wrap(whole(storage, numel, dtype))).get()));
    }
    return list.release();
  });
}

// rebuild(storage tensor, dtype, offset, sizes, strides, requires_grad, is_parameter): another look at a
// storage.
PyObject* rebuild(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *base, *dtype_object, *sizes, *strides;
    long long offset;
    int requires_grad, is_parameter;
    if (!PyArg_ParseTuple(args, "O!O!LOOpp:rebuild", tensor_type, &base, dtype_type, &dtype_object, &offset,
                          &sizes, &strides, &requires_grad, &is_parameter)) {
      throw PythonError();
    }
    const Tensor source = tensor_value(base);
    const DType dtype = dtype_value(dtype_object);
    Tensor whole(make_ref<TensorImpl>(
        source.storage(), Dims{static_cast<int64_t>(source.storage()->nbytes()) / item_size(dtype)}, Dims{1},
        0, dtype, source.device()));
    const Dims size_values = dims_value(sizes), stride_values = dims_value(strides);
    RL_CHECK(size_values.size() == stride_values.size(), "mismatch in length of strides and shape");
    check_in_bounds(whole, size_values, stride_values, offset);
    Tensor tensor(
        make_ref<TensorImpl>(source.storage(), size_values, stride_values, offset, dtype, source.device()));
    tensor.impl()->parameter = is_parameter;
    if (requires_grad) tensor.set_requires_grad(true);
    return wrap(tensor);
  });
}

PyMethodDef functions[] = {
    {"storage_of", storage_of, METH_O, "storage_of(tensor): (identity, bytes) of its storage."},
    {"write_archive", write_archive, METH_VARARGS,
     "write_archive(pickle, tensors): the bytes of a checkpoint."},
    {"read_pickle", read_pickle, METH_O, "read_pickle(bytes): the pickle of a checkpoint."},
    {"read_storages", read_storages, METH_VARARGS,
     "read_storages(bytes, records, map_location): a 1-d tensor for each storage."},
    {"rebuild", rebuild, METH_VARARGS,
     "rebuild(storage, dtype, offset, sizes, strides, requires_grad, is_parameter): a tensor on a storage."},
    {"save", save, METH_VARARGS,
     "save(object, path): writes a checkpoint; its bytes when path is None; NotImplemented when Python must "
     "pickle."},
    {"load", load, METH_VARARGS,
     "load(path or bytes, map_location): reads a checkpoint of plain values and tensors."},
    {}};

}  // namespace

void add_serialization(PyObject* module) {
  Object collections = take(PyImport_ImportModule("collections"));
  ordered_dict_type = check(PyObject_GetAttrString(collections.get(), "OrderedDict"));
  counter_type = check(PyObject_GetAttrString(collections.get(), "Counter"));
  Object self = take(PyModule_New("rushlight._C._serialize"));
  check(PyModule_AddFunctions(self.get(), functions));
  add_to_module(module, "_serialize", self);
}

}  // namespace rushlight::python
