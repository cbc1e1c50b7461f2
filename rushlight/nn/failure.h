// Where in a tree of modules a call failed: "in Sequential.0 (Linear(in_features=3, ...)), input of shape [4,
// 2]", a hint on the error, which Python shows as a note.
#pragma once

#include <string>

#include "rushlight/core/tensor.h"

namespace rushlight {
class Error;
}

namespace rushlight::nn {

class Module;

// To be called by each module that an error leaves, from the inside out: the first describes itself and its
// inputs, those around it put the path to it before. Never throws.
void explain_failure(Error& error, Module& module, TensorList inputs) noexcept;

// The same for hints kept elsewhere: what `hint`, which is empty or ends with what the module inside wrote,
// becomes.
std::string explained(const std::string& hint, Module& module, TensorList inputs);

}  // namespace rushlight::nn
