#include <algorithm>
#include <bit>
#include <charconv>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "rushlight/core/error.h"
#include "rushlight/io/opcodes.h"
#include "rushlight/io/pickle.h"
#include "rushlight/io/text.h"

namespace rushlight::io {
namespace {

constexpr size_t kBatch = 1000;  // items between a MARK and its APPENDS or SETITEMS, as in CPython

constexpr uint8_t kTupleOps[] = {opcode::kEmptyTuple, opcode::kTuple1, opcode::kTuple2, opcode::kTuple3,
                                 opcode::kTuple};  // the last: from the MARK on

// dtypes without a storage class of their own are saved as bytes and named beside them.
bool has_storage_class(DType dtype) {
  return dtype != DType::UInt16 && dtype != DType::UInt32 && dtype != DType::UInt64;
}

// Writes without recursion: an open container is a frame on a stack of our own.
class Pickler {
 public:
  Pickler(const ValueTree& tree, std::vector<int64_t>& storage_order)
      : tree_(tree), storage_order_(storage_order), storage_keys_(tree.storages.size(), -1) {}

  std::string run() {
    op(opcode::kProto);
    out_ += '\2';
    write(tree_.root);
    while (!frames_.empty()) advance();
    op(opcode::kStop);
    return std::move(out_);
  }

 private:
  struct Frame {
    Value value;
    size_t next = 0;         // the next of its items
    size_t batch_start = 0;  // entries (items, or pairs of a dict) before the open batch
    bool marked = false;     // the batch began with a MARK
    bool state_written = false;
  };

  void op(uint8_t code) { out_ += static_cast<char>(code); }
  template <class T>
  void number(T value) {
    out_.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }

  void write(Value value);
  void write_object(Value value);
  void write_int(int64_t value);
  void write_big_int(std::string_view twos_complement);
  void write_float(double value);
  void write_string(std::string_view text);
  void write_constant(std::string_view text);
  void write_global(std::string_view module, std::string_view name);
  void write_bytes(std::string_view data);
  void write_device(std::string_view text);
  void write_sizes(const std::vector<int64_t>& sizes);
  void write_empty_ordered_dict();
  void write_storage(int64_t index);
  bool names_dtype(const TensorRecord& tensor) const;
  void write_tensor_function(const TensorRecord& tensor);
  void write_tensor_arguments(const TensorRecord& tensor, bool requires_grad);
  void write_metadata(const TensorRecord& tensor);
  bool open_tensor(Value value);
  void open(Value value);
  void advance();
  void advance_batch(Frame& frame, size_t item_count);
  void close();
  void close_tuple(Value value);
  void begin_unshared(Value value);

  void write_get(uint32_t index);
  bool write_memoized(const void* identity);
  void memoize(const void* identity) {
    memo_.try_emplace(identity, memo_count_);
    memoize();
  }
  void memoize();  // of an object that is not met again
  void tuple_op(size_t count);
  void reduce(size_t argument_count);

  const ValueTree& tree_;
  std::vector<int64_t>& storage_order_;
  std::vector<int64_t> storage_keys_;  // by storage; -1: not met yet
  std::string out_;
  std::vector<Frame> frames_;
  std::unordered_map<const void*, uint32_t> memo_;
  std::unordered_map<std::string, uint32_t> names_;  // globals, and strings that are one object in PyTorch
  std::unordered_set<const void*> unshared_;  // open objects that get their memo only when they are closed
  uint32_t memo_count_ = 0;
};

void Pickler::memoize() {
  RL_CHECK_AS(OverflowError, memo_count_ < std::numeric_limits<uint32_t>::max(),
              "too many objects to pickle");
  if (memo_count_ < 256) {
    op(opcode::kBinPut);
    number(static_cast<uint8_t>(memo_count_));
  } else {
    op(opcode::kLongBinPut);
    number(memo_count_);
  }
  ++memo_count_;
}

void Pickler::write_get(uint32_t index) {
  if (index < 256) {
    op(opcode::kBinGet);
    number(static_cast<uint8_t>(index));
  } else {
    op(opcode::kLongBinGet);
    number(index);
  }
}

bool Pickler::write_memoized(const void* identity) {
  const auto found = memo_.find(identity);
  if (found == memo_.end()) return false;
  write_get(found->second);
  return true;
}

void Pickler::write(Value value) {
  switch (value.kind()) {
    case Kind::None: op(opcode::kNone); return;
    case Kind::Bool: op(value.as_bool() ? opcode::kNewTrue : opcode::kNewFalse); return;
    case Kind::Int: write_int(value.as_int()); return;
    case Kind::Float: write_float(value.as_float()); return;
    case Kind::DType: write_global("torch", info(value.as_dtype()).name); return;
    case Kind::Storage: write_storage(value.as_storage()); return;
    case Kind::BigInt: write_big_int(value.text()); return;
    case Kind::Absent: throw_error<TypeError>("cannot pickle an absent value");
    default: break;
  }
  const bool is_empty_tuple = value.is(Kind::Tuple) && value.items().empty();
  if (is_empty_tuple) {
    op(opcode::kEmptyTuple);
  } else if (!write_memoized(value.identity())) {
    write_object(value);
  }
}

void Pickler::write_object(Value value) {
  switch (value.kind()) {
    case Kind::String: write_string(value.as_string()); break;
    case Kind::Bytes: write_bytes(value.text()); break;
    case Kind::ByteArray:
      write_global("__builtin__", "bytearray");
      if (!value.text().empty()) {
        write_bytes(value.text());
        memoize();
      }
      reduce(value.text().empty() ? 0 : 1);
      break;
    case Kind::Complex:
      write_global("__builtin__", "complex");
      write_float(value.as_complex().real());
      write_float(value.as_complex().imag());
      reduce(2);
      break;
    case Kind::Device: write_device(value.text()); break;
    case Kind::Global: {
      const size_t dot = value.text().rfind('.');
      RL_CHECK_AS(TypeError, dot != std::string::npos, "cannot pickle ", value.text());
      write_global(value.text().substr(0, dot), value.text().substr(dot + 1));
      return;
    }
    case Kind::Tensor:
      if (open_tensor(value)) return;
      break;
    default: open(value); return;
  }
  memoize(value.identity());
}

void Pickler::write_int(int64_t value) {
  if (value >= 0 && value < 256) {
    op(opcode::kBinInt1);
    number(static_cast<uint8_t>(value));
  } else if (value >= 0 && value < 65536) {
    op(opcode::kBinInt2);
    number(static_cast<uint16_t>(value));
  } else if (value == static_cast<int32_t>(value)) {
    op(opcode::kBinInt);
    number(static_cast<int32_t>(value));
  } else {
    write_big_int({reinterpret_cast<const char*>(&value), sizeof(value)});
  }
}

// In as few bytes as keep the sign.
void Pickler::write_big_int(std::string_view bytes) {
  const auto sign_of = [](char last) { return static_cast<int8_t>(last) < 0 ? '\xff' : '\0'; };
  while (bytes.size() > 1 && bytes.back() == sign_of(bytes[bytes.size() - 2])) bytes.remove_suffix(1);
  if (bytes.size() < 256) {
    op(opcode::kLong1);
    number(static_cast<uint8_t>(bytes.size()));
  } else {
    RL_CHECK_AS(OverflowError, bytes.size() <= 0x7fffffff, "int too large to pickle");
    op(opcode::kLong4);
    number(static_cast<uint32_t>(bytes.size()));
  }
  out_ += bytes;
}

void Pickler::write_float(double value) {
  op(opcode::kBinFloat);
  number(__builtin_bswap64(std::bit_cast<uint64_t>(value)));
}

void Pickler::write_string(std::string_view text) {
  RL_CHECK_AS(OverflowError, text.size() <= std::numeric_limits<uint32_t>::max(),
              "serializing a string larger than 4 GiB requires pickle protocol 4 or higher");
  op(opcode::kBinUnicode);
  number(static_cast<uint32_t>(text.size()));
  out_ += text;
}

// A string that is one object wherever it occurs.
void Pickler::write_constant(std::string_view text) {
  const auto [at, is_new] = names_.try_emplace(concat("'", text), memo_count_);
  if (!is_new) return write_get(at->second);
  write_string(text);
  memoize();
}

void Pickler::write_global(std::string_view module, std::string_view name) {
  const auto [at, is_new] = names_.try_emplace(concat(module, "\n", name, "\n"), memo_count_);
  if (!is_new) return write_get(at->second);
  op(opcode::kGlobal);
  out_ += at->first;
  memoize();
}

void Pickler::tuple_op(size_t count) {
  op(kTupleOps[std::min(count, size_t{4})]);
  if (count > 0) memoize();
}

// Calls the global below the arguments. The result is not memoized here.
void Pickler::reduce(size_t argument_count) {
  tuple_op(argument_count);
  op(opcode::kReduce);
}

// Protocol 2 has no bytes: a string of the same code points, to be encoded.
void Pickler::write_bytes(std::string_view data) {
  if (data.empty()) {
    write_global("__builtin__", "bytes");
    return reduce(0);
  }
  write_global("_codecs", "encode");
  write_string(latin1_to_utf8(data));
  memoize();
  write_constant("latin1");
  reduce(2);
}

void Pickler::write_device(std::string_view text) {
  write_global("torch", "device");
  const size_t colon = text.find(':');
  write_string(text.substr(0, colon));
  memoize();
  if (colon == std::string_view::npos) return reduce(1);
  int64_t index = 0;
  const auto result = std::from_chars(text.data() + colon + 1, text.data() + text.size(), index);
  RL_CHECK(result.ec == std::errc{}, "Invalid device string: '", text, "'");
  write_int(index);
  reduce(2);
}

void Pickler::write_sizes(const std::vector<int64_t>& sizes) {
  if (sizes.size() > 3) op(opcode::kMark);
  for (const int64_t size : sizes) write_int(size);
  tuple_op(sizes.size());
}

void Pickler::write_empty_ordered_dict() {
  write_global("collections", "OrderedDict");
  reduce(0);
  memoize();
}

// ('storage', class, key, location, number of elements) as a persistent id.
void Pickler::write_storage(int64_t index) {
  const StorageRecord& storage = tree_.storages.at(static_cast<size_t>(index));
  int64_t& key = storage_keys_[static_cast<size_t>(index)];
  if (key < 0) {
    key = static_cast<int64_t>(storage_order_.size());
    storage_order_.push_back(index);
  }
  const bool untyped = storage.untyped || !has_storage_class(storage.dtype);
  op(opcode::kMark);
  write_constant("storage");
  write_global(untyped ? "torch.storage" : "torch",
               untyped ? "UntypedStorage" : concat(info(storage.dtype).message_name, "Storage"));
  const auto [at, is_new] = names_.try_emplace(concat("#", key), memo_count_);
  if (is_new) {
    write_string(std::to_string(key));
    memoize();
  } else {
    write_get(at->second);
  }
  write_constant(storage.location);
  write_int(untyped ? storage.nbytes() : storage.numel);
  tuple_op(5);
  op(opcode::kBinPersId);
}

bool Pickler::names_dtype(const TensorRecord& tensor) const {
  const StorageRecord& storage = tree_.storages.at(static_cast<size_t>(tensor.storage));
  RL_CHECK(storage.untyped || storage.dtype == tensor.dtype,
           "Cannot save multiple tensors or storages that view the same data as different types");
  return storage.untyped || !has_storage_class(tensor.dtype);
}

void Pickler::write_tensor_function(const TensorRecord& tensor) {
  write_global("torch._utils", names_dtype(tensor) ? "_rebuild_tensor_v3" : "_rebuild_tensor_v2");
}

void Pickler::write_tensor_arguments(const TensorRecord& tensor, bool requires_grad) {
  op(opcode::kMark);
  write_storage(tensor.storage);
  write_int(tensor.offset);
  write_sizes(tensor.sizes);
  write_sizes(tensor.strides);
  op(requires_grad ? opcode::kNewTrue : opcode::kNewFalse);
  write_empty_ordered_dict();
  if (names_dtype(tensor)) write(tensor.dtype);
  if (tensor.is_conj || tensor.is_neg) write_metadata(tensor);
  tuple_op(6);
}

// {'conj': True, 'neg': True}, or the one that holds.
void Pickler::write_metadata(const TensorRecord& tensor) {
  const bool both = tensor.is_conj && tensor.is_neg;
  op(opcode::kEmptyDict);
  memoize();
  if (both) op(opcode::kMark);
  if (tensor.is_conj) {
    write_constant("conj");
    op(opcode::kNewTrue);
  }
  if (tensor.is_neg) {
    write_constant("neg");
    op(opcode::kNewTrue);
  }
  op(both ? opcode::kSetItems : opcode::kSetItem);
}

// Writes a tensor. One with attributes is only begun (true), and closed behind them.
bool Pickler::open_tensor(Value value) {
  const TensorRecord& tensor = value.tensor();
  const bool has_state = !tensor.state.is(Kind::Absent);
  if (tensor.is_parameter) {
    write_global("torch._utils", has_state ? "_rebuild_parameter_with_state" : "_rebuild_parameter");
    if (has_state) op(opcode::kMark);
    write_tensor_function(tensor);
    write_tensor_arguments(tensor, /*requires_grad=*/false);
    op(opcode::kReduce);
    memoize();
    op(tensor.requires_grad ? opcode::kNewTrue : opcode::kNewFalse);
    write_empty_ordered_dict();
    if (!has_state) reduce(3);
  } else if (has_state) {
    write_global("torch._tensor", "_rebuild_from_type_v2");
    op(opcode::kMark);
    write_tensor_function(tensor);
    write_global("torch", "Tensor");
    write_tensor_arguments(tensor, tensor.requires_grad);
  } else {
    write_tensor_function(tensor);
    write_tensor_arguments(tensor, tensor.requires_grad);
    op(opcode::kReduce);
  }
  if (has_state) begin_unshared(value);
  return has_state;
}

// An object whose content is written before its own memo: inside itself it would have no end.
void Pickler::begin_unshared(Value value) {
  RL_CHECK(unshared_.insert(value.identity()).second,
           "maximum recursion depth exceeded while pickling an object");
  frames_.push_back({.value = value});
}

// Opens a container: what stands before its items.
void Pickler::open(Value value) {
  switch (value.kind()) {
    case Kind::List: op(opcode::kEmptyList); break;
    case Kind::Dict: op(opcode::kEmptyDict); break;
    case Kind::OrderedDict:
      write_global("collections", "OrderedDict");
      reduce(0);
      break;
    case Kind::Counter:
      write_global("collections", "Counter");
      op(opcode::kEmptyDict);
      memoize();
      return begin_unshared(value);
    case Kind::Set:
    case Kind::FrozenSet:
      write_global("__builtin__", kind_name(value.kind()));
      op(opcode::kEmptyList);
      memoize();
      return begin_unshared(value);
    default:  // Tuple, Size
      if (value.is(Kind::Size)) write_global("torch", "Size");
      if (value.items().size() > 3) op(opcode::kMark);
      frames_.push_back({.value = value});
      return;
  }
  memoize(value.identity());
  frames_.push_back({.value = value});
}

// Writes the next part of the innermost open object, or closes it. write() may move the frames: it comes
// last.
void Pickler::advance() {
  Frame& frame = frames_.back();
  const Value value = frame.value;
  Value state;
  if (value.is(Kind::Tensor)) {
    state = value.tensor().state;
  } else {
    const std::vector<Value>& items = value.items();
    if (!value.is(Kind::Tuple) && !value.is(Kind::Size)) advance_batch(frame, items.size());
    if (frame.next < items.size()) return write(items[frame.next++]);
    state = value.container().state;
  }
  if (!state.is(Kind::Absent) && !frame.state_written) {
    frame.state_written = true;
    return write(state);
  }
  close();
}

// Between two entries: ends a batch that is full or the last, and begins the next. CPython writes a single
// entry without a MARK, and so the rest of an OrderedDict when it is one.
void Pickler::advance_batch(Frame& frame, size_t item_count) {
  const bool is_dict = frame.value.is_dict();
  const size_t stride = is_dict ? 2 : 1;
  if (frame.next % stride != 0) return;
  const size_t done = frame.next / stride, count = item_count / stride;
  if (done > frame.batch_start && (done == count || done - frame.batch_start == kBatch)) {
    op(is_dict ? (frame.marked ? opcode::kSetItems : opcode::kSetItem)
               : (frame.marked ? opcode::kAppends : opcode::kAppend));
    frame.batch_start = done;
  }
  if (done == frame.batch_start && done < count) {
    frame.marked = count > 1 && !(frame.value.is(Kind::OrderedDict) && done == count - 1);
    if (frame.marked) op(opcode::kMark);
  }
}

void Pickler::close() {
  const Value value = frames_.back().value;
  frames_.pop_back();
  unshared_.erase(value.identity());
  switch (value.kind()) {
    case Kind::List:
    case Kind::Dict: return;
    case Kind::OrderedDict:
      if (!value.container().state.is(Kind::Absent)) op(opcode::kBuild);
      return;
    case Kind::Tuple: return close_tuple(value);
    case Kind::Size:
      tuple_op(value.items().size());
      reduce(1);
      break;
    case Kind::Tensor: reduce(4); break;
    default: reduce(1); break;  // Counter, Set, FrozenSet
  }
  memoize(value.identity());
}

void Pickler::close_tuple(Value value) {
  const size_t count = value.items().size();
  if (!memo_.contains(value.identity())) {
    op(kTupleOps[std::min(count, size_t{4})]);
    return memoize(value.identity());
  }
  // An item led back here, and the tuple was written inside itself: drop the items and take that one.
  if (count <= 3) {
    for (size_t i = 0; i < count; ++i) op(opcode::kPop);
  } else {
    op(opcode::kPopMark);
  }
  write_memoized(value.identity());
}

}  // namespace

std::string pickle(const ValueTree& tree, std::vector<int64_t>& storage_order) {
  storage_order.clear();
  return Pickler(tree, storage_order).run();
}

}  // namespace rushlight::io
