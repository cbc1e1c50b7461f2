#include "mistakes.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "tensor.h"
#include "types.h"

namespace rushlight::python {
namespace {

// ---- what PyTorch's functions are beyond their signatures

// Of torch.nn.functional, the others being written in Python.
constexpr std::string_view kBuiltinFunctional[] = {"adaptive_avg_pool1d",
                                                   "avg_pool1d",
                                                   "avg_pool2d",
                                                   "avg_pool3d",
                                                   "bilinear",
                                                   "celu_",
                                                   "channel_shuffle",
                                                   "conv1d",
                                                   "conv2d",
                                                   "conv3d",
                                                   "conv_transpose1d",
                                                   "conv_transpose2d",
                                                   "conv_transpose3d",
                                                   "cosine_similarity",
                                                   "elu_",
                                                   "gelu",
                                                   "hardshrink",
                                                   "hardtanh_",
                                                   "leaky_relu_",
                                                   "linear",
                                                   "logsigmoid",
                                                   "one_hot",
                                                   "pairwise_distance",
                                                   "pixel_shuffle",
                                                   "pixel_unshuffle",
                                                   "prelu",
                                                   "relu_",
                                                   "rrelu_",
                                                   "scaled_dot_product_attention",
                                                   "selu_",
                                                   "softplus",
                                                   "softshrink",
                                                   "threshold_"};
// Of torch and its tensors.
constexpr std::string_view kPythonFunctions[] = {
    "atleast_1d",     "atleast_2d", "atleast_3d",        "block_diag", "broadcast_tensors",
    "cartesian_prod", "einsum",     "meshgrid",          "norm",       "split",
    "tensordot",      "unique",     "unique_consecutive"};
constexpr std::string_view kPythonMethods[] = {"backward",  "norm",   "split",
                                               "unflatten", "unique", "unique_consecutive"};

// A number stands for a tensor in these; elsewhere numbers have a signature of their own.
constexpr std::string_view kNumbersAreTensors[] = {"add",      "div", "divide",   "floor_divide", "mul",
                                                   "multiply", "sub", "subtract", "true_divide"};
// These have a deprecated overload, which is not listed.
constexpr std::string_view kWithHiddenOverload[] = {"add",   "addbmm", "addcdiv", "addcmul", "addmm",
                                                    "addmv", "addr",   "baddbmm", "copy",    "sub"};

template <size_t N>
bool is_among(const std::string_view (&names)[N], std::string_view name) {
  return std::find(names, names + N, name) != names + N;
}

std::string_view without_underscore(std::string_view name) {
  return name.ends_with('_') ? name.substr(0, name.size() - 1) : name;
}

// ---- types of objects

std::string type_name(PyObject* o) {
  const char* full = Py_TYPE(o)->tp_name;
  const char* dot = std::strrchr(full, '.');
  return dot && (is_tensor(o) || Py_IS_TYPE(o, size_type)) ? dot + 1 : full;
}

std::string listed_type(PyObject* o) { return Py_IS_TYPE(o, size_type) ? "torch.Size" : type_name(o); }

// With the types of what a list holds.
std::string long_type(PyObject* o) {
  if ((!PyTuple_Check(o) && !PyList_Check(o)) || Py_IS_TYPE(o, size_type)) return listed_type(o);
  const Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
  std::string inside;
  for (Py_ssize_t i = 0; i < n; ++i) inside += (i ? ", " : "") + type_name(PySequence_Fast_GET_ITEM(o, i));
  return PyTuple_Check(o) ? concat("tuple of (", inside, n == 1 ? ",)" : ")")
                          : concat("list of [", inside, "]");
}

// ---- one signature that nearly fits

[[noreturn]] void report_count(const char* name, const Signature& s, const Call& call) {
  // Of a method written in Python self counts.
  const int skip = call.self ? 1 : 0, uncounted = s.python_function ? 0 : skip;
  const int most = s.positional - uncounted;
  int least = 0;
  for (int i = uncounted; i < s.positional; ++i) least += s.parameters[i].fallback == nullptr;
  const Py_ssize_t given = call.count + skip - uncounted;
  throw_error<TypeError>(name, "() takes ", least < most ? concat("from ", least, " to ") : "", most,
                         " positional argument", least == 1 && most == 1 ? "" : "s", " but ", given,
                         given == 1 ? " was" : " were", " given");
}

[[noreturn]] void report_missing(const char* name, const Signature& s, const Call& call, int first) {
  std::vector<std::string> missing;
  for (size_t i = first; i < s.parameters.size(); ++i) {
    const Parameter& p = s.parameters[i];
    bool has = p.fallback != nullptr;
    for (Py_ssize_t k = 0; call.names && k < PyTuple_GET_SIZE(call.names); ++k)
      has = has || names_match(p, PyTuple_GET_ITEM(call.names, k));
    if (!has) missing.push_back(p.name);
  }
  const size_t n = missing.size();
  std::string list;
  for (size_t i = 0; i < n; ++i) {
    const bool last = i + 1 == n;
    const char* comma = i == 0 ? "" : !s.python_function || !last ? ", " : n == 2 ? " and " : ", and ";
    list += comma + (s.python_function ? "'" + missing[i] + "'" : '"' + missing[i] + '"');
  }
  // PyTorch's own text has the plural the wrong way round.
  const bool plural = s.python_function == (n > 1);
  throw_error<TypeError>(name, "() missing ", n, " required positional argument", plural ? "s: " : ": ",
                         list);
}

[[noreturn]] void report_type(const char* name, const Parameter& p, const Misfit& m, int skip) {
  const std::string where = m.by_name ? "" : concat(" (position ", m.parameter - skip + 1, ")");
  const std::string start = concat(name, "(): argument '", p.name, "'", where, " must be ", shown(p.kind));
  const bool of_tensors = p.kind == Kind::TensorList || p.kind == Kind::TensorArgs;
  const bool of_ints = p.kind == Kind::Dims || p.kind == Kind::OptDims;
  if ((PyTuple_Check(m.value) || PyList_Check(m.value)) && (of_tensors || of_ints)) {
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(m.value); ++i) {
      PyObject* item = PySequence_Fast_GET_ITEM(m.value, i);
      if (of_tensors ? is_tensor(item) : is_int(item)) continue;
      if (of_ints)
        throw_error<TypeError>(start, ", but found element of type ", type_name(item), " at pos ", i);
      throw_error<TypeError>("expected Tensor as element ", i, " in argument ", m.parameter - skip,
                             ", but got ", type_name(item));
    }
  }
  throw_error<TypeError>(start, ", not ", type_name(m.value));
}

[[noreturn]] void report(const char* name, const Signature& s, const Call& call, const Misfit& m) {
  const int skip = call.self ? 1 : 0;
  const std::string qualified = concat(s.python_function && call.self ? "Tensor." : "", name);
  switch (m.what) {
    case Misfit::TooMany: report_count(qualified.c_str(), s, call);
    case Misfit::Missing: report_missing(qualified.c_str(), s, call, m.parameter);
    case Misfit::Unknown:
      throw_error<TypeError>(qualified, "() got an unexpected keyword argument '", PyUnicode_AsUTF8(m.value),
                             "'");
    case Misfit::Twice:
      throw_error<TypeError>(qualified, "() got multiple values for argument '",
                             s.parameters[m.parameter].name, "'");
    default: report_type(name, s.parameters[m.parameter], m, skip);
  }
}

// ---- several signatures: PyTorch lists them all

struct Shown {
  std::string type, name, fallback;  // the default, empty when there is none
  bool keyword_only;
};

// A signature as it is listed; some of ours stand for two of theirs.
struct Option {
  const Signature* signature;
  std::vector<Shown> parameters;

  std::string text() const {
    std::string out;
    bool star = false;
    for (const Shown& p : parameters) {
      if (!out.empty()) out += ", ";
      if (p.keyword_only && !std::exchange(star, true)) out += "*, ";
      out += p.type + " " + p.name + (p.fallback.empty() ? "" : " = " + p.fallback);
    }
    return out;
  }
  // PyTorch compares what was given with the number of items in the listed text: the star is one, and an
  // empty list has one too.
  bool has_count_of(const Call& call) const {
    const Py_ssize_t named = call.names ? PyTuple_GET_SIZE(call.names) : 0;
    const bool star =
        std::any_of(parameters.begin(), parameters.end(), [](const Shown& p) { return p.keyword_only; });
    return static_cast<size_t>(call.count + named) == std::max<size_t>(parameters.size() + star, 1);
  }
  const Shown* find(const char* name) const {
    for (const Shown& p : parameters)
      if (p.name == name) return &p;
    return nullptr;
  }
};

std::string fallback_text(const Parameter& p) {
  if (!p.fallback) return "";
  if (PyUnicode_Check(p.fallback)) return concat('"', PyUnicode_AsUTF8(p.fallback), '"');
  Object repr = take(PyObject_Repr(p.fallback));
  return PyUnicode_AsUTF8(repr.get());
}

// Functions that make tensors list their options in one order: out, dtype, layout, device, pin_memory,
// requires_grad; with a generator, before them, as a signature of its own.
void add_creation_options(const Option& plain, std::vector<Option>& out) {
  Option option{plain.signature, {}};
  const Shown* generator = plain.find("generator");
  const Shown* target = plain.find("out");
  for (const Shown& p : plain.parameters) {
    if (&p == generator || &p == target) continue;
    if (p.name == "dtype" && target) option.parameters.push_back(*target);
    option.parameters.push_back(p);
    if (p.name == "dtype") option.parameters.push_back({"torch.layout", "layout", "None", true});
    if (p.name == "device") option.parameters.push_back({"bool", "pin_memory", "False", true});
  }
  if (generator) {
    Option with = option;
    const auto place = std::find_if(with.parameters.begin(), with.parameters.end(),
                                    [](const Shown& p) { return p.keyword_only; });
    with.parameters.insert(place, {generator->type, generator->name, "", true});
    out.push_back(with);
  }
  out.push_back(option);
}

void add_options(std::string_view name, const Signature& s, int skip, std::vector<Option>& out) {
  std::vector<int> operands;  // each a tensor or a number
  if (!is_among(kNumbersAreTensors, without_underscore(name))) {
    for (size_t i = skip; i < s.parameters.size(); ++i)
      if (s.parameters[i].kind == Kind::Operand) operands.push_back(static_cast<int>(i));
  }
  // A padding is a list of sizes or a word.
  const auto padding = std::find_if(s.parameters.begin(), s.parameters.end(),
                                    [](const Parameter& p) { return p.kind == Kind::Padding; });
  for (unsigned numbers = 0; numbers < 1u << operands.size(); ++numbers) {
    Option option{&s, {}};
    for (size_t i = skip; i < s.parameters.size(); ++i) {
      const Parameter& p = s.parameters[i];
      if (p.kind == Kind::Out && numbers && operands.size() > 1) continue;
      Shown item{shown(p.kind), p.name, fallback_text(p), p.keyword_only};
      for (size_t k = 0; k < operands.size(); ++k) {
        if (operands[k] != static_cast<int>(i) || !(numbers >> k & 1)) continue;
        item.type = "Number";
        if (item.name == "input") item.name = "self";
      }
      option.parameters.push_back(std::move(item));
    }
    if (s.creates) add_creation_options(option, out);
    else out.push_back(option);
    if (padding == s.parameters.end()) continue;
    Shown& word = option.parameters[padding - s.parameters.begin() - skip];
    word.type = "str";
    word.fallback = "\"valid\"";
    out.push_back(option);
  }
}

std::vector<Option> options_of(const char* name, const std::vector<Signature*>& overloads, int skip) {
  std::vector<Option> out;
  for (const Signature* s : overloads) {
    // "Number input" exists for our parser alone: theirs reads a number as a tensor there.
    const bool hidden = !skip && !s->parameters.empty() && s->parameters[0].kind == Kind::Scalar &&
                        s->parameters[0].name == "input";
    if (!hidden) add_options(name, *s, skip, out);
  }
  return out;
}

// "(Tensor, dim=int)"; PyTorch takes the last comma away only when something was given by position.
template <class Describe>
std::string in_parentheses(const Call& call, Describe describe) {
  const Py_ssize_t named = call.names ? PyTuple_GET_SIZE(call.names) : 0;
  std::string out = "(";
  for (Py_ssize_t i = 0; i < call.count + named; ++i) {
    const char* name =
        i < call.count ? nullptr : PyUnicode_AsUTF8(PyTuple_GET_ITEM(call.names, i - call.count));
    out += describe(i, name, call.args[i]) + ", ";
  }
  if (call.count) out.resize(out.size() - 2);
  return out + ")";
}

std::string given_types(const Call& call) {
  return in_parentheses(call, [](Py_ssize_t, const char* name, PyObject* o) {
    return concat(name ? name : "", name ? "=" : "", listed_type(o));
  });
}

// The given types beside an option of as many: what is not literally the listed type stands in exclamation
// marks.
std::string marked_types(const Option& option, const Call& call) {
  return in_parentheses(call, [&](Py_ssize_t i, const char* name, PyObject* o) {
    const Shown* p = name                                                    ? option.find(name)
                     : i < static_cast<Py_ssize_t>(option.parameters.size()) ? &option.parameters[i]
                                                                             : nullptr;
    const bool fits = p && (p->type == listed_type(o) || (p->type == "float" && PyLong_CheckExact(o)) ||
                            (p->fallback == "None" && o == Py_None));
    const char* mark = fits ? "" : "!";
    return concat(mark, name ? name : "", name ? "=" : "", long_type(o), mark);
  });
}

std::string unknown_names(const Option& option, const Call& call) {
  std::string out;
  for (Py_ssize_t k = 0; call.names && k < PyTuple_GET_SIZE(call.names); ++k) {
    const char* name = PyUnicode_AsUTF8(PyTuple_GET_ITEM(call.names, k));
    if (!option.find(name)) out += concat(out.empty() ? "" : ", ", name);
  }
  return out;
}

std::string choices(const std::vector<Option>& options, const Call& call) {
  std::string out = concat("got ", given_types(call), ", but expected one of:\n");
  for (const Option& option : options) {
    out += concat(" * (", option.text(), ")\n");
    if (!option.has_count_of(call)) continue;
    const std::string unknown = unknown_names(option, call);
    out += unknown.empty()
               ? concat("      didn't match because some of the arguments have invalid types: ",
                        marked_types(option, call), "\n")
               : concat("      didn't match because some of the keywords were incorrect: ", unknown, "\n");
  }
  return out;
}

std::string only_choice(const Option& option, const Call& call) {
  if (const std::string unknown = unknown_names(option, call); !unknown.empty())
    return "got unrecognized keyword arguments: " + unknown;
  return concat("got ", option.has_count_of(call) ? marked_types(option, call) : given_types(call),
                ", but expected (", option.text(), ")");
}

// The only option whose number of arguments is right, if there is just one.
const Option* plausible_option(const std::vector<Option>& options, const Call& call) {
  const size_t given = call.count + (call.names ? PyTuple_GET_SIZE(call.names) : 0);
  const Option* found = nullptr;
  for (const Option& option : options) {
    const size_t least = std::count_if(option.parameters.begin(), option.parameters.end(),
                                       [](const Shown& p) { return p.fallback.empty(); });
    if (given < least || given > option.parameters.size()) continue;
    if (found) return nullptr;
    found = &option;
  }
  return found;
}

}  // namespace

bool is_python_function(const std::string& module, const std::string& name, bool is_method) {
  if (module == "torch.nn.functional") return !is_among(kBuiltinFunctional, name);
  if (module != "torch") return false;
  return is_method ? is_among(kPythonMethods, name) : is_among(kPythonFunctions, name);
}

void report_mistake(const char* name, const std::vector<Signature*>& overloads, const Call& call) {
  const int skip = call.self ? 1 : 0;
  const Signature& first = *overloads[0];
  if (overloads.size() == 1 && call.self && first.parameters.size() == 1 && !first.python_function) {
    if (call.names) throw_error<TypeError>("TensorBase.", name, "() takes no keyword arguments");
    throw_error<TypeError>("TensorBase.", name, "() takes no arguments (", call.count, " given)");
  }
  auto report_one = [&](const Signature& s) {
    PyObject* slots[kMaxParameters];
    Object keep;
    report(name, s, call, fill(s, call, slots, keep));
  };
  const std::vector<Option> options = options_of(name, overloads, skip);
  const bool alone = options.size() == 1;
  if (first.python_function || (alone && !is_among(kWithHiddenOverload, without_underscore(name))))
    report_one(*options[0].signature);
  if (const Option* option = plausible_option(options, call)) report_one(*option->signature);
  throw TypeError(concat(name, "() received an invalid combination of arguments - ",
                         alone ? only_choice(options[0], call) : choices(options, call)));
}

SizesError::SizesError(PyObject* list, Py_ssize_t position, PyObject* item)
    : TypeError(concat("failed to unpack the object at pos ", position + 1,
                       " with error \"type must be tuple of ints,but got ", type_name(item), "\"")),
      sizes(list) {}

void report_sizes(const char* name, const Signature& s, PyObject* const* slots, const SizesError& error) {
  for (size_t i = 0; i < s.parameters.size(); ++i) {
    if (slots[i] == error.sizes)
      throw_error<TypeError>(name, "(): argument '", s.parameters[i].name, "' ", error.message());
  }
  throw error;
}

}  // namespace rushlight::python
