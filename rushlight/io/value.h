// What a checkpoint holds: a graph of plain Python values and tensors, as torch.save takes them and
// torch.load gives them.
//
// A Value is 16 bytes: a small number itself, or a pointer to a node that the ValueTree owns. Two Values with
// the same pointer are the same Python object, so shared and cyclic structures come out as they went in.
// Nothing is counted: the tree frees all its nodes in one sweep, whatever points where and however deep it
// is.
#pragma once

#include <complex>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rushlight/core/dtype.h"
#include "rushlight/core/error.h"

namespace rushlight::io {

// clang-format off
// X(kind, Python's name of the type)
#define RL_FOR_EACH_KIND(X)                                                                             \
  X(Absent, "absent")                      /* no value: a default-constructed Value */                  \
  X(None, "NoneType")                                                                                   \
  X(Bool, "bool")                                                                                       \
  X(Int, "int")                            /* that fits in 64 bits */                                   \
  X(BigInt, "int")                         /* text: little-endian two's complement */                   \
  X(Float, "float")                                                                                     \
  X(Complex, "complex")                                                                                 \
  X(String, "str")                         /* text: UTF-8, surrogates encoded like other characters */  \
  X(Bytes, "bytes")                                                                                     \
  X(ByteArray, "bytearray")                                                                             \
  X(List, "list")                                                                                       \
  X(Tuple, "tuple")                                                                                     \
  X(Dict, "dict")                          /* items: key, value, key, value, ... */                     \
  X(OrderedDict, "collections.OrderedDict") /* like Dict; its attributes (`_metadata`) are in `state` */ \
  X(Counter, "collections.Counter")        /* like Dict */                                              \
  X(Set, "set")                                                                                         \
  X(FrozenSet, "frozenset")                                                                             \
  X(Size, "torch.Size")                    /* items: Int */                                             \
  X(Device, "torch.device")                /* text: "cpu", "cuda:1" */                                  \
  X(DType, "torch.dtype")                                                                               \
  X(Tensor, "torch.Tensor")                                                                             \
  X(Storage, "torch.storage.UntypedStorage")                                                            \
  X(Global, "type")                        /* a class or function of torch as a value; text: its name */

// clang-format on

#define RL_ENUMERATOR(kind, name) kind,
enum class Kind : uint8_t { RL_FOR_EACH_KIND(RL_ENUMERATOR) };
#undef RL_ENUMERATOR

// Python's name of the type: "dict", "torch.Size".
const char* kind_name(Kind kind);

struct Container;
struct TensorRecord;

class Value {
 public:
  Value() : kind_(Kind::Absent), integer_(0) {}
  Value(bool value) : kind_(Kind::Bool), integer_(value) {}    // NOLINT(google-explicit-constructor)
  Value(int value) : kind_(Kind::Int), integer_(value) {}      // NOLINT(google-explicit-constructor)
  Value(int64_t value) : kind_(Kind::Int), integer_(value) {}  // NOLINT(google-explicit-constructor)
  Value(double value) : kind_(Kind::Float), real_(value) {}    // NOLINT(google-explicit-constructor)
  Value(DType value)
      : kind_(Kind::DType), integer_(static_cast<int64_t>(value)) {}  // NOLINT(google-explicit-constructor)
  Value(const void*) = delete;                                        // a pointer is no bool
  static Value none() { return Value(Kind::None, int64_t{0}); }

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  bool is_dict() const { return is(Kind::Dict) || is(Kind::OrderedDict) || is(Kind::Counter); }
  bool is_container() const { return kind_ >= Kind::List && kind_ <= Kind::Size; }
  bool is_hashable() const;

  // Each throws TypeError when the value is of another kind.
  bool as_bool() const { return check(Kind::Bool).integer_ != 0; }
  int64_t as_int() const { return check(Kind::Int).integer_; }
  double as_float() const { return check(Kind::Float).real_; }
  DType as_dtype() const { return static_cast<DType>(check(Kind::DType).integer_); }
  int64_t as_storage() const { return check(Kind::Storage).integer_; }  // index into ValueTree::storages
  std::complex<double> as_complex() const { return *check(Kind::Complex).complex_; }
  const std::string& as_string() const { return *check(Kind::String).text_; }
  const std::string& text() const;  // of String, Bytes, ByteArray, BigInt, Device, Global
  Container& container() const;     // of List ... Size
  TensorRecord& tensor() const { return *check(Kind::Tensor).tensor_; }
  const std::vector<Value>& items() const;
  // A dict's value under that string; Absent when there is none.
  Value find(std::string_view key) const;

  // The object's identity; nullptr for the values that are held in place.
  const void* identity() const { return has_node() ? node_ : nullptr; }

 private:
  friend class ValueTree;
  Value(Kind kind, int64_t value) : kind_(kind), integer_(value) {}
  Value(Kind kind, void* node) : kind_(kind), node_(node) {}
  bool has_node() const;
  const Value& check(Kind kind) const {
    if (kind_ != kind) throw_wrong_kind(kind);
    return *this;
  }
  [[noreturn]] void throw_wrong_kind(Kind wanted) const;

  Kind kind_;
  union {
    int64_t integer_;
    double real_;
    std::complex<double>* complex_;
    std::string* text_;
    Container* container_;
    TensorRecord* tensor_;
    void* node_;
  };
};

struct Container {
  Kind kind;
  bool hashable;  // may be a dict's key or a set's element
  std::vector<Value> items;
  Value state;  // OrderedDict: a Dict with its attributes, or Absent
};

// A tensor is a window into a storage; sizes, strides and offset count elements.
struct TensorRecord {
  int64_t storage = 0;  // index into ValueTree::storages
  DType dtype = DType::Float32;
  int64_t offset = 0;
  std::vector<int64_t> sizes, strides;
  bool requires_grad = false;
  bool is_parameter = false;
  bool is_conj = false;  // the data is to be read conjugated, or negated
  bool is_neg = false;
  Value state;  // a Dict of its attributes, or Absent
};

struct StorageRecord {
  DType dtype = DType::UInt8;
  bool untyped = false;          // saved as torch.UntypedStorage; dtype is UInt8
  int64_t numel = 0;             // elements of dtype
  std::string location = "cpu";  // the device that it was saved from
  std::string key;               // reading: names its entry in the archive
  const void* data = nullptr;    // writing: its bytes, the caller's

  int64_t nbytes() const { return numel * item_size(dtype); }
};

// Owns the nodes. Containers are kept in the order of their making, and Tuple, Size and FrozenSet hold only
// what was made before them: a consumer needs no recursion, which a deep or cyclic graph would break. It
// makes every container in this order, the tuples complete and the others empty, and then fills the others.
class ValueTree {
 public:
  Value root = Value::none();
  std::vector<StorageRecord> storages;

  Value string(std::string text) { return add_text(Kind::String, std::move(text)); }
  Value bytes(std::string data) { return add_text(Kind::Bytes, std::move(data)); }
  Value byte_array(std::string data) { return add_text(Kind::ByteArray, std::move(data)); }
  Value big_int(std::string twos_complement) { return add_text(Kind::BigInt, std::move(twos_complement)); }
  Value device(std::string text) { return add_text(Kind::Device, std::move(text)); }
  Value global(std::string name) { return add_text(Kind::Global, std::move(name)); }
  Value complex(std::complex<double> value) { return {Kind::Complex, &complexes_.emplace_back(value)}; }
  Value tensor(TensorRecord record) { return {Kind::Tensor, &tensors_.emplace_back(std::move(record))}; }
  Value storage(int64_t index) const { return {Kind::Storage, index}; }
  // `items` may be filled later, except for Tuple, Size and FrozenSet.
  Value container(Kind kind, std::vector<Value> items = {});

  std::deque<Container>& containers() { return containers_; }
  const std::deque<Container>& containers() const { return containers_; }
  const std::deque<TensorRecord>& tensors() const { return tensors_; }

 private:
  Value add_text(Kind kind, std::string text) { return {kind, &texts_.emplace_back(std::move(text))}; }

  std::deque<std::string> texts_;
  std::deque<std::complex<double>> complexes_;
  std::deque<Container> containers_;
  std::deque<TensorRecord> tensors_;
};

// Appends to a Dict, OrderedDict or Counter. A key that is there already is not looked for: the later one
// wins in find().
inline void append_item(Value dict, Value key, Value value) {
  std::vector<Value>& items = dict.container().items;
  items.push_back(key);
  items.push_back(value);
}

}  // namespace rushlight::io
