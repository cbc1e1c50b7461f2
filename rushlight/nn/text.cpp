#include "rushlight/nn/text.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cxxabi.h>
#include <typeinfo>

#include "rushlight/nn/module.h"

namespace rushlight::nn {

// The shortest digits that read back as the same number; an exponent below 1e-4 and from 1e16 on.
std::string python_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  const double size = std::abs(value);
  const bool scientific = size != 0 && (size < 1e-4 || size >= 1e16);
  char text[64];
  const auto end = std::to_chars(text, text + sizeof text, value,
                                 scientific ? std::chars_format::scientific : std::chars_format::fixed)
                       .ptr;
  std::string out(text, end);
  if (!scientific && out.find('.') == std::string::npos) out += ".0";
  return out;
}

std::string python_repr(const std::string& value) { return "'" + value + "'"; }

std::string python_repr(const Dims& value) {
  std::string out = "(";
  for (int64_t i = 0; i < value.size(); ++i) out += concat(i ? ", " : "", value[i]);
  return out + (value.size() == 1 ? ",)" : ")");
}

namespace {

// Finds an option by name and prints it.
class Printer final : public OptionVisitor {
 public:
  Printer(std::string_view name, bool quoted) : name_(name), quoted_(quoted) {}
  std::string text = "?";

  void visit(const Name& n, int64_t& v) override { print(n, v); }
  void visit(const Name& n, double& v) override { print(n, v); }
  void visit(const Name& n, bool& v) override { print(n, v); }
  void visit(const Name& n, std::string& v) override {
    if (n.text() == name_) text = quoted_ ? python_repr(v) : v;
  }
  void visit(const Name& n, Dims& v) override { print_sizes(n, v); }
  void visit(const Name& n, OpenSizes& v) override {
    if (n.text() != name_) return;
    std::string out;
    for (int64_t d : v) out += concat(out.empty() ? "" : ", ", d < 0 ? "None" : std::to_string(d));
    text = v.size() == 1 ? out : "(" + out + ")";
  }
  void visit(const Name& n, std::string& word, Dims& sizes) override {
    if (n.text() == name_) text = word.empty() ? python_repr(sizes) : word;
  }
  void visit(const Name& n, OptInt& v) override { print_optional(n, v); }
  void visit(const Name& n, OptDouble& v) override { print_optional(n, v); }
  void visit(const Name& n, OptBool& v) override { print_optional(n, v); }
  void visit(const Name& n, std::optional<Dims>& v) override {
    if (v) print_sizes(n, *v);
    else if (n.text() == name_) text = "None";
  }
  void visit(const Name& n, std::optional<std::vector<double>>& v) override {
    if (n.text() != name_) return;
    std::string out;
    for (double d : v.value_or(std::vector<double>{})) out += (out.empty() ? "" : ", ") + python_repr(d);
    text = !v ? "None" : v->size() == 1 ? out : "(" + out + ")";
  }
  void visit(const Name&, OptDevice&) override {}
  void visit(const Name&, OptDType&) override {}
  void visit(const Name& n, Tensor& v) override {
    if (n.text() == name_) text = v.defined() ? "True" : "None";
  }

 private:
  template <class T>
  void print(const Name& n, const T& v) {
    if (n.text() == name_) text = python_repr(v);
  }
  // One number that stands for all dimensions stays one, unless the layer keeps a tuple.
  void print_sizes(const Name& n, const Dims& v) {
    if (v.size() == 1 && n.tuple() < 0) print(n, v[0]);
    else print(n, v);
  }
  template <class T>
  void print_optional(const Name& n, const std::optional<T>& v) {
    if (n.text() == name_) text = v ? python_repr(*v) : "None";
  }
  std::string_view name_;
  bool quoted_;
};

}  // namespace

std::string indent(const std::string& text) {
  std::string out;
  for (char c : text) out += c == '\n' ? std::string("\n  ") : std::string(1, c);
  return out;
}

std::string Module::format(std::string_view pattern) {
  std::string out;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '{') {
      out += pattern[i];
      continue;
    }
    const size_t end = pattern.find('}', i);
    std::string_view name = pattern.substr(i + 1, end - i - 1);
    const bool quoted = name.ends_with("!r");
    if (quoted) name.remove_suffix(2);
    if (self_) {
      out += peer->show(self_, std::string(name), quoted);
    } else {
      Printer printer(name, quoted);
      visit_options(printer);
      out += printer.text;
    }
    i = end;
  }
  return out;
}

std::string Module::class_name() const {
  if (self_) return peer->class_name(self_);
  int status;
  char* full = abi::__cxa_demangle(typeid(*this).name(), nullptr, nullptr, &status);
  std::string name = full ? full : "Module";
  std::free(full);
  name = name.substr(0, name.find('<'));
  return name.substr(name.rfind(':') + 1);
}

std::string Module::to_string() {
  const std::string extra = self_ ? peer->extra_repr(*this, self_) : extra_repr();
  std::string lines;
  for (auto& [name, child] : children())
    lines += concat("\n  (", name, "): ", child ? indent(child->to_string()) : "None");
  if (lines.empty() && extra.find('\n') == std::string::npos) return class_name() + "(" + extra + ")";
  return class_name() + "(" + (extra.empty() ? "" : "\n  " + indent(extra)) + lines + "\n)";
}

std::ostream& operator<<(std::ostream& out, Module& module) { return out << module.to_string(); }

}  // namespace rushlight::nn
