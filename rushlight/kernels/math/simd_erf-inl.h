// The error functions, the normal distribution and their inverses on Simd<float> and Simd<double>. Included
// by simd-inl.h. Polynomials: see simd_exp-inl.h.
#if defined(RUSHLIGHT_MATH_SIMD_ERF_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RUSHLIGHT_MATH_SIMD_ERF_INL_H_
#undef RUSHLIGHT_MATH_SIMD_ERF_INL_H_
#else
#define RUSHLIGHT_MATH_SIMD_ERF_INL_H_
#endif

#include "rushlight/kernels/math/scalar_special-inl.h"
#include "rushlight/kernels/math/simd-inl.h"
#include "rushlight/kernels/math/simd_exp-inl.h"

RL_MATH_BEGIN

// exp(x^2) erfc(x) / v in v = 6 / (x + 3): degree 9 carries 28 bits up to x = 11, where float's erfc is 0.
RL_INLINE Simd<double> erfcx_short(Simd<double> v) {
  return poly_split(v, 9.4019876709366935e-2, 4.7152536430150817e-2, 2.1505461447229883e-2,
                    1.1831871877219356e-2, 1.9202654674353709e-4, 6.0731875575914219e-3,
                    -3.3088946001079737e-3, 2.0414370762922581e-3, -5.5977011704210528e-4,
                    5.3418476825213014e-5);
}
// exp(x^2) erfc(x) (1 + 2 x) in u = (x - 4) / (x + 4) (the form of Shepherd and Laframboise, 1981): degree 22
// carries 56 bits for 0 <= x <= 28, where double's erfc is 0.
RL_INLINE Simd<double> erfcx_long(Simd<double> u) {
  return poly_split(
      u, 1.2329951186255525, -1.3962111684056289e-1, 1.5379652102620741e-2, 6.8097054254737324e-2,
      -1.0103906603635213e-1, 9.3732834996794116e-2, -6.6330365811529384e-2, 3.7167515562492866e-2,
      -1.6197734059115007e-2, 5.0319697558954261e-3, -7.5777334141333004e-4, -1.9925550755614952e-4,
      1.5062224394830299e-4, -2.4403169244974075e-5, -1.1224789135154701e-5, 5.7178872846321852e-6,
      3.0135049944875395e-7, -8.3516196886968471e-7, 6.2707271571983109e-8, 1.1534943745754157e-7,
      -7.7154186144178301e-9, -1.3670989863347382e-8, -1.8206098680308683e-9);
}
template <bool kLong>
inline constexpr double kErfcxLimit = kLong ? 28.0 : 11.0;
// exp(a^2) erfc(a) / divisor for a = x / unit, 0 <= a <= kErfcxLimit.
template <bool kLong>
RL_INLINE Simd<double> erfcx_near(Simd<double> x, double unit = 1, double divisor = 1) {
  using S = Simd<double>;
  if constexpr (!kLong) {
    const S v = S(6 * unit) / (x + S(3 * unit));
    return erfcx_short(v) * (divisor == 1 ? v : v * S(1 / divisor));
  }
  const S u = (x - S(4 * unit)) / (x + S(4 * unit));
  return erfcx_long(u) / fma(S(2 * divisor / unit), x, S(divisor));
}
// The same for all a >= 0: beyond, seven terms of the asymptotic series (Abramowitz and Stegun 7.1.23).
template <bool kLong>
RL_INLINE Simd<double> erfcx_positive(Simd<double> a) {
  using S = Simd<double>;
  const S y = erfcx_near<kLong>(raw_min(S(kErfcxLimit<kLong>), a));
  const auto far = a > S(kErfcxLimit<kLong>);
  if (HWY_LIKELY(!any_true(far))) return y;
  const S inverse = S(1.0) / a, q = inverse * inverse;
  const S series = poly(q, 1.0, -0.5, 0.75, -1.875, 6.5625, -29.53125, 162.421875);
  return select(far, series * inverse * S(0.56418958354775628695), y);
}

// 2^(x scale) to 29 bits, a normal double: the whole part is added to the exponent of the fraction's power.
RL_INLINE Simd<double> exp2_of_product(Simd<double> x, Simd<double> scale) {
  using S = Simd<double>;
  const S magic(Ieee<double>::kRoundMagic);
  const S shifted = fma(x, scale, magic);
  const S p = poly_split(fma(x, scale, magic - shifted), 1.0000000005532923, 6.9314720573218994e-1,
                         2.4022646894652861e-1, 5.5503287849276757e-2, 9.6184886197285095e-3,
                         1.3399928708676238e-3, 1.5345889123408474e-4);
  return S::from_bits(hn::Add(p.bits(), hn::ShiftLeft<Ieee<double>::kMantissaBits>(shifted.bits())));
}

// exp(kHalves / 2 a^2) for |a| up to kSquareLimit, beyond which the result overflows or vanishes. In the long
// form a^2 = hi + lo with an exact hi, since exp would magnify what a rounded square loses; lo is below 1e-4.
template <int kHalves, bool kLong>
inline constexpr double kSquareLimit = kLong ? (kHalves == -1 ? 39.0 : 28.0) : (kHalves == -1 ? 15.5 : 11.0);
template <int kHalves, bool kLong>
RL_INLINE Simd<double> exp_square(Simd<double> a) {
  using S = Simd<double>;
  constexpr double kFactor = 0.5 * kHalves;
  if constexpr (!kLong) return exp2_of_product(a * a, S(kFactor * 1.44269504088896340736));
  const S top = S::from_bits(hn::And(a.bits(), hn::Set(S::IntTag(), -(int64_t{1} << 27))));
  const S lo = (a - top) * (a + top) * S(kFactor);
  const S e = exp(top * top * S(kFactor));
  const S y = e + e * (lo * fma(lo, fma(lo, S(1.0 / 6), S(0.5)), S(1.0)));
  if constexpr (kHalves < 0) return y;
  return select(e == S(kInfinity<double>), e, y);
}

// erf(x) / x in z = x^2 for |x| <= 1.
RL_INLINE Simd<double> erf_ratio(Simd<double> z) {
  return poly(z, 1.1283791670955126, -3.761263890318354e-1, 1.1283791670945006e-1, -2.686617064323777e-2,
              5.2239776071164227e-3, -8.5483259753896921e-4, 1.2055294904839708e-4, -1.492473690741966e-5,
              1.6447424703317362e-6, -1.6208483801871706e-7, 1.3720064546777686e-8, -7.7958988270021422e-10);
}
RL_INLINE Simd<double> erfc(Simd<double> x) {
  using S = Simd<double>;
  const S a = raw_min(S(kErfcxLimit<true>), abs(x));
  const S y = exp_square<-2, true>(a) * erfcx_near<true>(a);
  return select(a < S(0.5), S(1.0) - x * erf_ratio(x * x), select(signbit(x), S(2.0) - y, y));
}
RL_INLINE Simd<float> erfc(Simd<float> x) {
  using S = Simd<float>;
  const S a = raw_min(S(static_cast<float>(kErfcxLimit<false>)), abs(x));
  const S y =
      via_double(a, [](Simd<double> v) HWY_ATTR { return exp_square<-2, false>(v) * erfcx_near<false>(v); });
  return select(signbit(x), S(2.0f) - y, y);
}
// erfc(-x / sqrt 2) / 2 from the exact square of x.
constexpr double kRootOfTwo = 1.41421356237309504880;
RL_INLINE Simd<double> ndtr(Simd<double> x) {
  using S = Simd<double>;
  const S a = raw_min(S(kSquareLimit<-1, true>), abs(x));
  const S y = exp_square<-1, true>(a) * erfcx_near<true>(a, kRootOfTwo, 2);
  return select(signbit(x), y, S(1.0) - y);
}
RL_INLINE Simd<float> ndtr(Simd<float> x) {
  using S = Simd<float>;
  const S a = raw_min(S(static_cast<float>(kSquareLimit<-1, false>)), abs(x));
  const S y = via_double(a, [](Simd<double> v) HWY_ATTR {
    return exp_square<-1, false>(v) * erfcx_near<false>(v, kRootOfTwo, 2);
  });
  return select(signbit(x), y, S(1.0f) - y);
}

// Up to 1 the series; beyond, 1 - exp(-p) with p = -log(erfc), whose errors count the less the larger p is.
RL_INLINE Simd<float> erf(Simd<float> x) {
  using S = Simd<float>;
  const S a = raw_min(S(4.0f), abs(x));
  const S z = a * a;
  const S ratio_minus_1 = poly(z, 1.28379167e-1f, -3.76126267e-1f, 1.12835947e-1f, -2.6854212e-2f,
                               5.18908742e-3f, -8.01686429e-4f, 7.87587506e-5f);
  const S p = poly(a, -3.18539662e-4f, 1.13023106f, 6.31823918e-1f, 1.10087166e-1f, -2.64276372e-2f,
                   4.76262583e-3f, -5.9758577e-4f, 4.61638586e-5f, -1.64306366e-6f);
  const auto [n, r] = reduce_exp(-p);
  const S e = (fma(r * r, expm1_tail(r), r) + S(1.0f)) * pow2_integer(n);
  return copysign(select(a < S(0.92f), fma(a, ratio_minus_1, a), S(1.0f) - e), x);
}
// erfc(-x / sqrt 2) / 2 to 6e-8, as 1 - e or e with e = exp(-p) / 2 of |x|: below zero nothing cancels. The
// polynomial is good up to 5.6 and keeps e small beyond; from 12 on e counts as 0.
RL_INLINE Simd<float> normal_cdf(Simd<float> x) {
  using S = Simd<float>;
  const S a = abs(x), zero(0.0f);
  const S p = poly_split(raw_min(S(12.0f), a), -1.0667313e-7f, 7.9789109e-1f, 3.18247389e-1f, 3.65547787e-2f,
                         -5.14947001e-3f, 2.93441156e-4f, 4.69130176e-5f, -1.03606734e-5f, 6.0074034e-7f);
  const auto [n, r] = reduce_exp(raw_max(S(-86.0f), -p));
  const S e = (fma(r * r, expm1_tail(r), r) + S(1.0f)) * pow2_integer(n - S(1.0f));
  const S tail = select(a >= S(12.0f), zero, e);
  return select(x < zero, tail, S(1.0f) - tail);
}
// p in a - 1, where it matters most, up to 6; minimax for the error times erfc (Lawson's algorithm).
RL_INLINE Simd<double> erf(Simd<double> x) {
  using S = Simd<double>;
  const S a = raw_min(S(6.0), abs(x));
  const S p =
      poly_split(a - S(1.0), 1.8496055099332484, 2.6389675142347251, 8.4310725636217477e-1,
                 4.1561097966943691e-2, -1.0033824552921381e-2, 1.977897233728502e-3, -2.3730016886192535e-4,
                 -2.6341366790013799e-5, 2.7286558681810104e-5, -9.7937560299611565e-6, 2.2564336432892711e-6,
                 -2.974580835633816e-7, -7.7679350603212107e-9, 1.3814234704789739e-8, -3.1949022262165649e-9,
                 3.6215428029939076e-10, -1.7377559540242522e-11);
  const auto [n, r] = reduce_exp(-p);
  const S e = (fma(r * r, expm1_tail(r), r) + S(1.0)) * pow2_integer(n);
  return copysign(select(a < S(1.0), a * erf_ratio(a * a), S(1.0) - e), x);
}

// exp(x^2) erfc(x); of negative x, 2 exp(x^2) less that of -x.
template <bool kLong>
RL_INLINE Simd<double> erfcx_in_double(Simd<double> x) {
  using S = Simd<double>;
  const S a = abs(x), y = erfcx_positive<kLong>(a);
  const auto negative = x < S(0.0);
  if (!any_true(negative)) return y;
  return select(negative, S(2.0) * exp_square<2, kLong>(raw_min(S(kSquareLimit<2, kLong>), a)) - y, y);
}
RL_INLINE Simd<double> erfcx(Simd<double> x) { return erfcx_in_double<true>(x); }
RL_INLINE Simd<float> erfcx(Simd<float> x) {
  return via_double(x, [](Simd<double> v) HWY_ATTR { return erfcx_in_double<false>(v); });
}

// log(erfc(-x / sqrt 2) / 2). With e = erfcx(|x| / sqrt 2) / 2 it is log(e) - x^2 / 2 below zero and
// log1p(-e exp(-x^2 / 2)) above: one logarithm serves both.
template <bool kLong>
RL_INLINE Simd<double> log_ndtr_in_double(Simd<double> x) {
  using S = Simd<double>;
  const S a = abs(x), half(0.5);
  const S e = half * erfcx_positive<kLong>(a * S(0.70710678118654752440));
  const auto negative = x < S(0.0);
  // The limit counts only where x^2 / 2 has long swallowed the logarithm.
  const S below = raw_max(S(-1 + 0x1p-30), e - S(1.0));
  const S y =
      log1p(select(negative, below, -e * exp_square<-1, kLong>(raw_min(S(kSquareLimit<-1, kLong>), a))));
  return select(negative, y - half * x * x, y);
}
RL_INLINE Simd<double> log_ndtr(Simd<double> x) { return log_ndtr_in_double<true>(x); }
RL_INLINE Simd<float> log_ndtr(Simd<float> x) {
  return via_double(x, [](Simd<double> v) HWY_ATTR { return log_ndtr_in_double<false>(v); });
}

// erfinv(x) / x in w = -log(1 - x^2), and in its square root s where w > 5 (the split of Giles,
// "Approximating the erfinv function", 2010). The short form carries 28 bits up to w = 16, the long one 52
// bits up to 36: the floats and doubles next to 1. Near 0 the short one takes h = log2(1 - x^2) + 2.5 / ln 2.
RL_INLINE Simd<double> erfinv_near_short(Simd<double> h) {
  return poly_split(h, 1.5014093604503287, -1.7095801403923951e-1, -2.007040997211774e-3,
                    4.1718877065762695e-4, 5.0402702098212252e-5, 7.956005646934871e-7,
                    -3.8417473693596075e-7, -3.5987025499607982e-8, 1.2434533421592095e-9,
                    3.2989388414160206e-10);
}
RL_INLINE Simd<double> erfinv_tail_short(Simd<double> s) {
  return poly(s - Simd<double>(3.0), 2.8329767944738632, 1.0016750658410518, 9.4457438205598015e-3,
              -7.6391390344015252e-3, 5.6826785220781224e-3, -3.5878157701021543e-3, 1.4972225088201108e-3,
              -7.6047901708027346e-5, -3.199266729325994e-4, 1.2924175469266932e-4);
}
RL_INLINE Simd<double> erfinv_ratio_long(Simd<double> w) {
  using S = Simd<double>;
  const S near = poly_split(
      w - S(2.5), 1.5014093511107919, 2.4664027674416699e-1, -4.1773177243828868e-3, -1.2527079078109065e-3,
      2.1825026433935944e-4, -4.9960795992797911e-6, -3.4166195848623937e-6, 4.7872521919875401e-7,
      1.3416788811913558e-8, -1.0861169521763927e-8, 9.0731478387391749e-10, 1.1960729171935375e-10,
      -3.1107959744847308e-11, 9.1146697833636684e-13, 5.3717803411669007e-13, -7.6106265301918069e-14,
      -3.1770775841749872e-15, 1.8941456297431501e-15, -1.0138086192836234e-16, -2.6645648809770094e-17,
      2.5382038688454633e-18, 1.6453379943087201e-19);
  const auto far = w > S(5.0);
  if (HWY_LIKELY(!any_true(far))) return near;
  const S s = sqrt(raw_min(S(36.1), w));
  const S middle =
      poly_split(s - S(3.125), 2.958320150240462, 1.0037186917979177, 7.0478844178166996e-3,
                 -5.3010106078149517e-3, 3.7944200145727925e-3, -2.5198827099275866e-3, 1.2606698970454184e-3,
                 -3.2866194660985127e-4, -8.9553419688730427e-5, 1.3610334477695045e-4,
                 -5.8851772889759265e-5, 2.1907234331677746e-6, 1.1398753816425314e-5, -6.2882152830882525e-6,
                 9.0463357125253399e-7, 7.7638713836648283e-7, -5.5808430694060259e-7, 1.0688369674683133e-7,
                 5.3997092349099113e-8, -3.0231855930976156e-8, 2.7824143737533582e-9);
  const S tail =
      poly_split(s - S(5.0), 4.8499064014085844, 1.0103004648645341, -1.3871931838197519e-4,
                 -2.1503011928784598e-4, 7.5995278002974949e-5, -1.9681778266924494e-5, 4.5260547181843416e-6,
                 -9.9298184261867069e-7, 2.2903613945376437e-7, -6.7714449097127703e-8, 2.9080387752327172e-8,
                 -1.4956453335334019e-8, 7.6964230073465526e-9, -3.7920859532853499e-9, 1.4574583226269282e-9,
                 -2.5480300189796529e-10, -1.4432044831115907e-11);
  return select(far, select(s < S(4.0), middle, tail), near);
}
// The values of erfinv outside (-1, 1).
template <class T>
RL_INLINE Simd<T> erfinv_edges(Simd<T> x, Simd<T> y) {
  using S = Simd<T>;
  const S a = abs(x), one(T(1));
  return select(a < one, y, select(a == one, copysign(S(kInfinity<T>), x), S(kNan<T>)));
}
RL_INLINE Simd<float> erfinv(Simd<float> x) {
  using D = Simd<double>;
  const auto centred = [](D v) HWY_ATTR { return log2_short(fma(-v, v, D(1.0))) + D(3.6067376022224085); };
  if (HWY_LIKELY(all_true(abs(x) < Simd<float>(0.9966f))))  // there w < 5
    return via_double(x, [=](D v) HWY_ATTR { return v * erfinv_near_short(centred(v)); });
  return erfinv_edges(x, via_double(x, [=](D v) HWY_ATTR {
                        const D h = centred(v), w = fma(h, D(-0.69314718055994530942), D(2.5));
                        const D tail = erfinv_tail_short(sqrt(raw_min(D(16.0), w)));
                        return v * select(w > D(5.0), tail, erfinv_near_short(h));
                      }));
}
RL_INLINE Simd<double> erfinv(Simd<double> x) {
  using S = Simd<double>;
  const S w = -log((S(1.0) - x) * (S(1.0) + x));
  return erfinv_edges(x, x * erfinv_ratio_long(w));
}

// The inverse of ndtr: sqrt(2) erfinv(2 p - 1), whose w is -log(4 p (1 - p)) without the digits that
// 2 p - 1 loses. Where p is so small that erfinv's argument has no such double, Halley's method.
RL_INLINE Simd<double> ndtri(Simd<double> p) {
  using S = Simd<double>;
  const S one(1.0), zero(0.0), infinity(kInfinity<double>);
  const S x = fma(S(2.0), p, -one);
  const S w = -log(S(4.0) * p * (one - p));
  const S y = S(1.41421356237309504880) * x * erfinv_ratio_long(w);
  const auto inside = (p > zero) & (p < one);
  const S r = select(inside, y, select(p == zero, -infinity, select(p == one, infinity, S(kNan<double>))));
  const auto tiny = inside & (w > S(36.0)) & (x < zero);
  if (HWY_UNLIKELY(any_true(tiny)))
    return map_lanes_where(tiny, p, r, [](double v) { return special::ndtri(v); });
  return r;
}
RL_INLINE Simd<float> ndtri(Simd<float> x) {
  return via_double(x, [](Simd<double> v) HWY_ATTR { return ndtri(v); });
}

RL_MATH_END

#endif
