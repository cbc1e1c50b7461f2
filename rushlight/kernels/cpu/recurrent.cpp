#include "rushlight/kernels/cpu/recurrent.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "rushlight/core/ceil_div.h"
#include "rushlight/core/thread_pool.h"
#include "rushlight/kernels/cpu/gemm_packed.h"
#include "rushlight/kernels/cpu/recurrent_kernels.h"

namespace rushlight::cpu {
namespace {

constexpr int64_t kGrain = 4 * 1024;  // elements of a gate; each costs several exponentials
// Sequences that a thread takes through all steps, so that threads need not meet at every step: few enough to
// share, and so many that the weight, read from the caches for each group, is used for several rows.
int64_t group_size(int64_t batch) { return std::clamp<int64_t>(ceil_div(batch, kGemmTasks), 4, 16); }

// The product of states, or of gradients, with the weight at every step. Where several steps share the packed
// weight, sequences are dealt out to the threads; otherwise each product is divided.
template <class T>
class StepProduct {
 public:
  StepProduct(const Sequences& s, int64_t n, int64_t k, Matrix<const T> weight)
      : n_(n), k_(k), weight_(weight), group_(s.counts.front()) {
    if (s.counts.size() == 1 || s.counts.front() == 1) return;
    shared_.emplace(Slot::RecurrentWeights, k, n, weight);
    group_ = group_size(s.counts.front());
  }
  int64_t group() const { return group_; }  // sequences at a time

  // out (m x n) = a (m x k, dense) @ weight (k x n) + beta * out + bias
  void multiply(int64_t m, const T* a, T* out, T beta, const T* bias = nullptr) const {
    const Matrix<const T> left{a, k_, 1};
    if (shared_) return shared_->multiply(m, n_, left, {out, n_, 1, T(1), beta, nullptr, bias});
    Epilogue<T> epilogue;
    epilogue.beta = beta;
    epilogue.bias = bias;
    gemm<T>(m, n_, k_, left, weight_, {out, n_, 1}, epilogue);
  }

 private:
  const int64_t n_, k_;
  const Matrix<const T> weight_;
  std::optional<SharedRight<T>> shared_;
  int64_t group_;
};

// Calls f(row, count) for the steps of the sequences [begin, end) in order: how many of them have the step,
// and the row of the first.
template <class F>
void each_step(const Sequences& s, bool descending, int64_t begin, int64_t end, F&& f) {
  const int64_t steps = static_cast<int64_t>(s.counts.size());
  int64_t row = descending ? std::accumulate(s.counts.begin(), s.counts.end(), int64_t{0}) : 0;
  for (int64_t k = 0; k < steps; ++k) {
    const int64_t count = s.counts[static_cast<size_t>(descending ? steps - 1 - k : k)];
    if (descending) row -= count;
    if (count > begin) f(row + begin, std::min(count, end) - begin);
    if (!descending) row += count;
  }
}

template <class F>
void each_row(const Sequences& s, int64_t count, F&& f) {
  parallel_for(0, count, std::max<int64_t>(1, kGrain / s.hidden), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) f(r);
  });
}

}  // namespace

template <class T>
void recurrent_forward(const Sequences& s, const RecurrentForward<T>& x) {
  const int64_t hidden = s.hidden, width = gates_of(s.cell) * hidden;
  const bool is_gru = s.cell == Cell::Gru, is_lstm = s.cell == Cell::Lstm;
  const CellKernel<T>& cell = cell_kernel<T>(s.cell);
  const StepProduct<T> product(s, width, hidden, x.weight.transposed());
  parallel_for(0, s.counts.front(), product.group(), [&](int64_t begin, int64_t end) {
    T* sums = is_gru ? ThreadScratch::get<T>(Slot::RecurrentSums, (end - begin) * width) : nullptr;
    T* states = x.h + begin * hidden;
    each_step(s, s.reverse, begin, end, [&](int64_t first, int64_t count) {
      T* gates = x.gates + first * width;
      product.multiply(count, states, is_gru ? sums : gates, T(is_gru ? 0 : 1), x.bias);
      if (x.before) std::copy_n(states, count * hidden, x.before + first * hidden);
      if (x.extra && is_lstm) std::copy_n(x.c + begin * hidden, count * hidden, x.extra + first * hidden);
      each_row(s, count, [&](int64_t r) {
        const T* from_state = is_gru ? sums + r * width : nullptr;
        if (x.extra && is_gru) std::copy_n(from_state + 2 * hidden, hidden, x.extra + (first + r) * hidden);
        cell.step(hidden, {gates + r * width, from_state, states + r * hidden,
                           is_lstm ? x.c + (begin + r) * hidden : nullptr});
      });
      std::copy_n(states, count * hidden, x.out + first * hidden);
    });
  });
}

template <class T>
void recurrent_backward(const Sequences& s, const RecurrentBackward<T>& x) {
  const int64_t hidden = s.hidden, width = gates_of(s.cell) * hidden;
  const bool is_gru = s.cell == Cell::Gru;
  const auto at = [](auto* p, int64_t place) { return p ? p + place : p; };
  const CellKernel<T>& cell = cell_kernel<T>(s.cell);
  const StepProduct<T> product(s, hidden, width, x.weight);
  parallel_for(0, s.counts.front(), product.group(), [&](int64_t begin, int64_t end) {
    each_step(s, !s.reverse, begin, end, [&](int64_t first, int64_t count) {
      each_row(s, count, [&](int64_t r) {
        const int64_t state = (begin + r) * hidden, row = (first + r) * hidden, gates = (first + r) * width;
        cell.gradient(hidden, {x.gates + gates, at(x.extra, row), x.before + row, x.grad + row, x.dh + state,
                               at(x.dc, state), x.to_input + gates, at(x.to_state, gates)});
      });
      product.multiply(count, (is_gru ? x.to_state : x.to_input) + first * width, x.dh + begin * hidden,
                       T(is_gru ? 1 : 0));
    });
  });
}

#define RL_RECURRENT(T)                                                             \
  template void recurrent_forward<T>(const Sequences&, const RecurrentForward<T>&); \
  template void recurrent_backward<T>(const Sequences&, const RecurrentBackward<T>&);
RL_RECURRENT(float)
RL_RECURRENT(double)
#undef RL_RECURRENT

}  // namespace rushlight::cpu
