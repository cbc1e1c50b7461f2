#include <bit>
#include <charconv>
#include <cstring>

#include "rushlight/core/error.h"
#include "rushlight/io/opcodes.h"
#include "rushlight/io/pickle.h"
#include "rushlight/io/rebuild.h"
#include "rushlight/io/text.h"

namespace rushlight::io {
namespace {

[[noreturn]] void throw_truncated() { throw_error<UnpicklingError>("pickle data was truncated"); }

// The pickle's bytes, taken from the front.
class Input {
 public:
  explicit Input(std::string_view bytes) : rest_(bytes) {}

  std::string_view take(uint64_t count) {
    if (count > rest_.size()) throw_truncated();
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  template <class T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }
  template <class Length>
  std::string_view counted() {
    return take(number<Length>());
  }
  std::string_view line() {
    const size_t end = rest_.find('\n');
    if (end == std::string_view::npos) throw_truncated();
    const std::string_view taken = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return taken;
  }

 private:
  std::string_view rest_;
};

template <class T>
T parse(std::string_view text, int base = 10) {
  T value{};
  std::from_chars_result result{};
  if constexpr (std::is_floating_point_v<T>) {
    result = std::from_chars(text.data(), text.data() + text.size(), value);
  } else {
    result = std::from_chars(text.data(), text.data() + text.size(), value, base);
  }
  RL_CHECK_AS(OverflowError, result.ec != std::errc::result_out_of_range,
              "number too large in pickle: ", text);
  RL_CHECK_AS(ValueError, result.ec == std::errc{} && result.ptr == text.data() + text.size(),
              "could not convert string to number: '", text, "'");
  return value;
}

// The literal of protocol 0's STRING: quoted, with Python's escapes.
std::string parse_quoted(std::string_view line) {
  RL_CHECK_AS(
      UnpicklingError,
      line.size() >= 2 && (line.front() == '\'' || line.front() == '"') && line.back() == line.front(),
      "the STRING opcode argument must be quoted");
  line = line.substr(1, line.size() - 2);
  std::string out;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] != '\\' || i + 1 == line.size()) {
      out += line[i];
      continue;
    }
    static constexpr std::string_view kNames = "abfnrtv", kCharacters = "\a\b\f\n\r\t\v";
    const char c = line[++i];
    if (const size_t named = kNames.find(c); named != std::string_view::npos) {
      out += kCharacters[named];
    } else if (c == 'x') {
      RL_CHECK_AS(ValueError, i + 2 < line.size(), "invalid \\x escape at position ", i - 1);
      out += static_cast<char>(parse<uint8_t>(line.substr(i + 1, 2), 16));
      i += 2;
    } else if (c >= '0' && c <= '7') {
      size_t digits = 1;
      while (digits < 3 && i + digits < line.size() && line[i + digits] >= '0' && line[i + digits] <= '7')
        ++digits;
      out += static_cast<char>(parse<uint16_t>(line.substr(i, digits), 8));
      i += digits - 1;
    } else {
      if (c != '\\' && c != '\'' && c != '"') out += '\\';
      out += c;
    }
  }
  return out;
}

// Protocol 0's UNICODE: Latin-1 with \uXXXX and \UXXXXXXXX.
std::string parse_raw_unicode(std::string_view line) {
  std::string out;
  for (size_t i = 0; i < line.size(); ++i) {
    const bool is_escape =
        line[i] == '\\' && i + 1 < line.size() && (line[i + 1] == 'u' || line[i + 1] == 'U');
    if (!is_escape) {
      append_utf8(out, static_cast<uint8_t>(line[i]));
      continue;
    }
    const size_t digits = line[i + 1] == 'u' ? 4 : 8;
    RL_CHECK_AS(ValueError, i + 2 + digits <= line.size(), "truncated \\u escape at position ", i);
    const auto code_point = parse<uint32_t>(line.substr(i + 2, digits), 16);
    RL_CHECK_AS(ValueError, code_point <= 0x10ffff, "\\Uxxxxxxxx out of range at position ", i);
    append_utf8(out, code_point);
    i += 1 + digits;
  }
  return out;
}

// Every item of a set (stride 1), or every key of a dict's items (stride 2).
void check_hashable(const std::vector<Value>& items, size_t stride) {
  RL_CHECK_AS(IndexError, items.size() % stride == 0, "list index out of range");
  for (size_t i = 0; i < items.size(); i += stride) {
    RL_CHECK_AS(TypeError, items[i].is_hashable(), "unhashable type: '", kind_name(items[i].kind()), "'");
  }
}

class Unpickler {
 public:
  explicit Unpickler(std::string_view pickle)
      : input_(pickle), size_(pickle.size()), rebuilder_(tree_, 2 * pickle.size() + 64) {}

  ValueTree run() {
    for (;;) {
      const auto op = input_.number<uint8_t>();
      if (op == opcode::kStop) break;
      if (!run_number(op) && !run_text(op) && !run_container(op) && !run_stack(op) && !run_object(op)) {
        throw_weights_only(concat("Unsupported operand ", int{op}));
      }
    }
    tree_.root = pop();
    return std::move(tree_);
  }

 private:
  // Each runs the opcode when it is one of its family, and else returns false.
  bool run_number(uint8_t op);
  bool run_text(uint8_t op);
  bool run_container(uint8_t op);
  bool run_stack(uint8_t op);
  bool run_object(uint8_t op);

  void push(Value value) { stack_.push_back(value); }
  // What lies below the last mark is out of reach.
  size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  Value pop() {
    RL_CHECK_AS(IndexError, stack_.size() > floor(), "pop from empty list");
    const Value value = stack_.back();
    stack_.pop_back();
    return value;
  }
  Value& top() {
    RL_CHECK_AS(IndexError, stack_.size() > floor(), "list index out of range");
    return stack_.back();
  }
  std::vector<Value> pop_count(size_t count) {
    RL_CHECK_AS(IndexError, stack_.size() - floor() >= count, "list index out of range");
    std::vector<Value> items(stack_.end() - static_cast<ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return items;
  }
  std::vector<Value> pop_mark() {
    RL_CHECK_AS(IndexError, !marks_.empty(), "pop from empty list");
    std::vector<Value> items = pop_count(stack_.size() - marks_.back());
    marks_.pop_back();
    return items;
  }
  void push_container(Kind kind, std::vector<Value> items = {}) {
    push(tree_.container(kind, std::move(items)));
  }
  void push_string(std::string_view text) {
    check_utf8(text, /*surrogates=*/true);
    push(tree_.string(std::string(text)));
  }
  void push_int_text(std::string_view text);
  void push_long(std::string_view twos_complement);
  void append(const std::vector<Value>& items, const char* verb);
  void add_to_set(const std::vector<Value>& items);
  void set_items(const std::vector<Value>& items, const char* op_name);
  void build();
  void get(uint64_t index);
  void put(uint64_t index);

  ValueTree tree_;
  Input input_;
  size_t size_;
  Rebuilder rebuilder_;
  std::vector<Value> stack_;
  std::vector<size_t> marks_;  // stack heights
  std::vector<Value> memo_;    // Absent: not set
  uint64_t memo_count_ = 0;    // MEMOIZE takes this index
};

bool Unpickler::run_number(uint8_t op) {
  switch (op) {
    case opcode::kNone: push(Value::none()); return true;
    case opcode::kNewTrue: push(true); return true;
    case opcode::kNewFalse: push(false); return true;
    case opcode::kBinInt: push(input_.number<int32_t>()); return true;
    case opcode::kBinInt1: push(int{input_.number<uint8_t>()}); return true;
    case opcode::kBinInt2: push(int{input_.number<uint16_t>()}); return true;
    case opcode::kLong1: push_long(input_.counted<uint8_t>()); return true;
    case opcode::kLong4: push_long(input_.counted<uint32_t>()); return true;
    case opcode::kBinFloat:
      push(std::bit_cast<double>(__builtin_bswap64(input_.number<uint64_t>())));
      return true;
    case opcode::kInt:
    case opcode::kLong: push_int_text(input_.line()); return true;
    case opcode::kFloat: push(parse<double>(input_.line())); return true;
    default: return false;
  }
}

void Unpickler::push_int_text(std::string_view text) {
  if (text == "00" || text == "01") {
    push(text == "01");
    return;
  }
  if (!text.empty() && text.back() == 'L') text.remove_suffix(1);
  push(parse<int64_t>(text));
}

void Unpickler::push_long(std::string_view bytes) {
  const auto sign_of = [](char last) { return static_cast<int8_t>(last) < 0 ? '\xff' : '\0'; };
  while (bytes.size() > 8 && bytes.back() == sign_of(bytes[bytes.size() - 2])) bytes.remove_suffix(1);
  if (bytes.size() > 8) {
    push(tree_.big_int(std::string(bytes)));
    return;
  }
  int64_t value = !bytes.empty() && sign_of(bytes.back()) != 0 ? -1 : 0;
  std::memcpy(&value, bytes.data(), bytes.size());
  push(value);
}

bool Unpickler::run_text(uint8_t op) {
  switch (op) {
    case opcode::kBinUnicode: push_string(input_.counted<uint32_t>()); return true;
    case opcode::kShortBinUnicode: push_string(input_.counted<uint8_t>()); return true;
    case opcode::kBinUnicode8: push_string(input_.counted<uint64_t>()); return true;
    case opcode::kUnicode: push(tree_.string(parse_raw_unicode(input_.line()))); return true;
    case opcode::kString: push_string(parse_quoted(input_.line())); return true;
    case opcode::kBinString: push_string(input_.counted<uint32_t>()); return true;
    case opcode::kShortBinString: push_string(input_.counted<uint8_t>()); return true;
    case opcode::kBinBytes: push(tree_.bytes(std::string(input_.counted<uint32_t>()))); return true;
    case opcode::kShortBinBytes: push(tree_.bytes(std::string(input_.counted<uint8_t>()))); return true;
    case opcode::kBinBytes8: push(tree_.bytes(std::string(input_.counted<uint64_t>()))); return true;
    case opcode::kByteArray8: push(tree_.byte_array(std::string(input_.counted<uint64_t>()))); return true;
    default: return false;
  }
}

bool Unpickler::run_container(uint8_t op) {
  switch (op) {
    case opcode::kEmptyTuple: push_container(Kind::Tuple); return true;
    case opcode::kTuple1: push_container(Kind::Tuple, pop_count(1)); return true;
    case opcode::kTuple2: push_container(Kind::Tuple, pop_count(2)); return true;
    case opcode::kTuple3: push_container(Kind::Tuple, pop_count(3)); return true;
    case opcode::kTuple: push_container(Kind::Tuple, pop_mark()); return true;
    case opcode::kEmptyList: push_container(Kind::List); return true;
    case opcode::kList: push_container(Kind::List, pop_mark()); return true;
    case opcode::kAppend: append({pop()}, "append to"); return true;
    case opcode::kAppends: append(pop_mark(), "extend"); return true;
    case opcode::kEmptyDict: push_container(Kind::Dict); return true;
    case opcode::kSetItem: set_items(pop_count(2), "SETITEM"); return true;
    case opcode::kSetItems: set_items(pop_mark(), "SETITEMS"); return true;
    case opcode::kEmptySet: push_container(Kind::Set); return true;
    case opcode::kAddItems: add_to_set(pop_mark()); return true;
    case opcode::kDict: {
      std::vector<Value> items = pop_mark();
      check_hashable(items, 2);
      push_container(Kind::Dict, std::move(items));
      return true;
    }
    case opcode::kFrozenSet: {
      std::vector<Value> items = pop_mark();
      check_hashable(items, 1);
      push_container(Kind::FrozenSet, std::move(items));
      return true;
    }
    default: return false;
  }
}

void Unpickler::append(const std::vector<Value>& items, const char* verb) {
  const Value list = top();
  if (!list.is(Kind::List)) throw_weights_only(concat("Can only ", verb, " lists, but got ", class_of(list)));
  std::vector<Value>& target = list.container().items;
  target.insert(target.end(), items.begin(), items.end());
}

void Unpickler::add_to_set(const std::vector<Value>& items) {
  const Value set = top();
  if (!set.is(Kind::Set)) throw_weights_only(concat("Can only add to sets, but got ", class_of(set)));
  check_hashable(items, 1);
  std::vector<Value>& target = set.container().items;
  target.insert(target.end(), items.begin(), items.end());
}

void Unpickler::set_items(const std::vector<Value>& items, const char* op_name) {
  const Value dict = top();
  if (!dict.is_dict()) {
    throw_weights_only(concat("Can only ", op_name,
                              " for dict, collections.OrderedDict, collections.Counter, but got ",
                              class_of(dict)));
  }
  check_hashable(items, 2);
  std::vector<Value>& target = dict.container().items;
  target.insert(target.end(), items.begin(), items.end());
}

bool Unpickler::run_stack(uint8_t op) {
  switch (op) {
    case opcode::kMark: marks_.push_back(stack_.size()); return true;
    case opcode::kPop: {
      if (stack_.size() > floor()) {
        stack_.pop_back();
      } else {
        pop_mark();
      }
      return true;
    }
    case opcode::kPopMark: pop_mark(); return true;
    case opcode::kDup: push(top()); return true;
    case opcode::kGet: get(parse<uint64_t>(input_.line())); return true;
    case opcode::kBinGet: get(input_.number<uint8_t>()); return true;
    case opcode::kLongBinGet: get(input_.number<uint32_t>()); return true;
    case opcode::kPut: put(parse<uint64_t>(input_.line())); return true;
    case opcode::kBinPut: put(input_.number<uint8_t>()); return true;
    case opcode::kLongBinPut: put(input_.number<uint32_t>()); return true;
    case opcode::kMemoize: put(memo_count_); return true;
    case opcode::kProto: {
      const int protocol = input_.number<uint8_t>();
      RL_CHECK_AS(ValueError, protocol <= 5, "unsupported pickle protocol: ", protocol);
      return true;
    }
    case opcode::kFrame: (void)input_.number<uint64_t>(); return true;
    default: return false;
  }
}

void Unpickler::get(uint64_t index) {
  RL_CHECK_AS(KeyError, index < memo_.size() && !memo_[index].is(Kind::Absent), "'", index, "'");
  push(memo_[index]);
}

// A pickler counts up, so that an index is smaller than the pickle is long.
void Unpickler::put(uint64_t index) {
  RL_CHECK_AS(UnpicklingError, index < size_, "memo index ", index, " in a pickle of ", size_, " bytes");
  if (index >= memo_.size()) memo_.resize(index + 1);
  if (memo_[index].is(Kind::Absent)) ++memo_count_;
  memo_[index] = top();
}

bool Unpickler::run_object(uint8_t op) {
  switch (op) {
    case opcode::kGlobal: {
      const std::string_view module = input_.line();
      const std::string_view name = input_.line();
      check_utf8(module, false);
      check_utf8(name, false);
      push(rebuilder_.global(module, name));
      return true;
    }
    case opcode::kStackGlobal: {
      const std::vector<Value> names = pop_count(2);
      RL_CHECK_AS(UnpicklingError, names[0].is(Kind::String) && names[1].is(Kind::String),
                  "STACK_GLOBAL requires str");
      push(rebuilder_.global(names[0].as_string(), names[1].as_string()));
      return true;
    }
    case opcode::kReduce:
    case opcode::kNewObj: {
      const std::vector<Value> call = pop_count(2);
      push(rebuilder_.call(call[0], call[1]));
      return true;
    }
    case opcode::kBinPersId: push(rebuilder_.persistent_load(pop())); return true;
    case opcode::kBuild: build(); return true;
    default: return false;
  }
}

void Unpickler::build() {
  const Value state = pop();
  const Value target = top();
  if (!target.is(Kind::OrderedDict)) {
    throw_weights_only(
        concat("Can only build Tensor, Parameter, OrderedDict or types allowlisted via "
               "`add_safe_globals`, but got ",
               class_of(target)));
  }
  RL_CHECK_AS(TypeError, state.is(Kind::Dict), "'", kind_name(state.kind()), "' object is not iterable");
  target.container().state = state;
}

}  // namespace

ValueTree unpickle(std::string_view pickle) { return Unpickler(pickle).run(); }

}  // namespace rushlight::io
