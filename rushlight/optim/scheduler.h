// Learning rate schedules for C++ programs: call step() once an epoch (or iteration), after optimizer.step().
//
//   optim::SGD optimizer(nn::make<nn::Linear>(2, 1)->parameters(), {.lr = 1});
//   optim::StepLR schedule(optimizer, 2, 0.5);
//   for (int epoch = 0; epoch < 4; ++epoch) {
//     optimizer.step();
//     schedule.step();
//   }
//   assert(schedule.last_lr()[0] == 0.25);
#pragma once

#include <functional>
#include <limits>
#include <vector>

#include "rushlight/optim/optimizer.h"

namespace rushlight::optim {

// Computes the next rate of each group from the current and the initial one, as PyTorch's schedulers do, so
// that several may act on one optimizer. The optimizer must outlive it.
class Scheduler {
 public:
  virtual ~Scheduler() = default;
  void step();
  int64_t last_epoch() const { return epoch_; }
  std::vector<double> last_lr() const;

 protected:
  explicit Scheduler(Optimizer& optimizer);
  // The rate of epoch `epoch` >= 1 after `lr`; `base` is that of the beginning.
  virtual double next(double lr, double base, int64_t epoch) const = 0;
  // Rates at the beginning, where they differ from the optimizer's: called by constructors.
  void start(double factor);

 private:
  Optimizer& optimizer_;
  std::vector<double> base_;
  int64_t epoch_ = 0;
};

// Times gamma every `step_size` epochs.
class StepLR final : public Scheduler {
 public:
  StepLR(Optimizer& optimizer, int64_t step_size, double gamma = 0.1);

 private:
  double next(double lr, double base, int64_t epoch) const override;
  int64_t step_size_;
  double gamma_;
};

// Times gamma at each milestone.
class MultiStepLR final : public Scheduler {
 public:
  MultiStepLR(Optimizer& optimizer, std::vector<int64_t> milestones, double gamma = 0.1);

 private:
  double next(double lr, double base, int64_t epoch) const override;
  std::vector<int64_t> milestones_;
  double gamma_;
};

// Times gamma every epoch.
class ExponentialLR final : public Scheduler {
 public:
  ExponentialLR(Optimizer& optimizer, double gamma) : Scheduler(optimizer), gamma_(gamma) {}

 private:
  double next(double lr, double, int64_t) const override { return lr * gamma_; }
  double gamma_;
};

// From one factor to another in a straight line.
class LinearLR final : public Scheduler {
 public:
  LinearLR(Optimizer& optimizer, double start_factor = 1.0 / 3, double end_factor = 1,
           int64_t total_iters = 5);

 private:
  double next(double lr, double base, int64_t epoch) const override;
  double start_, end_;
  int64_t total_;
};

// Half a cosine down to `eta_min` (Loshchilov and Hutter, 2017).
class CosineAnnealingLR final : public Scheduler {
 public:
  CosineAnnealingLR(Optimizer& optimizer, int64_t t_max, double eta_min = 0);

 private:
  double next(double lr, double base, int64_t epoch) const override;
  int64_t t_max_;
  double eta_min_;
};

// The initial rate times a function of the epoch.
class LambdaLR final : public Scheduler {
 public:
  LambdaLR(Optimizer& optimizer, std::function<double(int64_t)> factor);

 private:
  double next(double, double base, int64_t epoch) const override { return base * factor_(epoch); }
  std::function<double(int64_t)> factor_;
};

struct PlateauOptions {
  bool maximize = false;  // the metric is better when it is larger
  double factor = 0.1;
  int64_t patience = 10, cooldown = 0;
  double threshold = 1e-4;  // relative
  double min_lr = 0, eps = 1e-8;
};

// Times a factor when a metric has not become better for `patience` epochs.
class ReduceLROnPlateau {
 public:
  ReduceLROnPlateau(Optimizer& optimizer, PlateauOptions options = {});
  void step(double metric);

 private:
  bool is_better(double metric) const;
  void reduce();

  Optimizer& optimizer_;
  PlateauOptions options_;
  double best_;
  int64_t bad_epochs_ = 0, cooldown_left_ = 0;
};

}  // namespace rushlight::optim
