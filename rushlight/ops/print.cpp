#include "rushlight/ops/print.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <mutex>
#include <ostream>
#include <vector>

#include "rushlight/autograd/variable.h"

namespace rushlight {
namespace {

std::mutex options_mutex;
PrintOptions current_options;

// ---- numbers

// Digits as Python's format(value, ".4f") and ".4e" write them: correctly rounded, no sign on nan.
std::string format_real(double value, std::chars_format format, int64_t precision) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::string text(static_cast<size_t>(precision) + 320,
                   '\0');  // the largest double has 309 digits before the point
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), value, format, static_cast<int>(precision));
  text.resize(static_cast<size_t>(end.ptr - text.data()));
  return text;
}

void append_padded(std::string& out, const std::string& text, int64_t width) {
  if (const int64_t missing = width - static_cast<int64_t>(text.size()); missing > 0)
    out.append(static_cast<size_t>(missing), ' ');
  out += text;
}

// How all the real numbers of one tensor are written: as "1." when every one is whole, with exponents when
// they are far apart, else with a fixed number of digits; all to the same width.
class RealStyle {
 public:
  RealStyle(const std::vector<double>& values, const PrintOptions& options) : precision_(options.precision) {
    double smallest = INFINITY, largest = 0;
    for (const double v : values) {
      if (!counts(v)) continue;
      smallest = std::min(smallest, std::abs(v));
      largest = std::max(largest, std::abs(v));
      whole_ = whole_ && v == std::ceil(v);
    }
    if (largest == 0) return;
    scientific_ =
        options.scientific.value_or(largest / smallest > 1000.0 || largest > 1e8 || smallest < 1e-4);
    // Zeros and non-finite values do not widen the column: PyTorch measures only the others.
    for (const double v : values) {
      if (counts(v)) width_ = std::max(width_, static_cast<int64_t>(text(v).size()));
    }
  }

  int64_t width() const { return width_; }

  std::string text(double value) const {
    if (scientific_) return format_real(value, std::chars_format::scientific, precision_);
    if (!whole_) return format_real(value, std::chars_format::fixed, precision_);
    return format_real(value, std::chars_format::fixed, 0) + (std::isfinite(value) ? "." : "");
  }

 private:
  static bool counts(double v) { return std::isfinite(v) && v != 0; }

  int64_t precision_;
  int64_t width_ = 1;
  bool whole_ = true;
  bool scientific_ = false;
};

// ---- the elements that are shown

bool abbreviated(int64_t size, bool summarize, const PrintOptions& options) {
  return summarize && size > 2 * options.edge_items;
}

// Calls f(offset) for the shown elements in order; the offset is in elements.
template <class F>
void for_each_shown(const Tensor& t, int64_t dim, int64_t offset, bool summarize, const PrintOptions& options,
                    F&& f) {
  if (dim == t.dim()) return f(offset);
  const int64_t size = t.sizes()[dim], stride = t.strides()[dim];
  const bool cut = abbreviated(size, summarize, options);
  for (int64_t i = 0; i < size; ++i) {
    if (cut && i == options.edge_items) i = size - options.edge_items;
    if (i < size) for_each_shown(t, dim + 1, offset + i * stride, summarize, options, f);
  }
}

// The texts of the shown elements, in order and padded to one width.
struct Elements {
  std::vector<std::string> texts;
  int64_t width = 1;
};

template <class T, class F>
std::vector<double> gather(const Tensor& t, bool summarize, const PrintOptions& options, F part) {
  std::vector<double> values;
  const T* data = static_cast<const T*>(t.raw_data());
  for_each_shown(t, 0, 0, summarize, options, [&](int64_t at) { values.push_back(part(data[at])); });
  return values;
}

template <class T>
Elements real_elements(const Tensor& t, bool summarize, const PrintOptions& options) {
  const auto values = gather<T>(t, summarize, options, [](T v) { return static_cast<double>(v); });
  const RealStyle style(values, options);
  Elements out;
  out.width = style.width();
  for (const double v : values) append_padded(out.texts.emplace_back(), style.text(v), out.width);
  return out;
}

template <class T>
Elements complex_elements(const Tensor& t, bool summarize, const PrintOptions& options) {
  const auto reals = gather<T>(t, summarize, options, [](T v) { return static_cast<double>(v.real()); });
  const auto imags = gather<T>(t, summarize, options, [](T v) { return static_cast<double>(v.imag()); });
  const RealStyle real_style(reals, options), imag_style(imags, options);
  Elements out;
  out.width = real_style.width() + imag_style.width() + 1;
  for (size_t i = 0; i < reals.size(); ++i) {
    std::string& text = out.texts.emplace_back();
    append_padded(text, real_style.text(reals[i]), real_style.width());
    const std::string imag = imag_style.text(imags[i]);
    text += (imag[0] == '-' ? "" : "+") + imag + "j";
  }
  return out;
}

template <class T>
Elements integer_elements(const Tensor& t, bool summarize, const PrintOptions& options) {
  const T* data = static_cast<const T*>(t.raw_data());
  std::vector<std::string> plain;
  Elements out;
  for_each_shown(t, 0, 0, summarize, options, [&](int64_t at) {
    if constexpr (std::is_same_v<T, bool>) plain.push_back(data[at] ? "True" : "False");
    else plain.push_back(std::to_string(data[at]));
    out.width = std::max(out.width, static_cast<int64_t>(plain.back().size()));
  });
  for (const std::string& text : plain) append_padded(out.texts.emplace_back(), text, out.width);
  return out;
}

Elements elements_of(const Tensor& t, bool summarize, const PrintOptions& options) {
  return visit_dtype(t.dtype(), [&]<class T>() {
    if constexpr (is_complex(dtype_of<T>)) return complex_elements<T>(t, summarize, options);
    else if constexpr (is_floating(dtype_of<T>)) return real_elements<T>(t, summarize, options);
    else return integer_elements<T>(t, summarize, options);
  });
}

// ---- brackets, commas and lines

class Layout {
 public:
  Layout(const Tensor& t, bool summarize, const PrintOptions& options)
      : tensor_(t), summarize_(summarize), options_(options), elements_(elements_of(t, summarize, options)) {}

  std::string text(int64_t indent) {
    if (tensor_.dim() == 0) return elements_.texts[0];
    write(0, indent);
    return std::move(out_);
  }

 private:
  void write(int64_t dim, int64_t indent) {
    out_ += '[';
    if (dim + 1 == tensor_.dim()) write_row(dim, indent);
    else write_slices(dim, indent);
    out_ += ']';
  }

  void write_slices(int64_t dim, int64_t indent) {
    const int64_t size = tensor_.sizes()[dim];
    const bool cut = abbreviated(size, summarize_, options_);
    const int64_t shown = cut ? 2 * options_.edge_items + 1 : size;
    for (int64_t i = 0; i < shown; ++i) {
      if (i) break_line(tensor_.dim() - dim - 1, indent);
      if (cut && i == options_.edge_items) out_ += "...";
      else write(dim + 1, indent + 1);
    }
  }

  void write_row(int64_t dim, int64_t indent) {
    const int64_t size = tensor_.sizes()[dim];
    const bool cut = abbreviated(size, summarize_, options_);
    const int64_t shown = cut ? 2 * options_.edge_items + 1 : size;
    const int64_t per_line =
        std::max<int64_t>(1, (std::max<int64_t>(options_.line_width, 0) - indent) / (elements_.width + 2));
    for (int64_t i = 0; i < shown; ++i) {
      if (i && i % per_line == 0) break_line(1, indent);
      else if (i) out_ += ", ";
      if (cut && i == options_.edge_items) out_ += options_.edge_items ? " ..." : "...";
      else out_ += elements_.texts[next_++];
    }
  }

  void break_line(int64_t newlines, int64_t indent) {
    out_ += ',';
    out_.append(static_cast<size_t>(newlines), '\n');
    out_.append(static_cast<size_t>(indent) + 1, ' ');
  }

  const Tensor& tensor_;
  bool summarize_;
  const PrintOptions& options_;
  Elements elements_;
  size_t next_ = 0;  // the element to write
  std::string out_;
};

std::string elements_text(const Tensor& t, int64_t indent, const PrintOptions& options) {
  if (t.numel() == 0) return "[]";
  RL_CHECK(t.dim() <= 1000, "a tensor of ", t.dim(), " dimensions is too deep to print");
  RL_CHECK_AS(NotImplementedError, t.device().is_cpu(), "cannot print the elements of a tensor on ",
              t.device().str());
  return Layout(t, t.numel() > options.threshold, options).text(indent);
}

// ---- what follows the elements

std::string tuple_text(DimsRef sizes) {
  std::string text = "(";
  for (int64_t i = 0; i < sizes.size(); ++i) text += (i ? ", " : "") + std::to_string(sizes[i]);
  return text + (sizes.size() == 1 ? ",)" : ")");
}

std::string history_suffix(const Tensor& t) {
  Ref<autograd::Node> node;
  try {
    node = autograd::grad_fn(t);
  } catch (const RuntimeError&) {  // a view whose base was changed in a way that lost its history
    return "grad_fn=<Invalid>";
  }
  if (node) {
    const std::string name = node->name();
    return "grad_fn=<" + name.substr(name.rfind(':') + 1) + ">";
  }
  return t.requires_grad() ? "requires_grad=True" : "";
}

std::vector<std::string> suffixes(const Tensor& t, const PrintOptions& options) {
  const bool meta = t.device().type == DeviceType::Meta;
  const DType dtype = t.dtype();
  std::vector<std::string> out;
  if (!t.device().is_cpu()) out.push_back("device='" + t.device().str() + "'");
  bool default_dtype_shown = dtype == default_dtype();
  if (meta || (t.numel() == 0 ? t.dim() != 1 : options.edge_items == 0))
    out.push_back("size=" + tuple_text(t.sizes()));
  // Without elements to tell them apart, only the default dtype goes without saying.
  if (!meta && t.numel() > 0) {
    default_dtype_shown |=
        dtype == DType::Int64 || dtype == DType::Bool || dtype == to_complex(default_dtype());
  }
  if (!default_dtype_shown) out.push_back(std::string("dtype=torch.") + info(dtype).name);
  if (std::string history = history_suffix(t); !history.empty()) out.push_back(std::move(history));
  return out;
}

// Length in characters of UTF-8 text.
int64_t length(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; });
}

}  // namespace

PrintOptions print_options() {
  const std::lock_guard lock(options_mutex);
  return current_options;
}

void set_print_options(const PrintOptions& options) {
  RL_CHECK_AS(ValueError, options.precision >= 0 && options.precision <= 10000,
              "precision must be between 0 and 10000, but got ", options.precision);
  RL_CHECK_AS(ValueError, options.edge_items >= 0 && options.edge_items < (int64_t{1} << 31),
              "edgeitems must not be negative, but got ", options.edge_items);
  const std::lock_guard lock(options_mutex);
  current_options = options;
}

std::string elements_to_string(const Tensor& tensor, int64_t indent) {
  return elements_text(tensor, indent, print_options());
}

std::string to_string(const Tensor& tensor, std::string_view type_name) {
  if (!tensor.defined()) return "tensor(undefined)";
  const PrintOptions options = print_options();
  std::string out = std::string(type_name) + "(";
  const int64_t indent = length(out);
  const bool meta = tensor.device().type == DeviceType::Meta;
  out += meta ? "..." : elements_text(tensor, indent, options);
  const size_t newline = out.rfind('\n');
  // PyTorch counts the last line as two characters longer than it is.
  int64_t line =
      newline == std::string::npos ? length(out) + 2 : static_cast<int64_t>(out.size() - newline) + 1;
  for (const std::string& suffix : suffixes(tensor, options)) {
    const int64_t size = length(suffix);
    if (line + size + 2 > options.line_width) {
      out += ",\n" + std::string(static_cast<size_t>(indent), ' ') + suffix;
      line = indent + size;
    } else {
      out += ", " + suffix;
      line += size + 2;
    }
  }
  return out + ")";
}

std::ostream& operator<<(std::ostream& out, const Tensor& tensor) { return out << to_string(tensor); }

}  // namespace rushlight
