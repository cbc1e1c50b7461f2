// Options of layers between C++ members and Python attributes.
#include "../convert.h"
#include "../types.h"
#include "nn.h"

namespace rushlight::python {

namespace {

PyObject* tuple_of(const Dims& v) {
  Object out = take(PyTuple_New(v.size()));
  for (int64_t i = 0; i < v.size(); ++i) PyTuple_SET_ITEM(out.get(), i, check(PyLong_FromLongLong(v[i])));
  return out.release();
}
PyObject* number_or_tuple(const Dims& v) { return v.size() == 1 ? PyLong_FromLongLong(v[0]) : tuple_of(v); }

PyObject* open_sizes(const Dims& v) {
  Object out = take(PyTuple_New(v.size()));
  for (int64_t i = 0; i < v.size(); ++i)
    PyTuple_SET_ITEM(out.get(), i, v[i] < 0 ? Py_NewRef(Py_None) : check(PyLong_FromLongLong(v[i])));
  return v.size() == 1 ? Py_NewRef(PyTuple_GET_ITEM(out.get(), 0)) : out.release();
}
PyObject* from_text(const std::string& v) {
  return PyUnicode_FromStringAndSize(v.data(), static_cast<Py_ssize_t>(v.size()));
}

// Each option as a Python object, in order.
class ObjectVisitor : public nn::OptionVisitor {
 public:
  virtual void put(const Name& n, Object value) = 0;
  void visit(const Name& n, int64_t& v) override { add(n, PyLong_FromLongLong(v)); }
  void visit(const Name& n, double& v) override { add(n, PyFloat_FromDouble(v)); }
  void visit(const Name& n, bool& v) override { add(n, PyBool_FromLong(v)); }
  void visit(const Name& n, std::string& v) override { add(n, from_text(v)); }
  void visit(const Name& n, Dims& v) override {
    // No sizes where some number of them is due: None.
    add(n, n.tuple() < 0 ? number_or_tuple(v) : n.tuple() > 0 && v.empty() ? none() : tuple_of(v));
  }
  void visit(const Name& n, nn::OpenSizes& v) override { add(n, open_sizes(v)); }
  void visit(const Name& n, std::string& word, Dims& v) override {
    add(n, word.empty() ? tuple_of(v) : from_text(word));
  }
  void visit(const Name& n, OptInt& v) override { add(n, v ? PyLong_FromLongLong(*v) : none()); }
  void visit(const Name& n, OptDouble& v) override { add(n, v ? PyFloat_FromDouble(*v) : none()); }
  void visit(const Name& n, OptBool& v) override { add(n, v ? PyBool_FromLong(*v) : none()); }
  void visit(const Name& n, std::optional<Dims>& v) override { add(n, v ? number_or_tuple(*v) : none()); }
  void visit(const Name& n, std::optional<std::vector<double>>& v) override {
    if (!v) return add(n, none());
    if (v->size() == 1) return add(n, PyFloat_FromDouble(v->front()));
    Object out = take(PyTuple_New(static_cast<Py_ssize_t>(v->size())));
    for (size_t i = 0; i < v->size(); ++i) PyTuple_SET_ITEM(out.get(), i, check(PyFloat_FromDouble((*v)[i])));
    add(n, out.release());
  }
  void visit(const Name& n, OptDevice& v) override { add(n, v ? wrap_device(*v) : none()); }
  void visit(const Name& n, OptDType& v) override { add(n, v ? Py_NewRef(dtype_object(*v)) : none()); }
  void visit(const Name& n, Tensor& v) override { add(n, wrap(v)); }

 private:
  static PyObject* none() { return Py_NewRef(Py_None); }
  void add(const Name& n, PyObject* o) { put(n, take(o)); }
};

// C++ members -> __dict__.
class Writer final : public ObjectVisitor {
 public:
  explicit Writer(PyObject* dict) : dict_(dict) {}
  void put(const Name& n, Object value) override {
    if (!n.once()) check(PyDict_SetItem(dict_, key_of(n), value.get()));
  }

 private:
  PyObject* dict_;
};

class DefaultsReader final : public ObjectVisitor {
 public:
  std::vector<ConstructorParameter> list;
  void put(const Name& n, Object value) override {
    if (n.derived()) return;
    if (n.tuple() > 0 && !n.required()) value = first_if_equal(value);
    list.push_back({&n, n.required() ? Object() : value});
  }

 private:
  // (1, 1) was declared as 1.
  static Object first_if_equal(const Object& v) {
    if (!PyTuple_Check(v.get()) || PyTuple_GET_SIZE(v.get()) == 0) return v;
    return Object::share(PyTuple_GET_ITEM(v.get(), 0));
  }
};

// Python objects -> C++ members; subclasses say where an option's object comes from, null to leave the member
// alone.
class Reader : public nn::OptionVisitor {
 public:
  virtual PyObject* next(const Name& n) = 0;

  void visit(const Name& n, int64_t& v) override {
    if (PyObject* o = next(n)) v = int_of(o);
  }
  void visit(const Name& n, double& v) override {
    if (PyObject* o = next(n)) v = double_of(o);
  }
  void visit(const Name& n, bool& v) override {
    if (PyObject* o = next(n)) v = truth_of(o);
  }
  void visit(const Name& n, std::string& v) override {
    if (PyObject* o = next(n)) v = text_of(n, o);
  }
  void visit(const Name& n, Dims& v) override {
    if (PyObject* o = next(n)) v = dims_of(n, o);
  }
  void visit(const Name& n, nn::OpenSizes& v) override {
    PyObject* o = next(n);
    if (!o) return;
    v.clear();
    if (!PyTuple_Check(o) && !PyList_Check(o)) return v.push_back(o == Py_None ? -1 : int_of(o));
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); ++i) {
      PyObject* item = PySequence_Fast_GET_ITEM(o, i);
      v.push_back(item == Py_None ? -1 : int_of(item));
    }
  }
  void visit(const Name& n, std::string& word, Dims& v) override {
    PyObject* o = next(n);
    if (!o) return;
    word.clear();
    if (PyUnicode_Check(o)) word = text_of(n, o);
    else v = dims_of(n, o);
  }
  void visit(const Name& n, OptInt& v) override { optional(n, v, int_of); }
  void visit(const Name& n, OptDouble& v) override { optional(n, v, double_of); }
  void visit(const Name& n, OptBool& v) override { optional(n, v, truth_of); }
  void visit(const Name& n, std::optional<Dims>& v) override {
    optional(n, v, [&](PyObject* o) { return dims_of(n, o); });
  }
  void visit(const Name& n, std::optional<std::vector<double>>& v) override {
    optional(n, v, [&](PyObject* o) {
      std::vector<double> out;
      if (!PyTuple_Check(o) && !PyList_Check(o)) return out.push_back(double_of(o)), out;
      for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); ++i)
        out.push_back(double_of(PySequence_Fast_GET_ITEM(o, i)));
      return out;
    });
  }
  void visit(const Name& n, OptDevice& v) override { optional(n, v, device_value); }
  void visit(const Name& n, OptDType& v) override { optional(n, v, dtype_like); }
  void visit(const Name& n, Tensor& v) override {
    PyObject* o = next(n);
    if (!o) return;
    RL_CHECK_AS(TypeError, o == Py_None || is_tensor(o), "argument '", n.text(), "' must be Tensor, not ",
                Py_TYPE(o)->tp_name);
    v = o == Py_None ? Tensor() : tensor_value(o);
  }

 private:
  static int64_t int_of(PyObject* o) {
    Object index = take(PyNumber_Index(o));
    const int64_t v = PyLong_AsLongLong(index.get());
    if (v == -1 && PyErr_Occurred()) throw PythonError();
    return v;
  }
  static double double_of(PyObject* o) {
    const double v = PyFloat_AsDouble(o);
    if (v == -1 && PyErr_Occurred()) throw PythonError();
    return v;
  }
  static bool truth_of(PyObject* o) {
    const int v = PyObject_IsTrue(o);
    check(v);
    return v;
  }
  static std::string text_of(const Name& n, PyObject* o) {
    RL_CHECK_AS(TypeError, PyUnicode_Check(o), "'", n.text(), "' must be str, not ", Py_TYPE(o)->tp_name);
    return check_text(PyUnicode_AsUTF8(o));
  }
  static const char* check_text(const char* text) {
    if (!text) throw PythonError();
    return text;
  }
  static Dims dims_of(const Name& n, PyObject* o) {
    Dims out;
    if (PyTuple_Check(o) || PyList_Check(o)) {
      for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); ++i)
        out.push_back(int_of(PySequence_Fast_GET_ITEM(o, i)));
      return out;
    }
    if (o == Py_None && n.tuple() > 0 && !n.required()) return out;
    const int64_t v = int_of(o);
    return Dims(n.tuple() > 0 ? n.tuple() : 1, v);
  }
  template <class T, class F>
  void optional(const Name& n, std::optional<T>& v, F&& convert) {
    PyObject* o = next(n);
    if (!o) return;
    if (o == Py_None) v.reset();
    else v = convert(o);
  }
};

// __dict__ -> C++ members, before each forward: a dict lookup and an address comparison for an option that
// did not change.
class AttributeReader final : public Reader {
 public:
  AttributeReader(PyObject* self, Core& core) : dict_(dict_of(self)), core_(core) {}
  PyObject* next(const Name& n) override {
    if (n.once()) return nullptr;
    const size_t i = next_++;
    PyObject* o = find(dict_, key_of(n));
    if (core_.seen.size() <= i) core_.seen.resize(i + 1);
    if (!o || o == core_.seen[i]) return nullptr;
    const bool immutable = o == Py_None || PyLong_CheckExact(o) || PyFloat_CheckExact(o) || PyBool_Check(o) ||
                           PyUnicode_CheckExact(o) || PyTuple_CheckExact(o);
    Py_XDECREF(std::exchange(core_.seen[i], immutable ? Py_NewRef(o) : nullptr));
    return o;
  }

 private:
  PyObject* dict_;
  Core& core_;
  size_t next_ = 0;
};

// The arguments of a constructor -> C++ members, and into a dict: as they were given, tuples made of what is
// to be one.
class ArgumentReader final : public Reader {
 public:
  explicit ArgumentReader(PyObject* const* slots) : attributes(take(PyDict_New())), slots_(slots) {}
  Object attributes;
  using Reader::visit;
  void visit(const Name& n,
             std::optional<std::vector<double>>& v) override {  // numbers become floats for good
    Reader::visit(n, v);
    check(PyDict_DelItem(attributes.get(), key_of(n)));
  }
  PyObject* next(const Name& n) override {
    if (n.derived()) return nullptr;
    PyObject* o = slots_[next_++];
    if (!n.once()) check(PyDict_SetItem(attributes.get(), key_of(n), as_kept(n, o).get()));
    return o;
  }

 private:
  static Object as_kept(const Name& n, PyObject* o) {
    if (n.tuple() < 0 || o == Py_None || PyUnicode_Check(o)) return Object::share(o);
    if (PyTuple_Check(o)) return Object::share(o);
    if (PyList_Check(o)) return take(PyList_AsTuple(o));
    if (n.tuple() == 0) return take(PyTuple_Pack(1, o));
    Object out = take(PyTuple_New(n.tuple()));
    for (int i = 0; i < n.tuple(); ++i) PyTuple_SET_ITEM(out.get(), i, Py_NewRef(o));
    return out;
  }
  PyObject* const* slots_;
  size_t next_ = 0;
};

}  // namespace

void read_options(PyObject* self, Core& core) {
  AttributeReader reader(self, core);
  core.module->visit_options(reader);
}

void write_options(PyObject* dict, nn::Module& m) {
  Writer writer(dict);
  m.visit_options(writer);
}

std::vector<ConstructorParameter> constructor_parameters(nn::Module& blank) {
  DefaultsReader reader;
  blank.visit_options(reader);
  return std::move(reader.list);
}

Object read_arguments(nn::Module& m, PyObject* const* slots) {
  ArgumentReader reader(slots);
  m.visit_options(reader);
  return reader.attributes;
}

}  // namespace rushlight::python
