// What a pickle may name: the globals that torch.load(weights_only=True) allows for plain values and dense
// tensors, and what each builds. Nothing else is ever looked up.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "rushlight/io/value.h"

namespace rushlight::io {

class Rebuilder {
 public:
  // `budget` bounds the items and bytes that calls may copy, all together.
  Rebuilder(ValueTree& tree, size_t budget) : tree_(tree), budget_(budget) {}

  // The global of that name: a DType, or a Global to call. Throws UnpicklingError when it is not allowed.
  Value global(std::string_view module, std::string_view name);
  // The global applied to the items of a tuple.
  Value call(Value function, Value arguments);
  // The storage that a persistent id names.
  Value persistent_load(Value id);

 private:
  using Arguments = std::vector<Value>;
  void charge(size_t count);
  Value make_container(Kind kind, const Arguments& arguments);
  Value make_pairs(Kind kind, const Arguments& arguments);
  Value make_bytes(Kind kind, const Arguments& arguments);
  Value make_complex(const Arguments& arguments);
  Value make_size(const Arguments& arguments);
  Value make_device(const Arguments& arguments);
  Value encode(const Arguments& arguments);
  Value rebuild_tensor(std::string_view name, const Arguments& arguments, size_t metadata_at);
  Value rebuild_parameter(const Arguments& arguments, bool with_state);
  Value rebuild_from_type(const Arguments& arguments);
  std::vector<int64_t> read_sizes(Value value);

  ValueTree& tree_;
  size_t budget_;
  std::unordered_map<std::string, int64_t> storage_of_key_;
};

// UnpicklingError with PyTorch's explanation of weights_only around the message.
[[noreturn]] void throw_weights_only(std::string_view message);

// Python's str(type(value)): "<class 'dict'>".
std::string class_of(Value value);

}  // namespace rushlight::io
