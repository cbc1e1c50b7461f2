// What pointwise operations say of dtypes that they do not take, in PyTorch's words: most name their kernel,
// some have a sentence.
#include "rushlight/ops/pointwise.h"

namespace rushlight {
namespace {

using cpu::Formula;

// PyTorch's kernels whose names are not the operation's and "_cpu".
const char* kernel_name(Formula f) {
  switch (f) {
    case Formula::Erf: return "erf_vml_cpu";
    case Formula::Erfc: return "erfc_vml_cpu";
    case Formula::Erfinv: return "erfinv_vml_cpu";
    case Formula::Lgamma: return "lgamma_vml_cpu";
    case Formula::I0: return "i0_vml_cpu";
    case Formula::Floor: return "floor_vml_cpu";
    case Formula::Ceil: return "ceil_vml_cpu";
    case Formula::Trunc: return "trunc_vml_cpu";
    case Formula::Round: return "round_vml_cpu";
    case Formula::Digamma: return "digamma";
    case Formula::Polygamma: return "polygamma";
    case Formula::Pow: return "pow";
    case Formula::Gelu:
    case Formula::GeluTanh: return "GeluKernelImpl";
    case Formula::Softshrink: return "softshrink_check";
    case Formula::BceWithLogits: return "log_sigmoid_cpu";
    case Formula::SquaredDifference: return "mse_cpu";
    case Formula::Addcmul: return "addcmul_cpu_out";
    case Formula::Lerp: return "lerp_kernel_scalar";
    default: return nullptr;
  }
}

// LeakyRelu is leaky_relu_cpu.
std::string derived_name(const char* name) {
  std::string out;
  for (const char* p = name; *p; ++p) {
    const bool upper = *p >= 'A' && *p <= 'Z';
    if (upper && p != name) out += '_';
    out += upper ? static_cast<char>(*p - 'A' + 'a') : *p;
  }
  return out + "_cpu";
}

void refuse_complex(const Pointwise& op) {
  switch (op.formula) {
    case Formula::Sign:
      throw_error<NotImplementedError>(
          "Unlike NumPy, torch.sign is not intended to support complex numbers. Please use torch.sgn "
          "instead.");
    case Formula::Signbit:
      throw_error<NotImplementedError>("signbit is not implemented for complex tensors.");
    case Formula::Floor:
    case Formula::Ceil:
    case Formula::Trunc: throw_error<NotImplementedError>(op.name, " is not supported for complex inputs");
    case Formula::Deg2Rad:
    case Formula::Rad2Deg: throw_error<RuntimeError>(op.name, " is not supported for complex tensors.");
    case Formula::Isposinf:
    case Formula::Isneginf: throw_error<RuntimeError>(op.name, " does not support complex inputs.");
    case Formula::Maximum:
    case Formula::Minimum:
    case Formula::Fmax:
    case Formula::Fmin: throw_error<RuntimeError>(op.name, " not implemented for complex tensors.");
    case Formula::Relu:
    case Formula::Hardtanh:
    case Formula::ClampTensor: throw_error<NotImplementedError>("clamp is not supported for complex types");
    default: return;
  }
}

}  // namespace

bool refuses_bool(Formula f) {
  switch (f) {
    case Formula::Neg:
    case Formula::Abs:
    case Formula::Floor:
    case Formula::Ceil:
    case Formula::Trunc:
    case Formula::Round:
    case Formula::Relu:
    case Formula::Pow:
    case Formula::Addcmul:
    case Formula::Threshold:
    case Formula::Hardtanh: return true;
    default: return false;
  }
}

void refuse_dtype(const Pointwise& op, DType dtype) {
  if (is_complex(dtype)) refuse_complex(op);
  if (dtype == DType::Bool) {
    RL_CHECK(
        op.formula != Formula::Neg,
        "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, "
        "use the `~` or `logical_not()` operator instead.");
    RL_CHECK(op.formula != Formula::Relu, "Boolean inputs not supported for relu");
    RL_CHECK(op.formula != Formula::Hardtanh, "Bool inputs not supported for hardtanh");
  }
  const char* kernel = kernel_name(op.formula);
  throw_error<NotImplementedError>("\"", kernel ? kernel : derived_name(op.name), "\" not implemented for '",
                                   info(dtype).message_name, "'");
}

}  // namespace rushlight
