// The whole library for C++ programs:
//
//   rushlight::           tensors, their operations, manual_seed, NoGrad, save and load
//   rushlight::nn         modules; nn::functional and nn::init
//   rushlight::optim      optimizers and learning rate schedules
//   rushlight::data       datasets and loaders
//   rushlight::autograd   gradients without backward(), hooks, functions of one's own
//
// Operations are declared once for C++ and Python: rushlight/declarations/*.def documents them. Every error
// is a subclass of rushlight::Error with PyTorch's words.
#pragma once

#include "rushlight/autograd/engine.h"
#include "rushlight/autograd/gradcheck.h"
#include "rushlight/autograd/hooks.h"
#include "rushlight/autograd/record.h"
#include "rushlight/autograd/variable.h"
#include "rushlight/core/generator.h"
#include "rushlight/core/tensor.h"
#include "rushlight/core/thread_pool.h"
#include "rushlight/data/dataset.h"
#include "rushlight/io/safetensors.h"
#include "rushlight/io/save.h"
#include "rushlight/nn/activation.h"
#include "rushlight/nn/attention.h"
#include "rushlight/nn/container.h"
#include "rushlight/nn/conv.h"
#include "rushlight/nn/distance.h"
#include "rushlight/nn/dropout.h"
#include "rushlight/nn/embedding.h"
#include "rushlight/nn/init.h"
#include "rushlight/nn/linear.h"
#include "rushlight/nn/loss.h"
#include "rushlight/nn/module.h"
#include "rushlight/nn/norm.h"
#include "rushlight/nn/pooling.h"
#include "rushlight/nn/rnn.h"
#include "rushlight/nn/vision.h"
#include "rushlight/ops/indexing.h"
#include "rushlight/ops/ops.h"
#include "rushlight/ops/print.h"
#include "rushlight/ops/random.h"
#include "rushlight/ops/values.h"
#include "rushlight/optim/optimizer.h"
#include "rushlight/optim/scheduler.h"

namespace rushlight {

using autograd::GradMode;
using autograd::NoGrad;

}  // namespace rushlight
