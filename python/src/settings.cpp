#include "settings.h"

#include <atomic>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "arguments.h"
#include "numbers.h"
#include "rushlight/core/simd.h"
#include "rushlight/core/thread_pool.h"
#include "rushlight/ops/promote.h"
#include "tensor.h"
#include "types.h"

namespace rushlight::python {
namespace {

// ---- dtypes

PyObject* get_default_dtype(PyObject*, PyObject*) { return Py_NewRef(dtype_object(default_dtype())); }

PyObject* set_default_dtype(PyObject*, PyObject* dtype) {
  return guarded([&]() -> PyObject* {
    RL_CHECK_AS(TypeError, Py_IS_TYPE(dtype, dtype_type),
                "invalid dtype object: only floating-point types are supported as the default type");
    rushlight::set_default_dtype(dtype_value(dtype));
    Py_RETURN_NONE;
  });
}

DType dtype_argument(const char* function, const char* name, int position, PyObject* object) {
  RL_CHECK_AS(TypeError, Py_IS_TYPE(object, dtype_type), function, "(): argument '", name, "' (position ",
              position, ") must be torch.dtype, not ", Py_TYPE(object)->tp_name);
  return dtype_value(object);
}

template <class F>
PyObject* with_pair(PyObject* args, PyObject* kwargs, const char* format, const char* first,
                    const char* second, F f) {
  return guarded([&]() -> PyObject* {
    const char* names[] = {first, second, nullptr};
    PyObject *a, *b;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, format, const_cast<char**>(names), &a, &b))
      throw PythonError();
    return f(a, b);
  });
}

PyObject* promote_types(PyObject*, PyObject* args, PyObject* kwargs) {
  return with_pair(args, kwargs, "OO:promote_types", "type1", "type2", [](PyObject* a, PyObject* b) {
    const DType first = dtype_argument("promote_types", "type1", 1, a),
                second = dtype_argument("promote_types", "type2", 2, b);
    return Py_NewRef(dtype_object(rushlight::promote_types(first, second)));
  });
}

PyObject* can_cast(PyObject*, PyObject* args, PyObject* kwargs) {
  return with_pair(args, kwargs, "OO:can_cast", "from_", "to", [](PyObject* a, PyObject* b) {
    return PyBool_FromLong(rushlight::can_cast(dtype_argument("can_cast", "from_", 1, a),
                                               dtype_argument("can_cast", "to", 2, b)));
  });
}

PyObject* result_type(PyObject*, PyObject* args, PyObject* kwargs) {
  return with_pair(args, kwargs, "OO:result_type", "tensor1", "tensor2", [](PyObject* a, PyObject* b) {
    ResultType result;
    int position = 0;
    for (PyObject* object : {a, b}) {
      ++position;
      if (is_tensor(object)) {
        result.add(tensor_value(object));
        continue;
      }
      RL_CHECK_AS(TypeError, is_number(object), "result_type(): argument 'tensor", position, "' (position ",
                  position, ") must be Tensor, not ", Py_TYPE(object)->tp_name);
      result.add(scalar_value(object));
    }
    return Py_NewRef(dtype_object(result.get()));
  });
}

// ---- threads

std::atomic<int> interop_threads{0};  // 0: not set

int count_argument(const char* function, PyObject* object) {
  RL_CHECK(PyLong_Check(object) && !PyBool_Check(object), function, " expects an int, but got ",
           Py_TYPE(object)->tp_name);
  int overflow;
  const long value = PyLong_AsLongAndOverflow(object, &overflow);
  RL_CHECK_AS(ValueError, !overflow && value == static_cast<int>(value), "Overflow when unpacking long");
  RL_CHECK(value > 0, function, " expects a positive integer");
  return static_cast<int>(value);
}

PyObject* get_num_threads(PyObject*, PyObject*) {
  return guarded([]() -> PyObject* { return PyLong_FromLong(num_threads()); });
}
PyObject* set_num_threads(PyObject*, PyObject* count) {
  return guarded([&]() -> PyObject* {
    rushlight::set_num_threads(count_argument("set_num_threads", count));
    Py_RETURN_NONE;
  });
}
PyObject* get_num_interop_threads(PyObject*, PyObject*) {
  return guarded([]() -> PyObject* {
    return PyLong_FromLong(interop_threads ? interop_threads.load() : num_threads());
  });
}
PyObject* set_num_interop_threads(PyObject*, PyObject* count) {
  return guarded([&]() -> PyObject* {
    int unset = 0;
    RL_CHECK(interop_threads.compare_exchange_strong(unset, count_argument("set_num_interop_threads", count)),
             "Error: cannot set number of interop threads after parallel work has started or "
             "set_num_interop_threads called");
    Py_RETURN_NONE;
  });
}

// ---- the processor

PyObject* set_flush_denormal(PyObject*, PyObject* mode) {
  return guarded([&]() -> PyObject* {
    RL_CHECK(PyBool_Check(mode), "flush_denormal expects a bool, but got ", Py_TYPE(mode)->tp_name);
#if defined(__x86_64__)
    constexpr unsigned kFlushToZero = 0x8000,
                       kDenormalsAreZero = 0x0040;  // of the calling thread, as in PyTorch
    const unsigned both = kFlushToZero | kDenormalsAreZero;
    _mm_setcsr(mode == Py_True ? _mm_getcsr() | both : _mm_getcsr() & ~both);
    Py_RETURN_TRUE;
#else
    Py_RETURN_FALSE;
#endif
  });
}

PyObject* get_simd_target(PyObject*, PyObject*) {
  return guarded([] { return PyUnicode_FromString(simd_target().c_str()); });
}

PyObject* get_simd_targets(PyObject*, PyObject*) {
  return guarded([] {
    Object list = take(PyList_New(0));
    for (const std::string& name : simd_targets())
      check(PyList_Append(list.get(), take(PyUnicode_FromString(name.c_str())).get()));
    return list.release();
  });
}

PyObject* get_default_device(PyObject*, PyObject*) {
  return guarded([&]() -> PyObject* {
    if (!default_device()) return wrap_device(Device());
    const Device device = device_value(default_device());
    RL_CHECK_AS(AssertionError, !device.is_cuda() || device.index >= 0,
                "Torch not compiled with CUDA enabled");  // which GPU it is, nobody can tell
    return Py_NewRef(default_device());
  });
}

// ---- questions about objects

PyObject* is_tensor_object(PyObject*, PyObject* object) { return PyBool_FromLong(is_tensor(object)); }

// A function of one tensor, `input`.
template <class F>
PyObject* with_tensor(const char* name, PyObject* args, PyObject* kwargs, F f) {
  return guarded([&]() -> PyObject* {
    static const char* names[] = {"input", nullptr};
    PyObject* object;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O", const_cast<char**>(names), &object))
      throw PythonError();
    RL_CHECK_AS(TypeError, is_tensor(object), name, "(): argument 'input' (position 1) must be Tensor, not ",
                Py_TYPE(object)->tp_name);
    return f(tensor_value(object));
  });
}

PyObject* is_floating_point(PyObject*, PyObject* args, PyObject* kwargs) {
  return with_tensor("is_floating_point", args, kwargs,
                     [](const Tensor& t) { return PyBool_FromLong(is_floating(t.dtype())); });
}
PyObject* is_complex(PyObject*, PyObject* args, PyObject* kwargs) {
  return with_tensor("is_complex", args, kwargs,
                     [](const Tensor& t) { return PyBool_FromLong(rushlight::is_complex(t.dtype())); });
}
PyObject* is_signed(PyObject*, PyObject* args, PyObject* kwargs) {
  return with_tensor("is_signed", args, kwargs,
                     [](const Tensor& t) { return PyBool_FromLong(rushlight::is_signed(t.dtype())); });
}
PyObject* is_nonzero(PyObject*, PyObject* args, PyObject* kwargs) {
  return with_tensor("is_nonzero", args, kwargs, [](const Tensor& t) {
    RL_CHECK(t.numel() != 0, "Boolean value of Tensor with no values is ambiguous");
    RL_CHECK(t.numel() == 1, "Boolean value of Tensor with more than one value is ambiguous");
    return PyBool_FromLong(t.item().to_bool());
  });
}
PyObject* numel(PyObject*, PyObject* args, PyObject* kwargs) {
  return with_tensor("numel", args, kwargs, [](const Tensor& t) { return PyLong_FromLongLong(t.numel()); });
}

PyCFunction with_keywords(PyCFunctionWithKeywords f) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(f));
}
constexpr int kKeywords = METH_VARARGS | METH_KEYWORDS;

PyMethodDef functions[] = {
    {"get_default_dtype", get_default_dtype, METH_NOARGS,
     "get_default_dtype()\n--\n\nThe dtype of tensors made from Python floats."},
    {"set_default_dtype", set_default_dtype, METH_O,
     "set_default_dtype(d)\n--\n\nSets the dtype of tensors made from Python floats: a floating type."},
    {"get_default_device", get_default_device, METH_NOARGS,
     "get_default_device()\n--\n\nThe device that tensors are made on."},
    {"promote_types", with_keywords(promote_types), kKeywords,
     "promote_types(type1, type2)\n--\n\nThe smallest dtype that holds both."},
    {"can_cast", with_keywords(can_cast), kKeywords,
     "can_cast(from_, to)\n--\n\nMay results of one dtype be written to the other."},
    {"result_type", with_keywords(result_type), kKeywords,
     "result_type(tensor1, tensor2)\n--\n\nThe dtype of an operation on both."},
    {"get_num_threads", get_num_threads, METH_NOARGS,
     "get_num_threads()\n--\n\nThreads that one operation may use."},
    {"set_num_threads", set_num_threads, METH_O,
     "set_num_threads(int)\n--\n\nHow many threads one operation may use."},
    {"get_num_interop_threads", get_num_interop_threads, METH_NOARGS,
     "get_num_interop_threads()\n--\n\nWhat set_num_interop_threads was told; operations do not run beside "
     "each other here."},
    {"set_num_interop_threads", set_num_interop_threads, METH_O,
     "set_num_interop_threads(int)\n--\n\nRemembered and without effect: operations do not run beside each "
     "other here."},
    {"set_flush_denormal", set_flush_denormal, METH_O,
     "set_flush_denormal(mode)\n--\n\nMakes the calling thread treat denormal numbers as zero; True where "
     "the processor can."},
    {"_simd_target", get_simd_target, METH_NOARGS,
     "_simd_target()\n--\n\nThe instruction set that kernels run with, say 'avx2'; RUSHLIGHT_SIMD asks for "
     "another when the module is loaded."},
    {"_simd_targets", get_simd_targets, METH_NOARGS,
     "_simd_targets()\n--\n\nThe instruction sets compiled in that this processor has, best first."},
    {"is_tensor", is_tensor_object, METH_O, "is_tensor(obj)\n--\n\nIs the object a tensor."},
    {"is_floating_point", with_keywords(is_floating_point), kKeywords,
     "is_floating_point(input)\n--\n\nIs the dtype a real floating type."},
    {"is_complex", with_keywords(is_complex), kKeywords, "is_complex(input)\n--\n\nIs the dtype complex."},
    {"is_signed", with_keywords(is_signed), kKeywords,
     "is_signed(input)\n--\n\nDoes the dtype have negative numbers."},
    {"is_nonzero", with_keywords(is_nonzero), kKeywords,
     "is_nonzero(input)\n--\n\nIs the only element not zero."},
    {"numel", with_keywords(numel), kKeywords, "numel(input)\n--\n\nThe number of elements."},
    {}};

}  // namespace

void add_settings(PyObject* module) {
  simd_target();  // a wrong RUSHLIGHT_SIMD is an error of the import
  check(PyModule_AddFunctions(module, functions));
}

}  // namespace rushlight::python
