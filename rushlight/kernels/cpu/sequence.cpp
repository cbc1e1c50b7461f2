#include "rushlight/kernels/cpu/sequence.h"

#include <type_traits>

#include "rushlight/core/thread_pool.h"

namespace rushlight::cpu {
namespace {

constexpr int64_t kGrain = 32 * 1024;

template <class T>
inline constexpr bool is_complex_type = std::is_same_v<T, complex64> || std::is_same_v<T, complex128>;

template <class T>
T from_double(double v) {
  if constexpr (std::is_same_v<T, complex64>) return T(static_cast<float>(v));
  else if constexpr (std::is_same_v<T, complex128>) return T(v);
  else if constexpr (std::is_integral_v<T>)
    return v >= -9223372036854775808.0 && v < 9223372036854775808.0 ? static_cast<T>(static_cast<int64_t>(v))
                                                                    : T(0);
  else if constexpr (sizeof(T) == 2) return T(static_cast<float>(v));
  else return static_cast<T>(v);
}

// From the nearer end, so that both ends are exact and the values symmetric.
template <class C, class Write>
void spread(C start, C end, int64_t n, Write&& write) {
  const C step = n > 1 ? (end - start) / C(static_cast<double>(n - 1)) : C(0);
  const int64_t half = n / 2;
  parallel_for(0, n, kGrain, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      write(i, i < half ? start + step * C(static_cast<double>(i))
                        : end - step * C(static_cast<double>(n - 1 - i)));
    }
  });
}

}  // namespace

void arange_integers(DType dtype, int64_t start, int64_t step, int64_t n, void* out) {
  visit_dtype(dtype, [&]<class T>() {
    T* to = static_cast<T*>(out);
    parallel_for(0, n, kGrain, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        const uint64_t v =
            static_cast<uint64_t>(start) + static_cast<uint64_t>(i) * static_cast<uint64_t>(step);
        if constexpr (std::is_integral_v<T>) to[i] = static_cast<T>(v);
        else to[i] = from_double<T>(static_cast<double>(static_cast<int64_t>(v)));
      }
    });
  });
}

void arange_floats(DType dtype, double start, double step, int64_t n, void* out) {
  visit_dtype(dtype, [&]<class T>() {
    T* to = static_cast<T*>(out);
    parallel_for(0, n, kGrain, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) to[i] = from_double<T>(start + static_cast<double>(i) * step);
    });
  });
}

void linspace(DType dtype, complex128 start, complex128 end, int64_t n, void* out) {
  visit_dtype(dtype, [&]<class T>() {
    T* to = static_cast<T*>(out);
    if (n == 1) {
      if constexpr (is_complex_type<T>) *to = T(start);
      else *to = from_double<T>(start.real());
    } else if constexpr (std::is_same_v<T, complex128>) {
      spread<complex128>(start, end, n, [&](int64_t i, complex128 v) { to[i] = v; });
    } else if constexpr (std::is_same_v<T, complex64>) {
      spread<complex64>(complex64(start), complex64(end), n, [&](int64_t i, complex64 v) { to[i] = v; });
    } else if constexpr (std::is_same_v<T, double>) {
      spread<double>(start.real(), end.real(), n, [&](int64_t i, double v) { to[i] = v; });
    } else if constexpr (std::is_integral_v<T>) {  // between ends of its own kind
      spread<double>(static_cast<double>(from_double<T>(start.real())),
                     static_cast<double>(from_double<T>(end.real())), n,
                     [&](int64_t i, double v) { to[i] = from_double<T>(v); });
    } else {
      spread<float>(static_cast<float>(start.real()), static_cast<float>(end.real()), n,
                    [&](int64_t i, float v) { to[i] = from_double<T>(v); });
    }
  });
}

}  // namespace rushlight::cpu
