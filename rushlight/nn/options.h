// What a layer is made of: its options, declared once.
//
//   class Dropout : public Module {
//    public:
//     RL_OPTIONS(Dropout, (double, p, 0.5), (bool, inplace, false))
//     Tensor forward(const Tensor& input) override;
//   };
//
// gives the members `p` and `inplace`, and in Python the attributes and the constructor with its keywords. In
// C++ the options are given in order, or those with a default by name (in the order of the declaration):
//
//   Dropout(0.3, true)    Dropout({.inplace = true})    Conv2d(1, 16, 3, {.padding = 1, .bias = false})
//
// An option without a default must be given. Options of type Once<T> exist for the constructor alone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "rushlight/core/tensor.h"

namespace rushlight::nn {

// An attribute's name that C++ code looks up. The owner of a module keeps its own key for it (an interned
// Python string).
class Name {
 public:
  enum Use : uint8_t { kKept = 0, kOnce = 1, kKeyword = 2, kDerived = 4 };
  constexpr explicit Name(const char* text, bool required = false, unsigned use = kKept, int tuple = -1)
      : text_(text), use_(use), tuple_(tuple), required_(required) {}
  const char* text() const { return text_; }
  bool required() const { return required_; }
  bool once() const { return use_ & kOnce; }             // an argument of the constructor, no attribute
  bool keyword_only() const { return use_ & kKeyword; }  // in Python
  bool derived() const { return use_ & kDerived; }       // an attribute that the constructor does not take
  int tuple() const { return tuple_; }  // a tuple of so many in Python, 0 for any; -1: kept as given
  mutable void* foreign_key = nullptr;

 private:
  const char* text_;
  unsigned use_;
  int tuple_;
  bool required_;
};

// An argument of the constructor that is no attribute.
template <class T>
struct Once {
  Once() = default;
  Once(T v) : value(std::move(v)) {}
  template <class U>
  requires std::is_constructible_v<T, U> Once(U&& v) : value(std::forward<U>(v)) {}
  operator const T&() const { return value; }
  const T* operator->() const { return &value; }
  T value{};
};
// The same, by keyword only in Python.
template <class T>
struct Keyword : Once<T> {
  using Once<T>::Once;
};

// An attribute that the constructor does not take in Python; build() sets it.
template <class T>
struct Derived : Once<T> {
  using Once<T>::Once;
};

// Sizes for N dimensions: one number stands for all of them. N = 0: any number of sizes.
template <int N>
struct Tuple : Dims {
  Tuple() = default;
  Tuple(int64_t v) : Dims(N ? N : 1, v) {}
  Tuple(int v) : Tuple(int64_t{v}) {}
  Tuple(std::initializer_list<int64_t> v) : Dims(v) {}
  Tuple(const Dims& d) : Dims(d) {}
};
// Sizes of which some are left to the input (None in Python, -1 here).
struct OpenSizes : Dims {
  OpenSizes() = default;
  OpenSizes(int64_t v) : Dims(1, v) {}
  OpenSizes(int v) : OpenSizes(int64_t{v}) {}
  OpenSizes(std::initializer_list<int64_t> v) : Dims(v) {}
};
// Sizes that are kept as they were given: one number stands for all dimensions.
struct Sizes : Dims {
  Sizes() = default;
  Sizes(int64_t v) : Dims(1, v) {}
  Sizes(int v) : Sizes(int64_t{v}) {}
  Sizes(std::initializer_list<int64_t> v) : Dims(v) {}
  Sizes(const Dims& d) : Dims(d) {}
};
// The same, or nothing.
struct OptSizes : std::optional<Dims> {
  OptSizes() = default;
  OptSizes(int64_t v) : optional(Dims(1, v)) {}
  OptSizes(int v) : OptSizes(int64_t{v}) {}
  OptSizes(std::initializer_list<int64_t> v) : optional(Dims(v)) {}
  OptSizes(const Dims& d) : optional(d) {}
};
// Factors, one number for all dimensions or one for each, or nothing.
struct OptFactors : std::optional<std::vector<double>> {
  OptFactors() = default;
  OptFactors(double v) : optional(std::vector<double>{v}) {}
  OptFactors(std::initializer_list<double> v) : optional(std::vector<double>(v)) {}
};
// Sizes, or a word for them ("same").
template <int N>
struct WordOr {
  WordOr() = default;
  WordOr(int64_t v) : sizes(v) {}
  WordOr(int v) : sizes(v) {}
  WordOr(std::initializer_list<int64_t> v) : sizes(v) {}
  WordOr(const char* w) : word(w) {}
  WordOr(std::string w) : word(std::move(w)) {}
  std::string word;
  Tuple<N> sizes;
};

using OnDevice = Once<OptDevice>;
using OfDType = Once<OptDType>;

class OptionVisitor {
 public:
  virtual ~OptionVisitor() = default;
  virtual void visit(const Name& name, int64_t& value) = 0;
  virtual void visit(const Name& name, double& value) = 0;
  virtual void visit(const Name& name, bool& value) = 0;
  virtual void visit(const Name& name, std::string& value) = 0;
  virtual void visit(const Name& name, Dims& value) = 0;
  virtual void visit(const Name& name, OpenSizes& value) = 0;
  virtual void visit(const Name& name, std::string& word, Dims& sizes) = 0;
  virtual void visit(const Name& name, OptInt& value) = 0;
  virtual void visit(const Name& name, OptDouble& value) = 0;
  virtual void visit(const Name& name, OptBool& value) = 0;
  virtual void visit(const Name& name, std::optional<Dims>& value) = 0;
  virtual void visit(const Name& name, std::optional<std::vector<double>>& value) = 0;
  virtual void visit(const Name& name, OptDevice& value) = 0;
  virtual void visit(const Name& name, OptDType& value) = 0;
  virtual void visit(const Name& name, Tensor& value) = 0;
};

// How an option of a type is named and handed to a visitor.
template <class T>
struct OptionTraits {
  static constexpr Name make_name(const char* text, bool required) { return Name(text, required); }
  static void visit(OptionVisitor& v, const Name& n, T& value) { v.visit(n, value); }
};
template <class T>
struct OptionTraits<Once<T>> {
  static constexpr Name make_name(const char* text, bool required) {
    return Name(text, required, Name::kOnce);
  }
  static void visit(OptionVisitor& v, const Name& n, Once<T>& value) { v.visit(n, value.value); }
};
template <class T>
struct OptionTraits<Keyword<T>> {
  static constexpr Name make_name(const char* text, bool required) {
    return Name(text, required, Name::kOnce | Name::kKeyword);
  }
  static void visit(OptionVisitor& v, const Name& n, Keyword<T>& value) { v.visit(n, value.value); }
};
template <class T>
struct OptionTraits<Derived<T>> {
  static constexpr Name make_name(const char* text, bool required) {
    return Name(text, required, Name::kDerived);
  }
  static void visit(OptionVisitor& v, const Name& n, Derived<T>& value) { v.visit(n, value.value); }
};
template <int N>
struct OptionTraits<Derived<Tuple<N>>> {
  static constexpr Name make_name(const char* text, bool required) {
    return Name(text, required, Name::kDerived, N);
  }
  static void visit(OptionVisitor& v, const Name& n, Derived<Tuple<N>>& value) {
    v.visit(n, static_cast<Dims&>(value.value));
  }
};
template <int N>
struct OptionTraits<Tuple<N>> {
  static constexpr Name make_name(const char* text, bool required) {
    return Name(text, required, Name::kKept, N);
  }
  static void visit(OptionVisitor& v, const Name& n, Tuple<N>& value) {
    v.visit(n, static_cast<Dims&>(value));
  }
};
template <int N>
struct OptionTraits<WordOr<N>> {
  static constexpr Name make_name(const char* text, bool required) {
    return Name(text, required, Name::kKept, N);
  }
  static void visit(OptionVisitor& v, const Name& n, WordOr<N>& value) {
    v.visit(n, value.word, value.sizes);
  }
};

// Tag of the constructor that leaves a layer without parameters, for an owner that fills in the options
// itself.
struct Blank {};

#define RL_OPTIONS(Class, ...)                                                            \
  struct Options {                                                                        \
    RL_MAP(RL_OPTION_FIELD, __VA_ARGS__)                                                  \
  };                                                                                      \
  explicit Class(Blank) {}                                                                \
  explicit Class(RL_TAIL(~RL_MAP(RL_OPTION_PARAMETER, __VA_ARGS__))) {                    \
    RL_MAP(RL_OPTION_ASSIGN, __VA_ARGS__)                                                 \
    build();                                                                              \
    reset_parameters();                                                                   \
  }                                                                                       \
  explicit Class(RL_TAIL(~RL_MAP(RL_OPTION_REQUIRED, __VA_ARGS__), Options options))      \
      : Class(RL_TAIL(~RL_MAP(RL_OPTION_ARGUMENT, __VA_ARGS__))) {                        \
    (void)options;                                                                        \
  }                                                                                       \
  RL_MAP(RL_OPTION_MEMBER, __VA_ARGS__)                                                   \
  void visit_options([[maybe_unused]] ::rushlight::nn::OptionVisitor& visitor) override { \
    RL_MAP(RL_OPTION_VISIT, __VA_ARGS__)                                                  \
  }

#define RL_OPTION_PARAMETER(...) \
  RL_PICK(__VA_ARGS__, RL_OPTION_PARAMETER3, RL_OPTION_PARAMETER2, RL_NOTHING)(__VA_ARGS__)
#define RL_OPTION_PARAMETER3(type, name, ...) , type name = __VA_ARGS__
#define RL_OPTION_PARAMETER2(type, name) , type name
#define RL_OPTION_FIELD(...) RL_PICK(__VA_ARGS__, RL_OPTION_MEMBER3, RL_NOTHING, RL_NOTHING)(__VA_ARGS__)
#define RL_OPTION_REQUIRED(...) \
  RL_PICK(__VA_ARGS__, RL_NOTHING, RL_OPTION_PARAMETER2, RL_NOTHING)(__VA_ARGS__)
#define RL_OPTION_ARGUMENT(...) \
  RL_PICK(__VA_ARGS__, RL_OPTION_ARGUMENT3, RL_OPTION_ARGUMENT2, RL_NOTHING)(__VA_ARGS__)
#define RL_OPTION_ARGUMENT3(type, name, ...) , std::move(options.name)
#define RL_OPTION_ARGUMENT2(type, name) , std::move(name)
#define RL_OPTION_ASSIGN(type, name, ...) this->name = std::move(name);
#define RL_OPTION_MEMBER(...) \
  RL_PICK(__VA_ARGS__, RL_OPTION_MEMBER3, RL_OPTION_MEMBER2, RL_NOTHING)(__VA_ARGS__)
#define RL_OPTION_MEMBER3(type, name, ...) type name = __VA_ARGS__;
#define RL_OPTION_MEMBER2(type, name) type name{};
#define RL_OPTION_VISIT(...) RL_PICK(__VA_ARGS__, RL_OPTION_VISIT3, RL_OPTION_VISIT2, RL_NOTHING)(__VA_ARGS__)
#define RL_OPTION_VISIT3(type, name, ...) RL_OPTION_VISIT_AS(type, name, false)
#define RL_OPTION_VISIT2(type, name) RL_OPTION_VISIT_AS(type, name, true)
#define RL_OPTION_VISIT_AS(type, name, required)                          \
  {                                                                       \
    static constinit ::rushlight::nn::Name key =                          \
        ::rushlight::nn::OptionTraits<type>::make_name(#name, required);  \
    ::rushlight::nn::OptionTraits<type>::visit(visitor, key, this->name); \
  }

}  // namespace rushlight::nn
