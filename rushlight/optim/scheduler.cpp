#include "rushlight/optim/scheduler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace rushlight::optim {

using std::numbers::pi;

Scheduler::Scheduler(Optimizer& optimizer) : optimizer_(optimizer) {
  for (int64_t g = 0; g < optimizer.num_groups(); ++g) base_.push_back(optimizer.lr(g));
}

void Scheduler::start(double factor) {
  for (int64_t g = 0; g < optimizer_.num_groups(); ++g) optimizer_.set_lr(g, optimizer_.lr(g) * factor);
}

void Scheduler::step() {
  ++epoch_;
  for (int64_t g = 0; g < static_cast<int64_t>(base_.size()); ++g) {
    optimizer_.set_lr(g, next(optimizer_.lr(g), base_[static_cast<size_t>(g)], epoch_));
  }
}

std::vector<double> Scheduler::last_lr() const {
  std::vector<double> rates;
  for (int64_t g = 0; g < optimizer_.num_groups(); ++g) rates.push_back(optimizer_.lr(g));
  return rates;
}

StepLR::StepLR(Optimizer& optimizer, int64_t step_size, double gamma)
    : Scheduler(optimizer), step_size_(step_size), gamma_(gamma) {
  RL_CHECK_AS(ValueError, step_size > 0, "step_size must be positive, but got ", step_size);
}
double StepLR::next(double lr, double, int64_t epoch) const { return epoch % step_size_ ? lr : lr * gamma_; }

MultiStepLR::MultiStepLR(Optimizer& optimizer, std::vector<int64_t> milestones, double gamma)
    : Scheduler(optimizer), milestones_(std::move(milestones)), gamma_(gamma) {}
double MultiStepLR::next(double lr, double, int64_t epoch) const {
  const auto times = std::count(milestones_.begin(), milestones_.end(), epoch);
  return times ? lr * std::pow(gamma_, times) : lr;
}

LinearLR::LinearLR(Optimizer& optimizer, double start_factor, double end_factor, int64_t total_iters)
    : Scheduler(optimizer), start_(start_factor), end_(end_factor), total_(total_iters) {
  RL_CHECK_AS(ValueError, start_factor > 0 && start_factor <= 1,
              "Starting multiplicative factor expected to be greater than 0 and less or equal to 1.");
  RL_CHECK_AS(ValueError, end_factor >= 0 && end_factor <= 1,
              "Ending multiplicative factor expected to be between 0 and 1.");
  start(start_factor);
}
double LinearLR::next(double lr, double, int64_t epoch) const {
  if (epoch > total_) return lr;
  const double rise = end_ - start_;
  return lr * (1 + rise / (static_cast<double>(total_) * start_ + static_cast<double>(epoch - 1) * rise));
}

CosineAnnealingLR::CosineAnnealingLR(Optimizer& optimizer, int64_t t_max, double eta_min)
    : Scheduler(optimizer), t_max_(t_max), eta_min_(eta_min) {
  RL_CHECK_AS(ValueError, t_max > 0, "t_max must be positive, but got ", t_max);
}
double CosineAnnealingLR::next(double lr, double base, int64_t epoch) const {
  const auto t = static_cast<double>(t_max_), e = static_cast<double>(epoch);
  if ((epoch - 1 - t_max_) % (2 * t_max_) == 0) {  // the lowest point, from which no ratio leads up
    return lr + (base - eta_min_) * (1 - std::cos(pi / t)) / 2;
  }
  return (1 + std::cos(pi * e / t)) / (1 + std::cos(pi * (e - 1) / t)) * (lr - eta_min_) + eta_min_;
}

LambdaLR::LambdaLR(Optimizer& optimizer, std::function<double(int64_t)> factor)
    : Scheduler(optimizer), factor_(std::move(factor)) {
  start(factor_(0));
}

ReduceLROnPlateau::ReduceLROnPlateau(Optimizer& optimizer, PlateauOptions options)
    : optimizer_(optimizer),
      options_(options),
      best_(options.maximize ? -std::numeric_limits<double>::infinity()
                             : std::numeric_limits<double>::infinity()) {
  RL_CHECK_AS(ValueError, options.factor < 1, "Factor should be < 1.0.");
}

bool ReduceLROnPlateau::is_better(double metric) const {
  return options_.maximize ? metric > best_ * (1 + options_.threshold)
                           : metric < best_ * (1 - options_.threshold);
}

void ReduceLROnPlateau::reduce() {
  for (int64_t g = 0; g < optimizer_.num_groups(); ++g) {
    const double old = optimizer_.lr(g), lowered = std::max(old * options_.factor, options_.min_lr);
    if (old - lowered > options_.eps) optimizer_.set_lr(g, lowered);
  }
}

void ReduceLROnPlateau::step(double metric) {
  if (is_better(metric)) {
    best_ = metric;
    bad_epochs_ = 0;
  } else {
    ++bad_epochs_;
  }
  if (cooldown_left_ > 0) {
    --cooldown_left_;
    bad_epochs_ = 0;
  }
  if (bad_epochs_ > options_.patience) {
    reduce();
    cooldown_left_ = options_.cooldown;
    bad_epochs_ = 0;
  }
}

}  // namespace rushlight::optim
