#include "rushlight/io/rebuild.h"

#include "rushlight/core/error.h"
#include "rushlight/io/pickle.h"
#include "rushlight/io/text.h"

namespace rushlight::io {
namespace {

enum class Role {
  OrderedDict,
  Counter,
  Set,
  FrozenSet,
  Bytes,
  ByteArray,
  Complex,
  Encode,
  Size,
  Device,
  DTypeObject,
  StorageType,
  UntypedStorage,
  TensorType,
  ParameterType,
  RebuildTensor,
  RebuildTensorV2,
  RebuildTensorV3,
  RebuildParameter,
  RebuildParameterWithState,
  RebuildFromType,
};

struct Global {
  Role role;
  DType dtype = DType::UInt8;
};

std::unordered_map<std::string, Global> make_globals() {
  std::unordered_map<std::string, Global> table = {
      {"collections.OrderedDict", {Role::OrderedDict}},
      {"collections.Counter", {Role::Counter}},
      {"builtins.set", {Role::Set}},
      {"builtins.frozenset", {Role::FrozenSet}},
      {"builtins.bytes", {Role::Bytes}},
      {"builtins.bytearray", {Role::ByteArray}},
      {"builtins.complex", {Role::Complex}},
      {"_codecs.encode", {Role::Encode}},
      {"torch.Size", {Role::Size}},
      {"torch.device", {Role::Device}},
      {"torch.storage.UntypedStorage", {Role::UntypedStorage}},
      {"torch.Tensor", {Role::TensorType}},
      {"torch.nn.parameter.Parameter", {Role::ParameterType}},
      {"torch._utils._rebuild_tensor", {Role::RebuildTensor}},
      {"torch._utils._rebuild_tensor_v2", {Role::RebuildTensorV2}},
      {"torch._utils._rebuild_tensor_v3", {Role::RebuildTensorV3}},
      {"torch._utils._rebuild_parameter", {Role::RebuildParameter}},
      {"torch._utils._rebuild_parameter_with_state", {Role::RebuildParameterWithState}},
      {"torch._tensor._rebuild_from_type_v2", {Role::RebuildFromType}},
  };
  for (int i = 0; i < kNumDTypes; ++i) {
    const auto dtype = static_cast<DType>(i);
    table.emplace(concat("torch.", info(dtype).name), Global{Role::DTypeObject, dtype});
    table.emplace(concat("torch.", info(dtype).message_name, "Storage"), Global{Role::StorageType, dtype});
  }
  return table;
}

const Global* find_global(const std::string& name) {
  static const auto* globals = new std::unordered_map<std::string, Global>(make_globals());
  const auto found = globals->find(name);
  return found == globals->end() ? nullptr : &found->second;
}

const Global* as_global(Value value) { return value.is(Kind::Global) ? find_global(value.text()) : nullptr; }

bool has_role(Value value, Role role) {
  const Global* global = as_global(value);
  return global != nullptr && global->role == role;
}

constexpr std::string_view kWeightsOnlyDocs =
    "\n\nCheck the documentation of torch.load to learn more about types accepted by default with "
    "weights_only "
    "https://pytorch.org/docs/stable/generated/torch.load.html.";

std::string list_text(const std::vector<int64_t>& values) {
  std::string out = "[";
  for (size_t i = 0; i < values.size(); ++i) out += (i == 0 ? "" : ", ") + std::to_string(values[i]);
  return out + "]";
}

// The elements that a tensor of these sizes has; throws when they are beyond 2^63 or a size is negative.
int64_t count_elements(const std::vector<int64_t>& sizes) {
  int64_t count = 1;
  for (const int64_t size : sizes) {
    RL_CHECK(size >= 0 && !__builtin_mul_overflow(count, size, &count),
             "numel: integer multiplication overflow");
  }
  return count;
}

// Every element of the tensor lies inside the storage.
void check_window(const TensorRecord& tensor, const StorageRecord& storage) {
  RL_CHECK(tensor.sizes.size() == tensor.strides.size(), "unequal size length (", tensor.sizes.size(),
           ") and stride length (", tensor.strides.size(), ")");
  RL_CHECK(tensor.offset >= 0, "Tensor: invalid storage offset ", tensor.offset);
  if (count_elements(tensor.sizes) == 0) return;
  int64_t end = 1, step = 0;  // one past the last element, from the offset
  bool overflow = false;
  for (size_t i = 0; i < tensor.sizes.size(); ++i) {
    overflow |= tensor.strides[i] < 0 ||
                __builtin_mul_overflow(tensor.sizes[i] - 1, tensor.strides[i], &step) ||
                __builtin_add_overflow(end, step, &end);
  }
  overflow |= __builtin_add_overflow(end, tensor.offset, &end) ||
              __builtin_mul_overflow(end, item_size(tensor.dtype), &end);
  RL_CHECK(!overflow, "Storage size calculation overflowed with sizes=", list_text(tensor.sizes),
           " and strides=", list_text(tensor.strides));
  RL_CHECK(end <= storage.nbytes(), "Trying to resize storage that is not resizable");
}

void check_arguments(bool valid, std::string_view name) {
  RL_CHECK_AS(TypeError, valid, name, "() received an invalid combination of arguments");
}

// "storage" may be bytes in old files.
bool is_text(Value value) { return value.is(Kind::String) || value.is(Kind::Bytes); }

double real_part(Value value) {
  return value.is(Kind::Int) ? static_cast<double>(value.as_int()) : value.as_float();
}

}  // namespace

void throw_weights_only(std::string_view message) {
  const bool has_global = message.find(" was not an allowed global by default.") != std::string_view::npos;
  const bool is_blocked = message.find(" is blocked") != std::string_view::npos;
  if (has_global) {
    throw_error<UnpicklingError>(
        "Weights only load failed. This file can still be loaded, to do so you have two options, \033[1mdo "
        "those steps "
        "only if you trust the source of the checkpoint\033[0m. \n\t(1) ",
        kWeightsOnlyAdvice,
        "\n\t(2) Alternatively, to load with `weights_only=True` please check the recommended steps in the "
        "following "
        "error message.\n\tWeightsUnpickler error: ",
        message, kWeightsOnlyDocs);
  }
  throw_error<UnpicklingError>(
      "Weights only load failed. ", kWeightsOnlyAdvice, "\n",
      is_blocked
          ? ""
          : "Please file an issue with the following so that we can make `weights_only=True` compatible with "
            "your use case: WeightsUnpickler error: ",
      "\n\n", message, kWeightsOnlyDocs);
}

std::string class_of(Value value) {
  if (value.is(Kind::Tensor) && value.tensor().is_parameter) return "<class 'torch.nn.parameter.Parameter'>";
  return concat("<class '", kind_name(value.kind()), "'>");
}

void Rebuilder::charge(size_t count) {
  RL_CHECK_AS(UnpicklingError, count <= budget_, "pickle copies more than it holds");
  budget_ -= count;
}

Value Rebuilder::global(std::string_view module, std::string_view name) {
  // Protocol 2 is written with the names of Python 2.
  if (module == "__builtin__") module = "builtins";
  if (module == "copy_reg") module = "copyreg";
  std::string full_name = concat(module, ".", name);
  if (module == "sys" || module == "os" || module == "posix" || module == "nt") {
    throw_weights_only(
        concat("Trying to load unsupported GLOBAL ", full_name, " whose module ", module, " is blocked."));
  }
  if (const Global* known = find_global(full_name)) {
    return known->role == Role::DTypeObject ? Value(known->dtype) : tree_.global(std::move(full_name));
  }
  if (module == "builtins") full_name = name;
  throw_weights_only(
      concat("Unsupported global: GLOBAL ", full_name,
             " was not an allowed global by default. Please use "
             "`torch.serialization.add_safe_globals([",
             full_name, "])` or the `torch.serialization.safe_globals([", full_name,
             "])` context manager to allowlist this global if you trust this class/function."));
}

Value Rebuilder::call(Value function, Value arguments) {
  const Global* global = as_global(function);
  if (global == nullptr) {
    throw_weights_only(
        concat("Trying to call reduce for unrecognized function ",
               function.is(Kind::Int) ? std::to_string(function.as_int()) : class_of(function)));
  }
  RL_CHECK_AS(TypeError, arguments.is(Kind::Tuple), function.text(),
              "() argument after * must be an iterable, not ", kind_name(arguments.kind()));
  const Arguments& args = arguments.items();
  switch (global->role) {
    case Role::OrderedDict: return make_pairs(Kind::OrderedDict, args);
    case Role::Counter: return make_pairs(Kind::Counter, args);
    case Role::Set: return make_container(Kind::Set, args);
    case Role::FrozenSet: return make_container(Kind::FrozenSet, args);
    case Role::Bytes: return make_bytes(Kind::Bytes, args);
    case Role::ByteArray: return make_bytes(Kind::ByteArray, args);
    case Role::Complex: return make_complex(args);
    case Role::Encode: return encode(args);
    case Role::Size: return make_size(args);
    case Role::Device: return make_device(args);
    case Role::RebuildTensor: return rebuild_tensor("_rebuild_tensor", args, 4);
    case Role::RebuildTensorV2: return rebuild_tensor("_rebuild_tensor_v2", args, 6);
    case Role::RebuildTensorV3: return rebuild_tensor("_rebuild_tensor_v3", args, 7);
    case Role::RebuildParameter: return rebuild_parameter(args, false);
    case Role::RebuildParameterWithState: return rebuild_parameter(args, true);
    case Role::RebuildFromType: return rebuild_from_type(args);
    default: throw_weights_only(concat("Trying to call reduce for unrecognized function ", function.text()));
  }
}

Value Rebuilder::persistent_load(Value id) {
  if (!id.is(Kind::Tuple) && !id.is(Kind::Int)) {
    throw_weights_only(concat("persistent_load id must be tuple or int, but got ", class_of(id)));
  }
  RL_CHECK_AS(AssertionError, id.is(Kind::Tuple), "saved_id must be a tuple, got int");
  const Arguments& parts = id.items();
  if (!parts.empty() && !(is_text(parts[0]) && parts[0].text() == "storage")) {
    throw_weights_only(concat("Only persistent_load of storage is allowed, but got ", class_of(parts[0])));
  }
  RL_CHECK_AS(ValueError, parts.size() == 5, "not enough values to unpack (expected 5, got ", parts.size(),
              ")");
  const Global* type = as_global(parts[1]);
  RL_CHECK_AS(AttributeError,
              type != nullptr && (type->role == Role::StorageType || type->role == Role::UntypedStorage), "'",
              kind_name(parts[1].kind()), "' object has no attribute 'dtype'");
  check_arguments(parts[2].is(Kind::String) && is_text(parts[3]) && parts[4].is(Kind::Int),
                  "persistent_load");

  const std::string& key = parts[2].as_string();
  const auto [at, is_new] = storage_of_key_.try_emplace(key, static_cast<int64_t>(tree_.storages.size()));
  if (is_new) {
    charge(key.size() + parts[3].text().size());
    StorageRecord storage{.dtype = type->dtype,
                          .untyped = type->role == Role::UntypedStorage,
                          .numel = parts[4].as_int(),
                          .location = parts[3].text(),
                          .key = key};
    int64_t bytes = 0;
    RL_CHECK(storage.numel >= 0 && !__builtin_mul_overflow(storage.numel, item_size(storage.dtype), &bytes),
             "invalid number of elements in a storage: ", storage.numel);
    tree_.storages.push_back(std::move(storage));
  }
  return tree_.storage(at->second);
}

Value Rebuilder::make_container(Kind kind, const Arguments& args) {
  check_arguments(args.size() <= 1 && (args.empty() || args[0].is_container()), kind_name(kind));
  if (args.empty()) return tree_.container(kind);
  charge(args[0].items().size());
  for (const Value& item : args[0].items()) {
    RL_CHECK_AS(TypeError, item.is_hashable(), "unhashable type: '", kind_name(item.kind()), "'");
  }
  return tree_.container(kind, args[0].items());
}

// OrderedDict() or OrderedDict([[key, value], ...]), Counter({key: count, ...}).
Value Rebuilder::make_pairs(Kind kind, const Arguments& args) {
  check_arguments(args.size() <= 1 && (args.empty() || args[0].is_container()), kind_name(kind));
  if (args.empty()) return tree_.container(kind);
  const std::vector<Value>& source = args[0].items();
  charge(2 * source.size());
  if (args[0].is_dict()) return tree_.container(kind, source);
  std::vector<Value> items;
  items.reserve(2 * source.size());
  for (const Value& pair : source) {
    check_arguments((pair.is(Kind::List) || pair.is(Kind::Tuple)) && pair.items().size() == 2,
                    kind_name(kind));
    const Value key = pair.items()[0];
    RL_CHECK_AS(TypeError, key.is_hashable(), "unhashable type: '", kind_name(key.kind()), "'");
    items.push_back(key);
    items.push_back(pair.items()[1]);
  }
  return tree_.container(kind, std::move(items));
}

// bytes(), bytearray(), bytearray(bytes), and bytearray(str, "latin-1") of protocol 2.
Value Rebuilder::make_bytes(Kind kind, const Arguments& args) {
  std::string data;
  if (args.size() == 2) {
    return make_bytes(kind, {encode(args)});
  } else if (args.size() == 1) {
    check_arguments(args[0].is(Kind::Bytes) || args[0].is(Kind::ByteArray), kind_name(kind));
    charge(args[0].text().size());
    data = args[0].text();
  }
  check_arguments(args.size() <= 2, kind_name(kind));
  return kind == Kind::Bytes ? tree_.bytes(std::move(data)) : tree_.byte_array(std::move(data));
}

Value Rebuilder::make_complex(const Arguments& args) {
  bool valid = args.size() == 2;
  for (const Value& part : args) valid = valid && (part.is(Kind::Float) || part.is(Kind::Int));
  check_arguments(valid, "complex");
  return tree_.complex({real_part(args[0]), real_part(args[1])});
}

Value Rebuilder::encode(const Arguments& args) {
  check_arguments(args.size() == 2 && args[0].is(Kind::String) && args[1].is(Kind::String), "encode");
  const std::string& encoding = args[1].as_string();
  RL_CHECK_AS(ValueError, encoding == "latin1" || encoding == "latin-1", "unknown encoding: ", encoding);
  charge(args[0].text().size());
  return tree_.bytes(utf8_to_latin1(args[0].text()));
}

std::vector<int64_t> Rebuilder::read_sizes(Value value) {
  const bool is_sequence = value.is(Kind::Tuple) || value.is(Kind::List) || value.is(Kind::Size);
  RL_CHECK_AS(TypeError, is_sequence, "expected a tuple of ints, but got ", kind_name(value.kind()));
  charge(value.items().size());
  std::vector<int64_t> sizes;
  sizes.reserve(value.items().size());
  for (const Value& item : value.items()) sizes.push_back(item.as_int());
  return sizes;
}

Value Rebuilder::make_size(const Arguments& args) {
  check_arguments(args.size() <= 1, "torch.Size");
  std::vector<Value> items;
  if (!args.empty()) {
    for (const int64_t size : read_sizes(args[0])) items.emplace_back(size);
  }
  return tree_.container(Kind::Size, std::move(items));
}

Value Rebuilder::make_device(const Arguments& args) {
  check_arguments(
      (args.size() == 1 || (args.size() == 2 && args[1].is(Kind::Int))) && args[0].is(Kind::String),
      "torch.device");
  charge(args[0].text().size());
  return tree_.device(args.size() == 1 ? args[0].text() : concat(args[0].text(), ":", args[1].as_int()));
}

// (storage, offset, sizes, strides [, requires_grad, hooks [, dtype] [, metadata]])
Value Rebuilder::rebuild_tensor(std::string_view name, const Arguments& args, size_t metadata_at) {
  check_arguments((args.size() == metadata_at || args.size() == metadata_at + 1) &&
                      args[0].is(Kind::Storage) && args[1].is(Kind::Int) &&
                      (metadata_at == 4 || args[4].is(Kind::Bool)) &&
                      (metadata_at != 7 || args[6].is(Kind::DType)),
                  name);
  const StorageRecord& storage = tree_.storages[static_cast<size_t>(args[0].as_storage())];
  TensorRecord tensor;
  tensor.storage = args[0].as_storage();
  tensor.dtype = metadata_at == 7 ? args[6].as_dtype() : storage.dtype;
  tensor.offset = args[1].as_int();
  tensor.sizes = read_sizes(args[2]);
  tensor.strides = read_sizes(args[3]);
  tensor.requires_grad = metadata_at != 4 && args[4].as_bool();
  check_window(tensor, storage);
  RL_CHECK(!tensor.requires_grad || is_inexact(tensor.dtype),
           "only Tensors of floating point dtype can require gradients");
  if (args.size() > metadata_at && args[metadata_at].is_dict()) {
    const auto flag = [&](std::string_view key) {
      const Value value = args[metadata_at].find(key);
      return value.is(Kind::Bool) && value.as_bool();
    };
    tensor.is_conj = flag("conj");
    tensor.is_neg = flag("neg");
  }
  return tree_.tensor(std::move(tensor));
}

// (tensor, requires_grad, hooks [, attributes])
Value Rebuilder::rebuild_parameter(const Arguments& args, bool with_state) {
  check_arguments(args.size() == (with_state ? 4 : 3) && args[0].is(Kind::Tensor) && args[1].is(Kind::Bool),
                  "_rebuild_parameter");
  TensorRecord parameter = args[0].tensor();
  charge(2 * parameter.sizes.size());
  parameter.is_parameter = true;
  parameter.requires_grad = args[1].as_bool();
  RL_CHECK(!parameter.requires_grad || is_inexact(parameter.dtype),
           "Only Tensors of floating point and complex dtype can require gradients");
  if (with_state) parameter.state = args[3];
  return tree_.tensor(std::move(parameter));
}

// (rebuild function, type, its arguments, attributes): a tensor with attributes of its own.
Value Rebuilder::rebuild_from_type(const Arguments& args) {
  check_arguments(args.size() == 4 && args[2].is(Kind::Tuple) && !has_role(args[0], Role::RebuildFromType),
                  "_rebuild_from_type_v2");
  if (!has_role(args[1], Role::TensorType) && !has_role(args[1], Role::ParameterType)) {
    throw_weights_only(concat("Trying to rebuild a tensor of an unrecognized type ",
                              args[1].is(Kind::Global) ? args[1].text() : class_of(args[1])));
  }
  const Value tensor = call(args[0], args[2]);
  check_arguments(tensor.is(Kind::Tensor), "_rebuild_from_type_v2");
  tensor.tensor().state = args[3];
  return tensor;
}

}  // namespace rushlight::io
