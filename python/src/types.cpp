#include "types.h"

#include <structmember.h>

#include <algorithm>
#include <string>

#include "arguments.h"
#include "copying.h"

namespace rushlight::python {

PyTypeObject *dtype_type, *device_type, *size_type, *layout_type, *memory_format_type;

namespace {

PyObject* dtype_objects[kNumDTypes];

struct PyDType {
  PyObject_HEAD DType value;
};

DType self_dtype(PyObject* self) { return reinterpret_cast<PyDType*>(self)->value; }

PyObject* dtype_repr(PyObject* self) { return PyUnicode_FromFormat("torch.%s", info(self_dtype(self)).name); }
PyObject* dtype_reduce(PyObject* self, PyObject*) {
  return reduce_to_name("torch", info(self_dtype(self)).name);
}
PyObject* dtype_to_real(PyObject* self, PyObject*) {
  return Py_NewRef(dtype_object(to_real(self_dtype(self))));
}
PyObject* dtype_to_complex(PyObject* self, PyObject*) {
  return Py_NewRef(dtype_object(to_complex(self_dtype(self))));
}
PyObject* dtype_itemsize(PyObject* self, void*) { return PyLong_FromLong(info(self_dtype(self)).size); }
PyObject* dtype_is_floating(PyObject* self, void*) { return PyBool_FromLong(is_floating(self_dtype(self))); }
PyObject* dtype_is_complex(PyObject* self, void*) { return PyBool_FromLong(is_complex(self_dtype(self))); }
PyObject* dtype_is_signed(PyObject* self, void*) { return PyBool_FromLong(is_signed(self_dtype(self))); }

PyMethodDef dtype_methods[] = {
    {"__reduce__", dtype_reduce, METH_NOARGS, "Pickles by name."},
    {"to_real", dtype_to_real, METH_NOARGS, "The real dtype of this width."},
    {"to_complex", dtype_to_complex, METH_NOARGS, "The complex dtype of this width."},
    {}};
PyGetSetDef dtype_getset[] = {
    {"itemsize", dtype_itemsize, nullptr, "Bytes of one element.", nullptr},
    {"is_floating_point", dtype_is_floating, nullptr, "Real floating type.", nullptr},
    {"is_complex", dtype_is_complex, nullptr, "Complex type.", nullptr},
    {"is_signed", dtype_is_signed, nullptr, "Has negative numbers.", nullptr},
    {}};
PyType_Slot dtype_slots[] = {{Py_tp_repr, reinterpret_cast<void*>(dtype_repr)},
                             {Py_tp_methods, dtype_methods},
                             {Py_tp_getset, dtype_getset},
                             {Py_tp_doc, const_cast<char*>("The type of a tensor's elements.")},
                             {0, nullptr}};
PyType_Spec dtype_spec = {"torch.dtype", sizeof(PyDType), 0,
                          Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, dtype_slots};

struct PyDevice {
  PyObject_HEAD Device value;
};

Device self_device(PyObject* self) { return reinterpret_cast<PyDevice*>(self)->value; }

PyObject* make_device(PyTypeObject* type, Device device) {
  PyObject* self = type->tp_alloc(type, 0);
  if (self) reinterpret_cast<PyDevice*>(self)->value = device;
  return self;
}

PyObject* device_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  return guarded([&]() -> PyObject* {
    static const char* names[] = {"type", "index", nullptr};
    PyObject *what = nullptr, *index = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O:device", const_cast<char**>(names), &what, &index))
      throw PythonError();
    RL_CHECK_AS(TypeError, is_device_like(what),
                "device() received an invalid combination of arguments - got (", Py_TYPE(what)->tp_name,
                "), but expected one of:\n * (torch.device device)\n      didn't match because some of the "
                "arguments have invalid types: (!",
                Py_TYPE(what)->tp_name, "!)\n * (str type, int index = -1)\n");
    RL_CHECK_AS(TypeError, index == Py_None || PyLong_Check(index),
                "device(): argument 'index' (position 2) must be int, not ", Py_TYPE(index)->tp_name);
    Device device = device_value(what);
    if (index != Py_None) {
      const long i = PyLong_AsLong(index);
      if (i == -1 && PyErr_Occurred()) throw PythonError();
      RL_CHECK(device.index < 0,
               "type (string) must not include an index because index was passed explicitly: ", device.str());
      RL_CHECK(i >= 0 && i < 128, "Device index must not be negative");
      device.index = static_cast<int8_t>(i);
    }
    return make_device(type, device);
  });
}

PyObject* device_repr(PyObject* self) {
  const Device d = self_device(self);
  if (d.index < 0) return PyUnicode_FromFormat("device(type='%s')", d.type_name());
  return PyUnicode_FromFormat("device(type='%s', index=%d)", d.type_name(), d.index);
}
PyObject* device_str(PyObject* self) { return PyUnicode_FromString(self_device(self).str().c_str()); }
Py_hash_t device_hash(PyObject* self) {
  const Device d = self_device(self);
  return static_cast<int>(d.type) * 256 + d.index + 1;
}
PyObject* device_compare(PyObject* a, PyObject* b, int op) {
  if ((op != Py_EQ && op != Py_NE) || !PyObject_TypeCheck(b, device_type)) Py_RETURN_NOTIMPLEMENTED;
  return PyBool_FromLong((self_device(a) == self_device(b)) == (op == Py_EQ));
}
PyObject* device_get_type(PyObject* self, void*) {
  return PyUnicode_FromString(self_device(self).type_name());
}
PyObject* device_get_index(PyObject* self, void*) {
  const int index = self_device(self).index;
  if (index < 0) Py_RETURN_NONE;
  return PyLong_FromLong(index);
}
PyObject* device_reduce(PyObject* self, PyObject*) {
  const Device d = self_device(self);
  Object arguments = Object::steal(d.index < 0 ? Py_BuildValue("(s)", d.type_name())
                                               : Py_BuildValue("(si)", d.type_name(), int{d.index}));
  return arguments ? reduce_to_name("torch", "device", arguments.get()) : nullptr;
}
PyObject* device_enter(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    RL_CHECK_AS(NotImplementedError, self_device(self).type != DeviceType::Meta,
                "Rushlight cannot make tensors on meta by default");
    push_default_device(self);
    return Py_NewRef(self);
  });
}
PyObject* device_exit(PyObject*, PyObject*) {
  pop_default_device();
  Py_RETURN_FALSE;
}

PyMethodDef device_methods[] = {{"__reduce__", device_reduce, METH_NOARGS, "Pickles by text."},
                                {"__enter__", device_enter, METH_NOARGS, "Scope of a default device."},
                                {"__exit__", device_exit, METH_VARARGS, "Ends the scope."},
                                {}};
PyGetSetDef device_getset[] = {{"type", device_get_type, nullptr, "'cpu', 'cuda' or 'meta'.", nullptr},
                               {"index", device_get_index, nullptr, "Which one, or None.", nullptr},
                               {}};
PyType_Slot device_slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(device_new)},
    {Py_tp_repr, reinterpret_cast<void*>(device_repr)},
    {Py_tp_str, reinterpret_cast<void*>(device_str)},
    {Py_tp_hash, reinterpret_cast<void*>(device_hash)},
    {Py_tp_richcompare, reinterpret_cast<void*>(device_compare)},
    {Py_tp_methods, device_methods},
    {Py_tp_getset, device_getset},
    {Py_tp_doc, const_cast<char*>("device(type, index=None)\n--\n\nWhere a tensor's memory is.")},
    {0, nullptr}};
PyType_Spec device_spec = {"torch.device", sizeof(PyDevice), 0, Py_TPFLAGS_DEFAULT, device_slots};

PyObject* size_repr(PyObject* self) {
  std::string text = "torch.Size([";
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self); ++i) {
    Object item = Object::steal(PyObject_Repr(PyTuple_GET_ITEM(self, i)));
    if (!item) return nullptr;
    text += (i ? ", " : "") + std::string(PyUnicode_AsUTF8(item.get()));
  }
  return PyUnicode_FromString((text + "])").c_str());
}
PyObject* as_size(PyObject* tuple) {
  if (!tuple || !PyTuple_CheckExact(tuple)) return tuple;
  Object owned = Object::steal(tuple);
  return PyObject_CallOneArg(reinterpret_cast<PyObject*>(size_type), tuple);
}
PyObject* size_numel(PyObject* self, PyObject*) {
  Object product = Object::steal(PyLong_FromLong(1));
  for (Py_ssize_t i = 0; product && i < PyTuple_GET_SIZE(self); ++i) {
    product = Object::steal(PyNumber_Multiply(product.get(), PyTuple_GET_ITEM(self, i)));
  }
  return product.release();
}
PyObject* size_reduce(PyObject* self, PyObject*) {
  Object plain = Object::steal(PySequence_List(self));
  Object tuple = Object::steal(plain ? PyList_AsTuple(plain.get()) : nullptr);
  if (!tuple) return nullptr;
  if (Py_TYPE(self) != size_type) return Py_BuildValue("O(O)", Py_TYPE(self), tuple.get());
  Object arguments = Object::steal(PyTuple_Pack(1, tuple.get()));
  return arguments ? reduce_to_name("torch", "Size", arguments.get()) : nullptr;
}
PyObject* size_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  Object self = Object::steal(PyTuple_Type.tp_new(type, args, kwargs));
  for (Py_ssize_t i = 0; self && i < PyTuple_GET_SIZE(self.get()); ++i) {
    PyObject* item = PyTuple_GET_ITEM(self.get(), i);
    if (PyLong_Check(item)) continue;
    PyObject* number = PyIndex_Check(item) ? PyNumber_Index(item) : nullptr;
    if (!number) {
      PyErr_Clear();
      return PyErr_Format(PyExc_TypeError, "torch.Size() takes an iterable of 'int' (item %zd is '%s')", i,
                          Py_TYPE(item)->tp_name);
    }
    PyTuple_SET_ITEM(self.get(), i, number);
    Py_DECREF(item);
  }
  return self.release();
}
PyObject* size_subscript(PyObject* self, PyObject* key) {
  return as_size(PyTuple_Type.tp_as_mapping->mp_subscript(self, key));
}
PyObject* size_concat(PyObject* a, PyObject* b) {
  return as_size(PyTuple_Type.tp_as_sequence->sq_concat(a, b));
}
PyObject* size_add(PyObject* a, PyObject* b) {
  if (!PyTuple_Check(a) || !PyTuple_Check(b)) Py_RETURN_NOTIMPLEMENTED;
  return size_concat(a, b);
}
PyObject* size_repeat(PyObject* self, Py_ssize_t n) {
  return as_size(PyTuple_Type.tp_as_sequence->sq_repeat(self, n));
}

PyMethodDef size_methods[] = {
    {"numel", size_numel, METH_NOARGS, "Number of elements of a tensor of this size."},
    {"__reduce__", size_reduce, METH_NOARGS, "Pickles as a tuple."},
    {}};

PyType_Slot size_slots[] = {{Py_tp_new, reinterpret_cast<void*>(size_new)},
                            {Py_tp_repr, reinterpret_cast<void*>(size_repr)},
                            {Py_tp_methods, size_methods},
                            {Py_mp_subscript, reinterpret_cast<void*>(size_subscript)},
                            {Py_sq_concat, reinterpret_cast<void*>(size_concat)},
                            {Py_sq_repeat, reinterpret_cast<void*>(size_repeat)},
                            {Py_nb_add, reinterpret_cast<void*>(size_add)},
                            {Py_tp_doc, const_cast<char*>("The shape of a tensor: a tuple of ints.")},
                            {0, nullptr}};
PyType_Spec size_spec = {"torch.Size", 0, 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, size_slots};

// layout and memory_format have named values and no behaviour.
struct PyNamed {
  PyObject_HEAD const char* name;
};
PyObject* named_repr(PyObject* self) {
  return PyUnicode_FromFormat("torch.%s", reinterpret_cast<PyNamed*>(self)->name);
}
PyObject* named_reduce(PyObject* self, PyObject*) {
  return reduce_to_name("torch", reinterpret_cast<PyNamed*>(self)->name);
}
PyMethodDef named_methods[] = {{"__reduce__", named_reduce, METH_NOARGS, "Pickles by name."}, {}};
PyType_Slot named_slots[] = {
    {Py_tp_repr, reinterpret_cast<void*>(named_repr)}, {Py_tp_methods, named_methods}, {0, nullptr}};
PyType_Spec layout_spec = {"torch.layout", sizeof(PyNamed), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, named_slots};
PyType_Spec format_spec = {"torch.memory_format", sizeof(PyNamed), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, named_slots};

constexpr char kStrided[] = "strided";

void add_named(PyObject* module, PyTypeObject* type, const char* name) {
  Object value = take(type->tp_alloc(type, 0));
  reinterpret_cast<PyNamed*>(value.get())->name = name;
  add_to_module(module, name, value);
}

}  // namespace

PyObject* dtype_object(DType dtype) { return dtype_objects[static_cast<int>(dtype)]; }
DType dtype_value(PyObject* object) { return self_dtype(object); }

PyObject* wrap_device(Device device) { return check(make_device(device_type, device)); }

bool is_device_like(PyObject* object) {
  return PyObject_TypeCheck(object, device_type) || PyUnicode_Check(object) ||
         (PyLong_Check(object) && !PyBool_Check(object));
}

Device device_value(PyObject* object) {
  if (PyObject_TypeCheck(object, device_type)) return self_device(object);
  if (PyUnicode_Check(object)) {
    Py_ssize_t n;
    const char* text = PyUnicode_AsUTF8AndSize(object, &n);
    if (!text) throw PythonError();
    return Device::parse({text, static_cast<size_t>(n)});
  }
  const long index = PyLong_AsLong(object);
  if (index == -1 && PyErr_Occurred()) throw PythonError();
  RL_CHECK(index >= 0 && index < 128, "Device index must not be negative");
  throw_error<RuntimeError>("Cannot access accelerator device when none is available.");
}

MemoryFormat memory_format_value(PyObject* object) {
  const std::string name = reinterpret_cast<PyNamed*>(object)->name;
  return name == "channels_last"      ? MemoryFormat::ChannelsLast
         : name == "channels_last_3d" ? MemoryFormat::ChannelsLast3d
         : name == "preserve_format"  ? MemoryFormat::Preserve
                                      : MemoryFormat::Contiguous;
}

namespace {

PyObject* new_size(DimsRef sizes) {
  Object self = take(size_type->tp_alloc(size_type, sizes.size()));
  PyObject_GC_UnTrack(self.get());  // integers close no cycles
  for (int64_t i = 0; i < sizes.size(); ++i)
    PyTuple_SET_ITEM(self.get(), i, check(PyLong_FromLongLong(sizes[i])));
  return self.release();
}

}  // namespace

// Programs ask for the same few shapes again and again. A Size never changes, so all can have the same one:
// each slot of this table keeps the last that was asked for among the shapes that fall on it.
PyObject* wrap_size(DimsRef sizes) {
  constexpr int64_t kMaxLength = 5;
  constexpr int kBits = 6;
  constexpr uint64_t kMultiplier = 0x9e3779b97f4a7c15;  // 2^64 / golden ratio (Knuth, TAOCP 6.4)
  struct Slot {
    int64_t length = -1, values[kMaxLength];
    Object size;
    bool holds(DimsRef sizes) const {
      bool same = length == sizes.size();
      for (int64_t i = 0; same && i < length; ++i) same = values[i] == sizes[i];
      return same;
    }
  };
  static Slot* slots = new Slot[1 << kBits];
  if (sizes.size() > kMaxLength) return new_size(sizes);
  uint64_t hash = 0;
  for (int64_t s : sizes) hash = (hash + static_cast<uint64_t>(s)) * kMultiplier;
  Slot& slot = slots[hash >> (64 - kBits)];
  if (!slot.holds(sizes)) {
    slot.size = Object::steal(new_size(sizes));
    slot.length = sizes.size();
    std::copy(sizes.begin(), sizes.end(), slot.values);
  }
  return Py_NewRef(slot.size.get());
}

bool is_strided(PyObject* layout) { return reinterpret_cast<PyNamed*>(layout)->name == kStrided; }

void add_value_types(PyObject* module) {
  dtype_type = add_type(module, "dtype", &dtype_spec);
  device_type = add_type(module, "device", &device_spec);
  Object bases = take(PyTuple_Pack(1, &PyTuple_Type));
  size_type = add_type(module, "Size", &size_spec, bases.get());
  layout_type = add_type(module, "layout", &layout_spec);
  memory_format_type = add_type(module, "memory_format", &format_spec);
  static const std::pair<DType, const char*> aliases[] = {
      {DType::Float16, "half"},     {DType::Float32, "float"},     {DType::Float64, "double"},
      {DType::Int16, "short"},      {DType::Int32, "int"},         {DType::Int64, "long"},
      {DType::Complex64, "cfloat"}, {DType::Complex128, "cdouble"}};
  for (int i = 0; i < kNumDTypes; ++i) {
    dtype_objects[i] = check(dtype_type->tp_alloc(dtype_type, 0));
    reinterpret_cast<PyDType*>(dtype_objects[i])->value = static_cast<DType>(i);
    add_to_module(module, kDTypeInfo[i].name, Object::share(dtype_objects[i]));
  }
  for (auto [dtype, alias] : aliases) add_to_module(module, alias, Object::share(dtype_object(dtype)));
  for (const char* name : {kStrided, "sparse_coo"}) add_named(module, layout_type, name);
  for (const char* name : {"contiguous_format", "preserve_format", "channels_last", "channels_last_3d"})
    add_named(module, memory_format_type, name);
}

}  // namespace rushlight::python
