// Exceptions. Every error that an input can cause is one of these; the Python binding maps each to the Python
// exception of the same name. The message is PyTorch's text; what helps beyond it is the hint, which Python
// shows as a note.
#pragma once

#include <exception>
#include <sstream>
#include <string>
#include <utility>

namespace rushlight {

class Error : public std::exception {
 public:
  explicit Error(std::string message) : message_(std::move(message)) {}
  const char* what() const noexcept override { return message_.c_str(); }
  const std::string& message() const { return message_; }

  // Advice beyond PyTorch's words (shapes, the module's path, what to do); empty when there is none.
  const std::string& hint() const { return hint_; }
  void add_hint(const std::string& line) { hint_ += hint_.empty() ? line : "\n" + line; }

 private:
  std::string message_;
  std::string hint_;
};

#define RL_FOR_EACH_ERROR(X) \
  X(RuntimeError)            \
  X(TypeError)               \
  X(ValueError)              \
  X(IndexError)              \
  X(KeyError)                \
  X(NotImplementedError)     \
  X(OverflowError)           \
  X(OutOfMemoryError)        \
  X(AttributeError)          \
  X(AssertionError)          \
  X(OSError)                 \
  X(UnpicklingError)

#define RL_DEFINE_ERROR(name) \
  class name : public Error { \
   public:                    \
    using Error::Error;       \
  };
RL_FOR_EACH_ERROR(RL_DEFINE_ERROR)
#undef RL_DEFINE_ERROR

// The parts, streamed one after the other into a string.
template <class... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream out;
  out << std::boolalpha;
  (out << ... << parts);
  return std::move(out).str();
}

template <class E = RuntimeError, class... Parts>
[[noreturn, gnu::noinline, gnu::cold]] void throw_error(const Parts&... parts) {
  throw E(concat(parts...));
}

}  // namespace rushlight

// The parts are evaluated only when the condition fails.
#define RL_CHECK_AS(type, condition, ...)                       \
  do {                                                          \
    if (!(condition)) [[unlikely]] {                            \
      ::rushlight::throw_error<::rushlight::type>(__VA_ARGS__); \
    }                                                           \
  } while (false)
#define RL_CHECK(condition, ...) RL_CHECK_AS(RuntimeError, condition, __VA_ARGS__)
