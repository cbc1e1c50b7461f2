#include "arguments.h"

#include <algorithm>
#include <cstring>

#include "mistakes.h"
#include "numbers.h"
#include "tensor.h"
#include "types.h"

namespace rushlight::python {
namespace {

struct KindName {
  const char* declared;  // in the rows
  Kind kind;
  const char* shown;  // in messages
};

constexpr KindName kKinds[] = {{"Tensor", Kind::Tensor, "Tensor"},
                               {"OptTensor", Kind::OptTensor, "Tensor"},
                               {"TensorList", Kind::TensorList, "tuple of Tensors"},
                               {"TensorArgs", Kind::TensorArgs, "tuple of Tensors"},
                               {"Scalar", Kind::Scalar, "Number"},
                               {"OptScalar", Kind::OptScalar, "Number"},
                               {"Operand", Kind::Operand, "Tensor"},
                               {"Dims", Kind::Dims, "tuple of ints"},
                               {"OptDims", Kind::OptDims, "tuple of ints"},
                               {"DimPair", Kind::DimPair, "tuple of ints"},
                               {"int64_t", Kind::Int, "int"},
                               {"OptInt", Kind::OptInt, "int"},
                               {"double", Kind::Double, "float"},
                               {"OptDouble", Kind::OptDouble, "float"},
                               {"bool", Kind::Bool, "bool"},
                               {"Flag", Kind::Bool, "bool"},
                               {"OptBool", Kind::OptBool, "bool"},
                               {"String", Kind::String, "str"},
                               {"OptString", Kind::OptString, "str"},
                               {"DType", Kind::DType, "torch.dtype"},
                               {"OptDType", Kind::OptDType, "torch.dtype"},
                               {"Device", Kind::Device, "torch.device"},
                               {"OptDevice", Kind::OptDevice, "torch.device"},
                               {"OptGenerator", Kind::Generator, "torch.Generator"},
                               {"Padding", Kind::Padding, "tuple of ints"},
                               {"Extents", Kind::Extents, "tuple of ints"},
                               {"OptDoubles", Kind::OptDoubles, "tuple of floats"},
                               {"OptMemoryFormat", Kind::MemoryFormat, "torch.memory_format"},
                               {"OptLayout", Kind::Layout, "torch.layout"},
                               {"Object", Kind::Object, "object"},
                               {"Out", Kind::Out, "Tensor"}};

Kind kind_of(const std::string& declared) {
  for (const KindName& k : kKinds)
    if (declared == k.declared) return k.kind;
  throw_error<RuntimeError>("a declaration names the parameter type ", declared,
                            ", which the binding does not know");
}

bool is_optional(Kind kind) {
  switch (kind) {
    case Kind::OptTensor:
    case Kind::OptScalar:
    case Kind::OptDims:
    case Kind::OptInt:
    case Kind::OptDouble:
    case Kind::OptBool:
    case Kind::OptString:
    case Kind::OptDType:
    case Kind::OptDevice:
    case Kind::Generator:
    case Kind::MemoryFormat:
    case Kind::Layout:
    case Kind::Object:
    case Kind::OptDoubles:
    case Kind::Out: return true;
    default: return false;
  }
}

// The default value of a row, as a Python object.
PyObject* fallback_object(const std::string& text) {
  if (text == "{}") return Py_NewRef(Py_None);
  if (text == "true" || text == "false") return Py_NewRef(text == "true" ? Py_True : Py_False);
  if (text == "DType::Int64") return Py_NewRef(dtype_object(DType::Int64));
  if (text[0] == '"') return check(PyUnicode_FromStringAndSize(text.data() + 1, text.size() - 2));
  if (text.find_first_of(".eE") == std::string::npos)
    return check(PyLong_FromString(text.c_str(), nullptr, 10));
  return check(PyFloat_FromDouble(std::stod(text)));
}

bool is_int_list(PyObject* o) {
  if (Py_IS_TYPE(o, size_type)) return true;
  if (!PyTuple_Check(o) && !PyList_Check(o)) return false;
  const Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
  return n == 0 ||
         is_int(PySequence_Fast_GET_ITEM(o, 0));  // the rest is looked at during conversion, as PyTorch does
}

bool is_tensor_list(PyObject* o) {
  if (!PyTuple_Check(o) && !PyList_Check(o)) return false;
  const Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
  for (Py_ssize_t i = 0; i < n; ++i)
    if (!is_tensor(PySequence_Fast_GET_ITEM(o, i))) return false;
  return true;
}

bool accepts(const Parameter& p, PyObject* o) {
  if (o == Py_None) return is_optional(p.kind);
  switch (p.kind) {
    case Kind::Tensor:
    case Kind::OptTensor: return is_tensor(o);
    case Kind::Operand: return is_tensor(o) || is_number(o);
    case Kind::TensorList:
    case Kind::TensorArgs: return is_tensor_list(o);
    case Kind::Scalar:
    case Kind::OptScalar: return is_number(o) || (is_tensor(o) && is_scalar_tensor(o));
    case Kind::Dims: return is_int_list(o) || (!p.list_only && is_int(o));
    case Kind::OptDims: return is_int_list(o) || is_int(o);
    case Kind::DimPair: return true;  // dim_pair_value says what is wrong
    case Kind::Padding: return is_int_list(o) || is_int(o) || PyUnicode_Check(o);
    case Kind::Extents:
      return is_int_list(o) || is_int(o) ||
             ((PyTuple_Check(o) || PyList_Check(o)) && PySequence_Fast_GET_ITEM(o, 0) == Py_None);
    case Kind::OptDoubles: return is_number(o) || PyTuple_Check(o) || PyList_Check(o);
    case Kind::Int:
    case Kind::OptInt: return is_int(o);
    case Kind::Double:
    case Kind::OptDouble: return is_number(o) || (is_tensor(o) && is_scalar_tensor(o));
    case Kind::Bool:
    case Kind::OptBool: return PyBool_Check(o) || is_numpy_bool(o);
    case Kind::String:
    case Kind::OptString: return PyUnicode_Check(o);
    case Kind::DType:
    case Kind::OptDType: return PyObject_TypeCheck(o, dtype_type) || is_type_alias(o);
    case Kind::Device:
    case Kind::OptDevice: return is_device_like(o);
    case Kind::Generator: return is_generator(o);
    case Kind::MemoryFormat: return PyObject_TypeCheck(o, memory_format_type);
    case Kind::Out: return is_tensor(o) || is_tensor_list(o);
    case Kind::Object: return true;
    case Kind::Layout: return PyObject_TypeCheck(o, layout_type);
  }
  return false;
}

// NumPy's names for the same parameters.
bool is_alias(const std::string& parameter, PyObject* name) {
  auto is = [&](const char* text) { return PyUnicode_CompareWithASCIIString(name, text) == 0; };
  if (parameter == "dim") return is("axis");
  if (parameter == "keepdim") return is("keepdims");
  if (parameter == "input") return is("x") || is("a") || is("x1");
  if (parameter == "other") return is("x2");
  return false;
}

// Options of creation that say nothing new here: memory is strided, dense and pageable.
bool is_idle_option(const Signature& s, PyObject* name) {
  auto is = [&](const char* text) { return PyUnicode_CompareWithASCIIString(name, text) == 0; };
  return s.creates && (is("layout") || is("pin_memory"));
}

PyObject* tuple_of(PyObject* const* items, Py_ssize_t n) {
  PyObject* tuple = check(PyTuple_New(n));
  for (Py_ssize_t i = 0; i < n; ++i) PyTuple_SET_ITEM(tuple, i, Py_NewRef(items[i]));
  return tuple;
}

// The parameter that takes all positional arguments from its own on, or -1: sizes, f(2, 3) for f((2, 3)),
// where they are the only positional parameter; tensors, f(a, b) for f([a, b]), where they are the last one.
int variable_parameter(const Signature& s, const Call& call) {
  const int skip = call.self ? 1 : 0, last = s.variable;
  if (last < skip) return -1;
  const Py_ssize_t index = last - skip;
  if (s.parameters[last].kind == Kind::Dims)
    return index == 0 && call.count >= 1 && is_int(call.args[0]) ? last : -1;
  return call.count > index ? is_tensor(call.args[index]) ? last : -1 : call.count == index ? last : -1;
}

}  // namespace

bool is_int(PyObject* o) {
  if (PyLong_Check(o)) return !PyBool_Check(o);
  if (is_tensor(o)) return is_index_tensor(o);
  return is_numpy_integer(o);
}

bool names_match(const Parameter& p, PyObject* name) {
  return p.interned == name || PyUnicode_Compare(p.interned, name) == 0 || is_alias(p.name, name);
}

const char* shown(Kind kind) {
  for (const KindName& k : kKinds)
    if (k.kind == kind) return k.shown;
  return "?";
}

Misfit fill(const Signature& s, const Call& call, PyObject** slots, Object& keep) {
  const int n = static_cast<int>(s.parameters.size());
  const int skip = call.self ? 1 : 0;
  if (call.self) slots[0] = call.self;
  Py_ssize_t given = call.count;
  const int variable = variable_parameter(s, call);
  if (variable >= 0) {
    given = variable - skip;
    if (s.parameters[variable].kind == Kind::Dims && call.count == given + 1) {
      slots[variable] = call.args[given];  // a single int counts as dimensions
    } else {
      keep = Object::steal(tuple_of(call.args + given, call.count - given));
      slots[variable] = keep.get();
    }
  } else if (given + skip > s.positional) {
    return {Misfit::TooMany};
  }
  for (Py_ssize_t i = 0; i < given; ++i) slots[skip + i] = call.args[i];
  const Py_ssize_t filled = skip + given + (variable >= 0);
  Misfit bad_name;  // is told when nothing else is wrong
  const Py_ssize_t named = call.names ? PyTuple_GET_SIZE(call.names) : 0;
  if (named > 0 && filled < n) std::fill(slots + filled, slots + n, nullptr);
  for (Py_ssize_t k = 0; k < named; ++k) {
    PyObject* name = PyTuple_GET_ITEM(call.names, k);
    int found = -1;
    for (int i = skip; i < n && found < 0; ++i)
      if (names_match(s.parameters[i], name)) found = i;
    if (found < 0 && is_idle_option(s, name)) continue;
    if (found >= 0 && !slots[found]) slots[found] = call.args[call.count + k];
    else if (bad_name.what == Misfit::None)
      bad_name = found < 0 ? Misfit{Misfit::Unknown, 0, name} : Misfit{Misfit::Twice, found};
  }
  for (int i = skip; i < n; ++i) {
    const Parameter& p = s.parameters[i];
    if (i >= filled && (named == 0 || !slots[i])) {
      if (!p.fallback) return {Misfit::Missing, i};
      slots[i] = p.fallback;
    } else if (i != variable && !accepts(p, slots[i])) {
      // None where a default exists means the default
      if (slots[i] == Py_None && p.fallback && p.kind != Kind::Bool) {
        slots[i] = p.fallback;
        continue;
      }
      return {Misfit::Type, i, slots[i], i - skip >= given};
    }
  }
  return bad_name;
}

namespace {

// Does PyTorch declare this list of ints without a length, so that one int is no list?
bool is_size_list(const Parameter& p) {
  if (p.kind != Kind::Dims || p.fallback) return false;
  for (const char* name : {"size", "sizes", "shape", "normalized_shape", "pad", "repeats", "dims"})
    if (p.name == name) return true;
  return false;
}

// Dense tensors in pageable memory are the only ones.
void check_idle_options(const char* name, const Signature& s, const Call& call) {
  for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(call.names); ++k) {
    PyObject* option = PyTuple_GET_ITEM(call.names, k);
    PyObject* value = call.args[call.count + k];
    if (!is_idle_option(s, option) || value == Py_None) continue;
    const bool layout = PyUnicode_CompareWithASCIIString(option, "layout") == 0;
    RL_CHECK_AS(TypeError, layout ? PyObject_TypeCheck(value, layout_type) : PyBool_Check(value), name,
                "(): argument '", PyUnicode_AsUTF8(option), "' must be ", layout ? "torch.layout" : "bool",
                ", not ", Py_TYPE(value)->tp_name);
    RL_CHECK(value != Py_True,
             "pin_memory=True requires a CUDA or other accelerator backend; no pinned memory allocator is "
             "available on this system.");
    RL_CHECK_AS(NotImplementedError, !layout || is_strided(value), name,
                "(): Rushlight's tensors are dense; the only layout is torch.strided");
  }
}

// What is made like a tensor that is given follows that one instead.
void take_default_device(const Signature& s, PyObject** slots) {
  if (s.parameters[0].kind == Kind::Tensor) return;
  for (size_t i = 0; i < s.parameters.size(); ++i)
    if (s.parameters[i].kind == Kind::OptDevice && slots[i] == Py_None) slots[i] = default_device();
}

void finish_creation(const char* name, const Signature& s, const Call& call, PyObject** slots) {
  if (call.names) check_idle_options(name, s, call);
  if (default_device()) take_default_device(s, slots);
}

// Of nested scopes; the calls that change it hold the GIL.
std::vector<PyObject*>& default_devices() {
  static std::vector<PyObject*>& devices = *new std::vector<PyObject*>();
  return devices;
}

}  // namespace

PyObject* default_device() { return default_devices().empty() ? nullptr : default_devices().back(); }
void push_default_device(PyObject* device) { default_devices().push_back(Py_NewRef(device)); }
void pop_default_device() {
  if (default_devices().empty()) return;
  Py_DECREF(default_devices().back());
  default_devices().pop_back();
}

Signature::Signature(const char* row, bool has_out) {
  bool keyword_only = false;
  for (const char* p = row; (p = std::strchr(p, '('));) {
    const char* start = ++p;
    int depth = 1;
    while (depth > 0) {
      if (*p == '(') ++depth;
      if (*p == ')') --depth;
      ++p;
    }
    const std::string item(start, p - 1);
    if (item == "KW") {
      keyword_only = true;
      continue;
    }
    const size_t first = item.find(", "), second = item.find(", ", first + 2);
    Parameter parameter{kind_of(item.substr(0, first)),
                        item.substr(first + 2, second == std::string::npos ? second : second - first - 2),
                        nullptr,
                        nullptr,
                        "",
                        keyword_only,
                        false};
    if (parameter.name.back() == '_') parameter.name.pop_back();  // a C++ keyword or a clash
    if (second != std::string::npos) {
      parameter.fallback_text = item.substr(second + 2);
      parameter.fallback = fallback_object(parameter.fallback_text);
    }
    parameter.list_only = is_size_list(parameter);
    parameter.interned = check(PyUnicode_InternFromString(parameter.name.c_str()));
    positional += !keyword_only;
    creates = creates || (keyword_only && parameter.kind == Kind::OptDevice);
    parameters.push_back(std::move(parameter));
  }
  const Kind last = positional > 0 ? parameters[positional - 1].kind : Kind::Object;
  if (last == Kind::Dims || last == Kind::TensorArgs) variable = positional - 1;
  if (has_out) {
    parameters.push_back(
        {Kind::Out, "out", check(PyUnicode_InternFromString("out")), Py_NewRef(Py_None), "{}", true, false});
  }
}

std::string Signature::text(bool skip_first) const {
  std::string out;
  bool star = false;
  for (size_t i = skip_first; i < parameters.size(); ++i) {
    const Parameter& p = parameters[i];
    if (!out.empty()) out += ", ";
    if (p.keyword_only && !std::exchange(star, true)) out += "*, ";
    out += concat(shown(p.kind), " ", p.name);
    if (!p.fallback) continue;
    Object repr = take(PyObject_Repr(p.fallback));
    out += concat(" = ", PyUnicode_AsUTF8(repr.get()));
  }
  return out;
}

namespace {

// Does the argument beside the first tensor say at sight that an overload is not meant? Those for tensors and
// dtypes are tried before those for numbers and sizes, which most calls mean.
bool is_ruled_out(const Signature& s, const Call& call) {
  const int index = call.self ? 0 : 1;
  if (call.count <= index || s.positional < 2) return false;
  const Parameter& p = s.parameters[1];
  PyObject* o = call.args[index];
  return (p.kind == Kind::Tensor && !is_tensor(o)) || (p.kind == Kind::DType && !accepts(p, o));
}

}  // namespace

int parse(const char* name, const std::vector<Signature*>& overloads, const Call& call, PyObject** slots,
          Object& keep) {
  for (size_t k = 0; k < overloads.size(); ++k) {
    if (k + 1 < overloads.size() && is_ruled_out(*overloads[k], call)) continue;
    if (fill(*overloads[k], call, slots, keep).what != Misfit::None) continue;
    if (overloads[k]->creates) finish_creation(name, *overloads[k], call, slots);
    return static_cast<int>(k);
  }
  report_mistake(name, overloads, call);
}

Written::Written(const char* name, std::initializer_list<const char*> rows) : name_(name) {
  for (const std::string_view row : rows) {
    auto* signature = new Signature(row.data(), false);  // lives as long as the process
    signature->python_function = is_python_function("torch", name, row.starts_with("(Tensor, self)"));
    signatures_.push_back(signature);
  }
}

Written::Arguments Written::parse(const Call& call) const {
  Arguments out;
  out.overload = python::parse(name_, signatures_, call, out.slots, out.keep);
  return out;
}

}  // namespace rushlight::python
