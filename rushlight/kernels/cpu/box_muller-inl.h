// Box and Muller's transform on vectors: two uniforms to two normals (G. Box, M. Muller, "A note on the
// generation of random normal deviates", 1958). The functions below hold on just the ranges it needs.

#if defined(RUSHLIGHT_KERNELS_CPU_BOX_MULLER_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RUSHLIGHT_KERNELS_CPU_BOX_MULLER_INL_H_
#undef RUSHLIGHT_KERNELS_CPU_BOX_MULLER_INL_H_
#else
#define RUSHLIGHT_KERNELS_CPU_BOX_MULLER_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace rushlight::cpu::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

template <class D>
concept FloatTag = sizeof(hn::TFromD<D>) == 4;
template <class D>
concept DoubleTag = sizeof(hn::TFromD<D>) == 8;

// log(x) for x in [2^-24, 1], in float: S. Moshier's Cephes library (logf.c), in the order of operations that
// PyTorch evaluates it.
template <FloatTag D, class V = hn::Vec<D>>
HWY_INLINE V log_unit(D d, V x) {
  const hn::RebindToSigned<D> di;
  const auto bits = hn::BitCast(di, x);
  auto exponent = hn::ConvertTo(d, hn::Sub(hn::ShiftRight<23>(bits), hn::Set(di, 126)));
  const auto mantissa = hn::Or(hn::And(bits, hn::Set(di, 0x7fffff)), hn::BitCast(di, hn::Set(d, 0.5f)));
  const auto half_to_one = hn::BitCast(d, mantissa);
  const auto small = hn::Lt(half_to_one, hn::Set(d, 0.707106781186547524f));
  exponent = hn::Sub(exponent, hn::IfThenElseZero(small, hn::Set(d, 1.0f)));
  x = hn::Add(hn::Sub(half_to_one, hn::Set(d, 1.0f)), hn::IfThenElseZero(small, half_to_one));

  const auto square = hn::Mul(x, x);
  auto y = hn::MulAdd(hn::Set(d, 7.0376836292e-2f), x, hn::Set(d, -1.1514610310e-1f));
  y = hn::MulAdd(y, x, hn::Set(d, 1.1676998740e-1f));
  y = hn::MulAdd(y, x, hn::Set(d, -1.2420140846e-1f));
  y = hn::MulAdd(y, x, hn::Set(d, 1.4249322787e-1f));
  y = hn::MulAdd(y, x, hn::Set(d, -1.6668057665e-1f));
  y = hn::MulAdd(y, x, hn::Set(d, 2.0000714765e-1f));
  y = hn::MulAdd(y, x, hn::Set(d, -2.4999993993e-1f));
  y = hn::MulAdd(y, x, hn::Set(d, 3.3333331174e-1f));
  y = hn::Mul(y, x);
  y = hn::MulAdd(y, square, hn::Mul(exponent, hn::Set(d, -2.12194440e-4f)));
  y = hn::NegMulAdd(square, hn::Set(d, 0.5f), y);
  return hn::MulAdd(exponent, hn::Set(d, 0.693359375f), hn::Add(x, y));
}

// log(x) for x in [2^-53, 1], in double, within one unit in the last place: fdlibm's e_log.c.
template <DoubleTag D, class V = hn::Vec<D>>
HWY_INLINE V log_unit(D d, V x) {
  const hn::RebindToSigned<D> di;
  // Taking the exponent relative to sqrt(1/2) leaves the fraction in [sqrt(1/2), sqrt(2)).
  const auto offset = hn::BitCast(di, hn::Set(d, 0.70710678118654752));
  const auto one = hn::BitCast(di, hn::Set(d, 1.0));
  const auto shifted = hn::Sub(hn::BitCast(di, x), offset);
  const auto mantissa_bits = hn::And(shifted, hn::Set(di, (int64_t{1} << 52) - 1));
  const auto f = hn::Sub(hn::BitCast(d, hn::Add(mantissa_bits, offset)), hn::BitCast(d, one));
  // The exponent, -53 to 0, as a double: 1.5 * 2^52 + e has e in its low bits.
  const auto magic = hn::Set(d, 0x1.8p52);
  const auto negated =
      hn::ShiftRight<52>(hn::BitCast(hn::RebindToUnsigned<D>(), hn::Neg(hn::Sub(shifted, mantissa_bits))));
  const auto exponent =
      hn::Neg(hn::Sub(hn::BitCast(d, hn::Or(hn::BitCast(di, negated), hn::BitCast(di, magic))), magic));

  const auto s = hn::Div(f, hn::Add(hn::Set(d, 2.0), f));
  const auto z = hn::Mul(s, s);
  auto r = hn::MulAdd(z, hn::Set(d, 1.479819860511658591e-01), hn::Set(d, 1.531383769920937332e-01));
  r = hn::MulAdd(z, r, hn::Set(d, 1.818357216161805012e-01));
  r = hn::MulAdd(z, r, hn::Set(d, 2.222219843214978396e-01));
  r = hn::MulAdd(z, r, hn::Set(d, 2.857142874366239149e-01));
  r = hn::MulAdd(z, r, hn::Set(d, 3.999999999940941908e-01));
  r = hn::MulAdd(z, r, hn::Set(d, 6.666666666666735130e-01));
  r = hn::Mul(r, z);
  const auto half_square = hn::Mul(hn::Set(d, 0.5), hn::Mul(f, f));
  const auto low =
      hn::MulAdd(exponent, hn::Set(d, 1.90821492927058770002e-10), hn::Mul(s, hn::Add(half_square, r)));
  const auto rest = hn::Sub(hn::Sub(half_square, low), f);
  return hn::MulSub(exponent, hn::Set(d, 6.93147180369123816490e-01), rest);
}

// sin(x) and cos(x) for x in [0, 2 pi], in float: Cephes (sinf.c), with PyTorch's order of operations.
template <FloatTag D, class V = hn::Vec<D>>
HWY_INLINE void sin_cos(D d, V x, V& sine, V& cosine) {
  const hn::RebindToSigned<D> di;
  // The octant, rounded up to even: x is then within pi/4 of it.
  const auto raw = hn::ConvertTo(di, hn::Mul(x, hn::Set(d, 1.27323954473516f)));
  const auto octant = hn::And(hn::Add(raw, hn::Set(di, 1)), hn::Set(di, ~1));
  const auto y = hn::ConvertTo(d, octant);
  x = hn::MulAdd(y, hn::Set(d, -0.78515625f), x);
  x = hn::MulAdd(y, hn::Set(d, -2.4187564849853515625e-4f), x);
  x = hn::MulAdd(y, hn::Set(d, -3.77489497744594108e-8f), x);

  const auto z = hn::Mul(x, x);
  auto c = hn::MulAdd(hn::Set(d, 2.443315711809948e-5f), z, hn::Set(d, -1.388731625493765e-3f));
  c = hn::MulAdd(c, z, hn::Set(d, 4.166664568298827e-2f));
  c = hn::MulSub(hn::Mul(c, z), z, hn::Mul(z, hn::Set(d, 0.5f)));
  c = hn::Add(c, hn::Set(d, 1.0f));
  auto s = hn::MulAdd(hn::Set(d, -1.9515295891e-4f), z, hn::Set(d, 8.3321608736e-3f));
  s = hn::MulAdd(s, z, hn::Set(d, -1.6666654611e-1f));
  s = hn::MulAdd(hn::Mul(s, z), x, x);

  const auto two = hn::Set(di, 2);
  const auto swap = hn::RebindMask(d, hn::TestBit(octant, two));
  const auto sine_sign = hn::ShiftLeft<29>(hn::And(octant, hn::Set(di, 4)));
  const auto cosine_sign = hn::ShiftLeft<29>(hn::And(hn::Add(octant, two), hn::Set(di, 4)));
  sine = hn::Xor(hn::IfThenElse(swap, c, s), hn::BitCast(d, sine_sign));
  cosine = hn::Xor(hn::IfThenElse(swap, s, c), hn::BitCast(d, cosine_sign));
}

// The same in double, within one unit in the last place: fdlibm's k_sin.c and k_cos.c, its pi/2 in three
// parts.
template <DoubleTag D, class V = hn::Vec<D>>
HWY_INLINE void sin_cos(D d, V x, V& sine, V& cosine) {
  const hn::RebindToSigned<D> di;
  const auto magic = hn::Set(d, 0x1.8p52);
  const auto rounded = hn::Add(hn::Mul(x, hn::Set(d, 0.63661977236758134)), magic);
  const auto quadrant = hn::BitCast(di, rounded);  // in the low bits
  const auto q = hn::Sub(rounded, magic);
  x = hn::NegMulAdd(q, hn::Set(d, 1.57079632673412561417e+00), x);
  const auto r = hn::NegMulAdd(q, hn::Set(d, 6.07710050630396597660e-11), x);
  // What the last subtraction lost, and the third part.
  const auto lost = hn::Sub(hn::Sub(x, r), hn::Mul(q, hn::Set(d, 6.07710050630396597660e-11)));
  x = hn::Add(r, hn::NegMulAdd(q, hn::Set(d, 2.02226624879595063154e-21), lost));

  const auto z = hn::Mul(x, x);
  auto s = hn::MulAdd(z, hn::Set(d, 1.58969099521155010221e-10), hn::Set(d, -2.50507602534068634195e-08));
  s = hn::MulAdd(z, s, hn::Set(d, 2.75573137070700676789e-06));
  s = hn::MulAdd(z, s, hn::Set(d, -1.98412698298579493134e-04));
  s = hn::MulAdd(z, s, hn::Set(d, 8.33333333332248946124e-03));
  s = hn::MulAdd(z, s, hn::Set(d, -1.66666666666666324348e-01));
  s = hn::MulAdd(hn::Mul(z, x), s, x);
  auto c = hn::MulAdd(z, hn::Set(d, -1.13596475577881948265e-11), hn::Set(d, 2.08757232129817482790e-09));
  c = hn::MulAdd(z, c, hn::Set(d, -2.75573143513906633035e-07));
  c = hn::MulAdd(z, c, hn::Set(d, 2.48015872894767294178e-05));
  c = hn::MulAdd(z, c, hn::Set(d, -1.38888888888741095749e-03));
  c = hn::MulAdd(z, c, hn::Set(d, 4.16666666666666019037e-02));
  const auto half_z = hn::Mul(hn::Set(d, 0.5), z);
  const auto one = hn::Set(d, 1.0);
  const auto w = hn::Sub(one, half_z);
  c = hn::Add(w, hn::MulAdd(hn::Mul(z, z), c, hn::Sub(hn::Sub(one, w), half_z)));

  const auto swap = hn::RebindMask(d, hn::TestBit(quadrant, hn::Set(di, 1)));
  const auto sine_sign = hn::ShiftLeft<62>(hn::And(quadrant, hn::Set(di, 2)));
  const auto cosine_sign = hn::ShiftLeft<62>(hn::And(hn::Add(quadrant, hn::Set(di, 1)), hn::Set(di, 2)));
  sine = hn::Xor(hn::IfThenElse(swap, c, s), hn::BitCast(d, sine_sign));
  cosine = hn::Xor(hn::IfThenElse(swap, s, c), hn::BitCast(d, cosine_sign));
}

// u and v uniform on [0, 1) become two independent normals.
template <class D, class V = hn::Vec<D>>
HWY_INLINE void box_muller(D d, V& u, V& v, V mean, V std) {
  using T = hn::TFromD<D>;
  const auto log = log_unit(d, hn::Sub(hn::Set(d, T{1}), u));
  const auto radius = hn::Sqrt(hn::Mul(hn::Set(d, T{-2}), log));
  V sine, cosine;
  sin_cos(d, hn::Mul(hn::Set(d, static_cast<T>(6.283185307179586)), v), sine, cosine);
  u = hn::MulAdd(hn::Mul(radius, cosine), std, mean);
  v = hn::MulAdd(hn::Mul(radius, sine), std, mean);
}

}  // namespace
}  // namespace rushlight::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
