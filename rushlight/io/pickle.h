// Pickles, as torch.save writes them and torch.load(weights_only=True) reads them.
// Format: CPython's Lib/pickletools.py, which documents every opcode.
#pragma once

#include <string>
#include <string_view>

#include "rushlight/io/value.h"

namespace rushlight::io {

// PyTorch's sentence about torch.load(weights_only=True), which several errors hold.
inline constexpr std::string_view kWeightsOnlyAdvice =
    "In PyTorch 2.6, we changed the default value of the `weights_only` argument in `torch.load` from "
    "`False` to "
    "`True`. Re-running `torch.load` with `weights_only` set to `False` will likely succeed, but it can "
    "result in "
    "arbitrary code execution. Do it only if you got the file from a trusted source.";

// Reads a pickle of protocol 0 to 5. Builds plain values, containers, tensors and storages; every other
// global is refused by name, nothing is ever called. Neither stack nor memory grow beyond a small multiple of
// the pickle: nesting is not recursion, and a copy that a hostile pickle repeats is counted.
//   UnpicklingError  a global that is not allowed, an unknown opcode, a truncated pickle
//   IndexError, KeyError, TypeError, ValueError   as Python raises them for broken pickles
//   RuntimeError     a tensor that leaves its storage
ValueTree unpickle(std::string_view pickle);

// Writes the pickle of tree.root, protocol 2, byte for byte as Python's pickler and torch.save do.
// `storage_order` receives the storages that it names, in the order of their keys "0", "1", ...
std::string pickle(const ValueTree& tree, std::vector<int64_t>& storage_order);

}  // namespace rushlight::io
