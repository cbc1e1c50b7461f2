// Tensors as text, and the options of printing.
#include "tensor_repr.h"

#include <string>

#include "numbers.h"
#include "rushlight/ops/print.h"
#include "tensor.h"

namespace rushlight::python {
namespace {

PyObject* text_object(const std::string& text) {
  return PyUnicode_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size()));
}

PyObject* tensor_repr(PyObject* self) {
  return guarded([&]() -> PyObject* {
    const bool plain = Py_IS_TYPE(self, tensor_type) || Py_IS_TYPE(self, parameter_type);
    if (plain) return text_object(to_string(tensor_value(self)));
    Object name = take(PyObject_GetAttrString(reinterpret_cast<PyObject*>(Py_TYPE(self)), "__name__"));
    const char* type_name = PyUnicode_AsUTF8(name.get());
    if (!type_name) throw PythonError();
    const std::string text = to_string(tensor_value(self), type_name);
    return text_object(PyObject_TypeCheck(self, parameter_type) ? "Parameter(" + text + ")" : text);
  });
}

PyObject* parameter_repr(PyObject* self) {
  Object text = Object::steal(tensor_repr(self));
  return text ? PyUnicode_FromFormat("Parameter containing:\n%U", text.get()) : nullptr;
}

// A 0-d tensor formats as the number it holds: f"{loss:.4f}".
PyObject* tensor_format(PyObject* self, PyObject* spec) {
  return guarded([&]() -> PyObject* {
    const Tensor t = tensor_value(self);
    if (t.dim() != 0 || !Py_IS_TYPE(self, tensor_type) || t.device().type == DeviceType::Meta) {
      if (PyUnicode_Check(spec) && PyUnicode_GET_LENGTH(spec) == 0) return PyObject_Str(self);
      Object name = take(PyObject_GetAttrString(reinterpret_cast<PyObject*>(Py_TYPE(self)), "__name__"));
      return PyErr_Format(PyExc_TypeError, "unsupported format string passed to %U.__format__", name.get());
    }
    Object number = take(wrap_scalar(t.item()));
    return PyObject_Format(number.get(), spec);
  });
}

// ---- torch.set_printoptions and torch.get_printoptions

// A count given as an int or as a float such as inf.
int64_t count_value(PyObject* object) {
  if (!PyFloat_Check(object)) {
    int overflow;
    Object index = take(PyNumber_Index(object));
    const long long value = PyLong_AsLongLongAndOverflow(index.get(), &overflow);
    return overflow ? (overflow > 0 ? INT64_MAX : INT64_MIN) : value;
  }
  const double value = PyFloat_AS_DOUBLE(object);
  return value < 9e18 ? static_cast<int64_t>(value) : INT64_MAX;
}

void apply_profile(PyObject* profile, PrintOptions& options) {
  RL_CHECK_AS(TypeError, PyUnicode_Check(profile), "profile must be a str, not ", Py_TYPE(profile)->tp_name);
  const std::optional<bool> scientific = options.scientific;
  if (PyUnicode_CompareWithASCIIString(profile, "default") == 0) options = {};
  else if (PyUnicode_CompareWithASCIIString(profile, "short") == 0)
    options = {.precision = 2, .edge_items = 2};
  else if (PyUnicode_CompareWithASCIIString(profile, "full") == 0) options = {.threshold = INT64_MAX};
  options.scientific = scientific;
}

PyObject* set_printoptions(PyObject*, PyObject* args, PyObject* kwargs) {
  return guarded([&]() -> PyObject* {
    static const char* names[] = {"precision", "threshold", "edgeitems", "linewidth",
                                  "profile",   "sci_mode",  nullptr};
    PyObject *precision = Py_None, *threshold = Py_None, *edge_items = Py_None, *width = Py_None,
             *profile = Py_None, *scientific = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OOOOOO:set_printoptions", const_cast<char**>(names),
                                     &precision, &threshold, &edge_items, &width, &profile, &scientific)) {
      throw PythonError();
    }
    PrintOptions options = print_options();
    if (profile != Py_None) apply_profile(profile, options);
    if (precision != Py_None) options.precision = count_value(precision);
    if (threshold != Py_None) options.threshold = count_value(threshold);
    if (edge_items != Py_None) options.edge_items = count_value(edge_items);
    if (width != Py_None) options.line_width = count_value(width);
    options.scientific.reset();  // as in PyTorch: absent means automatic, not unchanged
    if (scientific != Py_None) options.scientific = PyObject_IsTrue(scientific) == 1;
    set_print_options(options);
    Py_RETURN_NONE;
  });
}

PyObject* get_printoptions(PyObject*, PyObject*) {
  return guarded([&]() -> PyObject* {
    const PrintOptions options = print_options();
    Object threshold = take(options.threshold == INT64_MAX ? PyFloat_FromDouble(HUGE_VAL)
                                                           : PyLong_FromLongLong(options.threshold));
    PyObject* scientific = !options.scientific ? Py_None : *options.scientific ? Py_True : Py_False;
    return Py_BuildValue("{s:L,s:O,s:L,s:L,s:O}", "precision", static_cast<long long>(options.precision),
                         "threshold", threshold.get(), "edgeitems",
                         static_cast<long long>(options.edge_items), "linewidth",
                         static_cast<long long>(options.line_width), "sci_mode", scientific);
  });
}

PyMethodDef module_functions[] = {
    {"set_printoptions", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(set_printoptions)),
     METH_VARARGS | METH_KEYWORDS,
     "set_printoptions(precision=None, threshold=None, edgeitems=None, linewidth=None, profile=None, "
     "sci_mode=None)\n--\n\n"
     "How tensors are printed; profile is 'default', 'short' or 'full'."},
    {"get_printoptions", get_printoptions, METH_NOARGS,
     "get_printoptions()\n--\n\nThe options of set_printoptions as a dict."},
    {}};

PyMethodDef format_method = {"__format__", tensor_format, METH_O, "A 0-d tensor formats as its number."};

}  // namespace

PyType_Slot tensor_repr_slot = {Py_tp_repr, reinterpret_cast<void*>(tensor_repr)};
PyType_Slot parameter_repr_slot = {Py_tp_repr, reinterpret_cast<void*>(parameter_repr)};

void add_tensor_printing(PyObject* module) {
  Object method = take(PyDescr_NewMethod(tensor_type, &format_method));
  check(PyDict_SetItemString(tensor_type->tp_dict, "__format__", method.get()));
  PyType_Modified(tensor_type);
  check(PyModule_AddFunctions(module, module_functions));
}

}  // namespace rushlight::python
