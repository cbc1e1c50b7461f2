#include "python.h"

#include <cstdlib>
#include <new>
#include <stdexcept>
#include <string>

namespace rushlight::python {
namespace {

// "[Errno 2] No such file or directory: 'x.pt'" as Python's own error of that number (FileNotFoundError,
// ...).
bool set_os_error(const std::string& message) {
  static const std::string start = "[Errno ";
  const size_t end = message.find("] "), quote = message.find(": '");
  if (message.compare(0, start.size(), start) != 0 || end == std::string::npos ||
      quote == std::string::npos || message.back() != '\'')
    return false;
  const int number = std::atoi(message.c_str() + start.size());
  const std::string text = message.substr(end + 2, quote - end - 2);
  Object path =
      Object::steal(PyUnicode_DecodeFSDefaultAndSize(message.data() + quote + 3, message.size() - quote - 4));
  Object args = Object::steal(path ? Py_BuildValue("(isO)", number, text.c_str(), path.get()) : nullptr);
  if (!args) return false;
  PyErr_SetObject(PyExc_OSError, args.get());
  return true;
}

// pickle is imported when it is needed, which is rarely.
PyObject* unpickling_error() {
  Object pickle = Object::steal(PyImport_ImportModule("pickle"));
  PyObject* type = pickle ? PyObject_GetAttrString(pickle.get(), "UnpicklingError") : nullptr;
  if (!type) PyErr_Clear();
  return type ? type : PyExc_RuntimeError;
}

void raise(PyObject* type, const Error& e) {
  if (type != PyExc_OSError || !set_os_error(e.message())) PyErr_SetString(type, e.what());
  if (e.hint().empty()) return;
  PyObject *t, *value, *trace;
  PyErr_Fetch(&t, &value, &trace);
  PyErr_NormalizeException(&t, &value, &trace);
  Object notes = notes_of(value), note = Object::steal(PyUnicode_FromString(e.hint().c_str()));
  if (!notes || !note || PyList_Append(notes.get(), note.get()) < 0) PyErr_Clear();
  PyErr_Restore(t, value, trace);
}

// Python's name for each of our types; those that Python lacks become their nearest kin.
PyObject* python_type(const Error& e) {
  if (dynamic_cast<const TypeError*>(&e)) return PyExc_TypeError;
  if (dynamic_cast<const ValueError*>(&e)) return PyExc_ValueError;
  if (dynamic_cast<const IndexError*>(&e)) return PyExc_IndexError;
  if (dynamic_cast<const KeyError*>(&e)) return PyExc_KeyError;
  if (dynamic_cast<const NotImplementedError*>(&e)) return PyExc_NotImplementedError;
  if (dynamic_cast<const OverflowError*>(&e)) return PyExc_OverflowError;
  if (dynamic_cast<const AttributeError*>(&e)) return PyExc_AttributeError;
  if (dynamic_cast<const AssertionError*>(&e)) return PyExc_AssertionError;
  if (dynamic_cast<const OSError*>(&e)) return PyExc_OSError;
  if (dynamic_cast<const UnpicklingError*>(&e)) return unpickling_error();
  return PyExc_RuntimeError;
}

}  // namespace

Object notes_of(PyObject* exception) {
  Object notes = Object::steal(PyObject_GetAttrString(exception, "__notes__"));
  if (notes && PyList_Check(notes.get())) return notes;
  PyErr_Clear();
  notes = Object::steal(PyList_New(0));
  if (!notes || PyObject_SetAttrString(exception, "__notes__", notes.get()) < 0) return {};
  return notes;
}

void set_python_error() noexcept {
  try {
    throw;
  } catch (const PythonError&) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_SystemError, "an error was reported without an exception");
  } catch (const Error& e) {
    raise(python_type(e), e);
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& e) {
    PyErr_SetString(PyExc_RuntimeError, e.what());
  } catch (...) {
    PyErr_SetString(PyExc_RuntimeError, "unknown C++ exception");
  }
}

void add_to_module(PyObject* module, const char* name, Object object) {
  check(object.get());
  check(PyModule_AddObjectRef(module, name, object.get()));
}

PyTypeObject* add_type(PyObject* module, const char* name, PyType_Spec* spec, PyObject* bases) {
  Object type = take(PyType_FromModuleAndSpec(module, spec, bases));
  add_to_module(module, name, type);
  return reinterpret_cast<PyTypeObject*>(type.release());  // types live as long as the process
}

}  // namespace rushlight::python
