#include "rushlight/kernels/cpu/ctc.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "rushlight/core/thread_pool.h"

namespace rushlight::cpu {
namespace {

template <class T>
constexpr T kNever = -std::numeric_limits<T>::infinity();

template <class T>
T log_add(T a, T b) {
  const T high = std::max(a, b);
  return high == kNever<T> ? high : high + std::log1p(std::exp(std::min(a, b) - high));
}

// One sample. The states are the target with blanks around each label; a path steps from a state to itself,
// to the next one, and over a blank between different labels.
template <class T>
class Sample {
 public:
  Sample(const CtcBatch& all, const T* log_probs, int64_t b)
      : all_(all),
        target_(all.targets + all.target_begin[b]),
        states_(2 * all.target_lengths[b] + 1),
        steps_(all.input_lengths[b]),
        stride_(all.batch * all.classes),
        probs_(log_probs + b * all.classes) {}

  T loss() {
    forward_.assign(std::max<int64_t>(steps_, 1) * states_, kNever<T>);
    if (steps_ == 0) return states_ == 1 ? T(0) : -kNever<T>;
    forward_[0] = at(0, 0);
    if (states_ > 1) forward_[1] = at(0, 1);
    for (int64_t t = 1; t < steps_; ++t) {
      const T* before = forward_.data() + (t - 1) * states_;
      for (int64_t s = 0; s < states_; ++s) {
        T sum = before[s];
        if (s > 0) sum = log_add(sum, before[s - 1]);
        if (may_skip(s)) sum = log_add(sum, before[s - 2]);
        forward_[t * states_ + s] = sum + at(t, s);
      }
    }
    const T* last = forward_.data() + (steps_ - 1) * states_;
    return -(states_ > 1 ? log_add(last[states_ - 1], last[states_ - 2]) : last[0]);
  }

  // After loss(). `grad` is laid out like log_probs and zero.
  void slope(T loss, T* grad) const {
    std::vector<T> after(states_), now(states_), sums(all_.classes);
    for (int64_t t = steps_ - 1; t >= 0; --t) {
      for (int64_t s = 0; s < states_; ++s) now[s] = backward(after, t, s) + at(t, s);
      std::fill(sums.begin(), sums.end(), kNever<T>);
      for (int64_t s = 0; s < states_; ++s) {
        T& sum = sums[label(s)];
        sum = log_add(sum, forward_[t * states_ + s] + now[s]);
      }
      for (int64_t c = 0; c < all_.classes; ++c) {
        const T p = probs_[t * stride_ + c];
        grad[t * stride_ + c] = std::exp(p) - std::exp(sums[c] + loss - p);
      }
      std::swap(after, now);
    }
  }

 private:
  int64_t label(int64_t s) const { return s % 2 ? target_[s / 2] : all_.blank; }
  bool may_skip(int64_t s) const { return s >= 2 && s % 2 && target_[s / 2] != target_[s / 2 - 1]; }
  T at(int64_t t, int64_t s) const { return probs_[t * stride_ + label(s)]; }

  // The log-probability of what follows state s at time t.
  T backward(const std::vector<T>& after, int64_t t, int64_t s) const {
    if (t == steps_ - 1) return s >= states_ - 2 ? T(0) : kNever<T>;
    T sum = after[s];
    if (s + 1 < states_) sum = log_add(sum, after[s + 1]);
    if (s + 2 < states_ && may_skip(s + 2)) sum = log_add(sum, after[s + 2]);
    return sum;
  }

  const CtcBatch& all_;
  const int64_t* target_;
  int64_t states_, steps_, stride_;
  const T* probs_;
  std::vector<T> forward_;  // (steps, states): the log-probability of all paths up to here
};

}  // namespace

template <class T>
void ctc_loss(const CtcBatch& all, const T* log_probs, bool zero_infinity, T* loss, T* grad) {
  if (grad) std::fill_n(grad, all.steps * all.batch * all.classes, T(0));
  parallel_for(0, all.batch, 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      Sample<T> sample(all, log_probs, b);
      const T value = sample.loss();
      const bool dropped = zero_infinity && value == -kNever<T>;
      loss[b] = dropped ? T(0) : value;
      if (grad && !dropped) sample.slope(value, grad + b * all.classes);
    }
  });
}

template void ctc_loss(const CtcBatch&, const float*, bool, float*, float*);
template void ctc_loss(const CtcBatch&, const double*, bool, double*, double*);

}  // namespace rushlight::cpu
