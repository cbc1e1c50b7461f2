#include "rushlight/io/value.h"

#include <algorithm>

namespace rushlight::io {
namespace {

#define RL_NAME(kind, name) name,
constexpr const char* kKindNames[] = {RL_FOR_EACH_KIND(RL_NAME)};
#undef RL_NAME

}  // namespace

const char* kind_name(Kind kind) { return kKindNames[static_cast<int>(kind)]; }

void Value::throw_wrong_kind(Kind wanted) const {
  throw_error<TypeError>("expected ", kind_name(wanted), ", but got ", kind_name(kind_));
}

bool Value::has_node() const {
  switch (kind_) {
    case Kind::Absent:
    case Kind::None:
    case Kind::Bool:
    case Kind::Int:
    case Kind::Float:
    case Kind::DType:
    case Kind::Storage: return false;
    default: return true;
  }
}

bool Value::is_hashable() const {
  if (is_container()) return container_->hashable;
  return !is(Kind::ByteArray);
}

const std::string& Value::text() const {
  switch (kind_) {
    case Kind::String:
    case Kind::Bytes:
    case Kind::ByteArray:
    case Kind::BigInt:
    case Kind::Device:
    case Kind::Global: return *text_;
    default: throw_wrong_kind(Kind::String);
  }
}

Container& Value::container() const {
  if (!is_container()) throw_wrong_kind(Kind::List);
  return *container_;
}

const std::vector<Value>& Value::items() const { return container().items; }

Value Value::find(std::string_view key) const {
  if (!is_dict()) throw_wrong_kind(Kind::Dict);
  const std::vector<Value>& items = container_->items;
  for (size_t i = items.size(); i >= 2; i -= 2) {
    if (items[i - 2].is(Kind::String) && *items[i - 2].text_ == key) return items[i - 1];
  }
  return {};
}

Value ValueTree::container(Kind kind, std::vector<Value> items) {
  const bool immutable = kind == Kind::Tuple || kind == Kind::FrozenSet || kind == Kind::Size;
  const bool hashable =
      immutable && std::all_of(items.begin(), items.end(), [](const Value& v) { return v.is_hashable(); });
  return {kind, &containers_.emplace_back(Container{kind, hashable, std::move(items), {}})};
}

}  // namespace rushlight::io
