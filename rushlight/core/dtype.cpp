#include "rushlight/core/dtype.h"

#include "rushlight/core/error.h"

namespace rushlight {
namespace {

DType promote_integers(DType a, DType b) {
  const bool unsigned_a = !is_signed(a), unsigned_b = !is_signed(b);
  if (unsigned_a == unsigned_b) return item_size(a) > item_size(b) ? a : b;
  const DType u = unsigned_a ? a : b, s = unsigned_a ? b : a;
  // uint8 takes part in promotion as it always did; the wider unsigned types came later and only meet their
  // own kind.
  RL_CHECK(u == DType::UInt8,
           "Promotion for uint16, uint32, uint64 types is not supported, attempted to promote ",
           info(a).message_name, " and ", info(b).message_name);
  return s == DType::Int8 ? DType::Int16 : s;
}

}  // namespace

DType promote_types(DType a, DType b) {
  if (a == b) return a;
  if (a == DType::Bool) return b;
  if (b == DType::Bool) return a;
  const Category ca = category(a), cb = category(b);
  if (ca == Category::Complex || cb == Category::Complex) {
    const bool wide =
        a == DType::Complex128 || b == DType::Complex128 || a == DType::Float64 || b == DType::Float64;
    return wide ? DType::Complex128 : DType::Complex64;
  }
  if (ca == Category::Integer && cb == Category::Integer) return promote_integers(a, b);
  if (ca == Category::Integer) return b;
  if (cb == Category::Integer) return a;
  if (item_size(a) == 2 && item_size(b) == 2) return DType::Float32;  // float16 with bfloat16
  return item_size(a) > item_size(b) ? a : b;
}

}  // namespace rushlight
