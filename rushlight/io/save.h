// Checkpoints of named tensors for C++ programs; torch.load reads them, and what
// torch.save(model.state_dict()) wrote comes back.
//
//   auto model = nn::make<nn::Linear>(2, 1), again = nn::make<nn::Linear>(2, 1);
//   save(model->state_dict(), "model.pt");
//   again->load_state_dict(load("model.pt"));
//   assert(equal(again(ones({3, 2})), model(ones({3, 2}))));
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "rushlight/core/tensor.h"

namespace rushlight {

using StateDict = std::vector<std::pair<std::string, Tensor>>;

// Tensors that share memory share it in the file. OSError when the file cannot be written.
void save(const StateDict& state, const std::string& path);

// The tensors of a dict with string keys; TypeError when the file holds something else. OSError,
// UnpicklingError and RuntimeError as io::read_checkpoint.
StateDict load(const std::string& path);

}  // namespace rushlight
