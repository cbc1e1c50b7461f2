// Connectionist temporal classification (Graves et al., "Connectionist Temporal Classification", 2006).
#pragma once

#include <cstdint>

namespace rushlight::cpu {

struct CtcBatch {
  int64_t steps, batch, classes;  // log_probs is (steps, batch, classes), contiguous
  const int64_t* targets;         // in [0, classes)
  const int64_t* target_begin;    // of each sample, its first place in targets
  const int64_t* input_lengths;   // in [0, steps]
  const int64_t* target_lengths;
  int64_t blank;
};

// loss[b]: minus the log-probability of the target of sample b, infinite when it does not fit the input.
// grad, unless null, has the shape of log_probs: the slope of each loss, with the term exp(log_probs) that
// belongs to a log_softmax before it; zero behind the input's length, and with `zero_infinity` for infinite
// losses.
template <class T>
void ctc_loss(const CtcBatch& batch, const T* log_probs, bool zero_infinity, T* loss, T* grad);

}  // namespace rushlight::cpu
