// ctc_loss.
#include "rushlight/kernels/cpu/ctc.h"
#include "rushlight/ops/fused.h"
#include "rushlight/ops/loss.h"

namespace rushlight {
namespace {

using autograd::Node;
using autograd::Record;
using autograd::tracks;

constexpr const char* kWhile = " (while checking arguments for ctc_loss_allocate_outputs)";

std::vector<int64_t> read_lengths(const char* name, const Tensor& lengths) {
  RL_CHECK(is_integral(lengths.dtype(), false), name, " must be integral");
  const Tensor dense = lengths.to(DType::Int64).contiguous();
  return {dense.data<int64_t>(), dense.data<int64_t>() + dense.numel()};
}

struct Problem {
  Tensor targets;  // flat, int64
  std::vector<int64_t> begin, input_lengths, target_lengths;
};

void check_lengths(const char* name, const std::vector<int64_t>& lengths, int64_t batch, int64_t most) {
  RL_CHECK(static_cast<int64_t>(lengths.size()) == batch, name, " must be of size batch_size");
  for (int64_t n : lengths) {
    RL_CHECK(n >= 0, "Expected ", name, " to have value at least 0, but got value ", n, kWhile);
    RL_CHECK(n <= most, "Expected ", name, " to have value at most ", most, ", but got value ", n, kWhile);
  }
}

// Targets stand in the rows of a matrix, or one behind the other.
void place_targets(const Tensor& targets, Problem& p) {
  int64_t total = 0, longest = 0;
  for (int64_t n : p.target_lengths) {
    p.begin.push_back(targets.dim() == 1 ? total : static_cast<int64_t>(p.begin.size()) * targets.sizes()[1]);
    total += n;
    longest = std::max(longest, n);
  }
  if (targets.dim() == 1) {
    RL_CHECK(targets.numel() == total, "Expected tensor to have size ", total,
             " at dimension 0, but got size ", targets.numel(), " for argument #2 'targets'", kWhile);
    return;
  }
  const int64_t batch = static_cast<int64_t>(p.target_lengths.size());
  RL_CHECK(targets.dim() == 2, "targets must be 1-d or 2-d");
  RL_CHECK(targets.sizes()[0] == batch, "Expected tensor to have size ", batch,
           " at dimension 0, but got size ", targets.sizes()[0], " for argument #2 'targets'", kWhile);
  RL_CHECK(targets.sizes()[1] >= longest, "Expected tensor to have size at least ", longest,
           " at dimension 1, but got size ", targets.sizes()[1], " for argument #2 'targets'", kWhile);
}

Problem read_problem(const Tensor& x, const Tensor& targets, std::vector<int64_t> input_lengths,
                     std::vector<int64_t> target_lengths, int64_t blank) {
  RL_CHECK_AS(NotImplementedError, x.dtype() == DType::Float32 || x.dtype() == DType::Float64,
              "\"ctc_loss_cpu\" not implemented for '", info(x.dtype()).message_name, "'");
  RL_CHECK(blank >= 0 && blank < x.sizes()[2], "blank must be in label range");
  Problem p{targets.detach().to(DType::Int64).contiguous(),
            {},
            std::move(input_lengths),
            std::move(target_lengths)};
  check_lengths("input_lengths", p.input_lengths, x.sizes()[1], x.sizes()[0]);
  check_lengths("target_lengths", p.target_lengths, x.sizes()[1], INT64_MAX / 4);
  place_targets(p.targets, p);
  for (size_t b = 0; b < p.begin.size(); ++b) {
    for (int64_t i = 0; i < p.target_lengths[b]; ++i) {
      const int64_t label = p.targets.data<int64_t>()[p.begin[b] + i];
      RL_CHECK(label >= 0 && label < x.sizes()[2], "a target of ctc_loss is ", label, ", but there are ",
               x.sizes()[2], " classes");
    }
  }
  return p;
}

// The loss of each sample; log_probs is (T, N, C).
Tensor losses(const Tensor& x, const Problem& p, int64_t blank, bool zero_infinity) {
  const Tensor dense = x.detach().contiguous();
  Tensor loss = make_tensor(x.sizes()[1], x.dtype()), slope = tracks(x) ? empty_like(dense) : Tensor();
  const cpu::CtcBatch batch{x.sizes()[0],
                            x.sizes()[1],
                            x.sizes()[2],
                            p.targets.data<int64_t>(),
                            p.begin.data(),
                            p.input_lengths.data(),
                            p.target_lengths.data(),
                            blank};
  auto run = [&]<class T>() {
    cpu::ctc_loss<T>(batch, dense.data<T>(), zero_infinity, loss.data<T>(),
                     slope.defined() ? slope.data<T>() : nullptr);
  };
  x.dtype() == DType::Float32 ? run.operator()<float>() : run.operator()<double>();
  if (!slope.defined()) return loss;
  return Record("CtcLossBackward0", {x}).save(slope).rule(loss, [](Node& n, const Tensor& g) -> Tensor {
    return not_differentiable("_ctc_loss_backward", n.saved(0) * g.detach().unsqueeze(1), g);
  });
}

Tensor ctc_loss_of(const Tensor& log_probs, const Tensor& targets, std::vector<int64_t> input_lengths,
                   std::vector<int64_t> target_lengths, int64_t blank, String reduction, bool zero_infinity) {
  const Reduction r = parse_reduction({}, {}, reduction);
  RL_CHECK(log_probs.dim() == 2 || log_probs.dim() == 3,
           "ctc_loss takes log_probs of 2 or 3 dimensions, but got ", log_probs.dim());
  const bool single = log_probs.dim() == 2;
  const Tensor x = single ? log_probs.unsqueeze(1) : log_probs;
  const Problem p = read_problem(x, targets, std::move(input_lengths), std::move(target_lengths), blank);
  const Tensor loss = losses(x, p, blank, zero_infinity);
  if (r == Reduction::Mean) {
    Tensor lengths = make_tensor(loss.sizes(), DType::Int64);
    std::copy(p.target_lengths.begin(), p.target_lengths.end(), lengths.data<int64_t>());
    return (loss / lengths.clamp_min(1).to(loss.dtype())).mean();
  }
  if (r == Reduction::Sum) return loss.sum();
  return single ? loss.squeeze(0) : loss;
}

}  // namespace

namespace nn::functional {

Tensor ctc_loss(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths,
                const Tensor& target_lengths, int64_t blank, String reduction, bool zero_infinity) {
  return ctc_loss_of(log_probs, targets, read_lengths("input_lengths", input_lengths),
                     read_lengths("target_lengths", target_lengths), blank, reduction, zero_infinity);
}
Tensor ctc_loss(const Tensor& log_probs, const Tensor& targets, DimsRef input_lengths, DimsRef target_lengths,
                int64_t blank, String reduction, bool zero_infinity) {
  return ctc_loss_of(log_probs, targets, {input_lengths.begin(), input_lengths.end()},
                     {target_lengths.begin(), target_lengths.end()}, blank, reduction, zero_infinity);
}

}  // namespace nn::functional
}  // namespace rushlight
