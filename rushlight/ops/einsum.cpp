// Contractions of several tensors: einsum, tensordot, kron. Each pair of operands becomes one batched matrix
// product.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "rushlight/ops/ops.h"

namespace rushlight {
namespace {

constexpr int kLetters = 52;

int letter_index(char c) { return c >= 'a' && c <= 'z' ? c - 'a' + 26 : c >= 'A' && c <= 'Z' ? c - 'A' : -1; }

// A label is a letter, or a dimension behind the ellipsis, counted from kLetters.
using Labels = std::vector<int>;

struct Equation {
  std::vector<Labels> inputs;  // kEllipsis marks the dots
  Labels output;
  bool explicit_output = false;
};
constexpr int kEllipsis = -1;

Labels parse_term(std::string_view text, size_t operand, bool is_output) {
  Labels labels;
  bool dots = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ' ') continue;
    if (c == '.') {
      const std::string where =
          is_output ? "for the output but an ellipsis was already found"
                    : concat("for operand ", operand, " for which an ellipsis was already found");
      RL_CHECK(!dots, "einsum(): found '.' ", where);
      RL_CHECK(i + 2 < text.size() && text[i + 1] == '.' && text[i + 2] == '.', "einsum(): found '.' ",
               is_output ? std::string("for the output") : concat("for operand ", operand),
               " that is not part of any ellipsis");
      labels.push_back(kEllipsis);
      dots = true;
      i += 2;
      continue;
    }
    const int index = letter_index(c);
    RL_CHECK(index >= 0, "einsum(): invalid subscript given at index ", i,
             " in the equation string, subscripts must be in [a-zA-Z]");
    labels.push_back(index);
  }
  return labels;
}

Equation parse_equation(std::string_view text) {
  Equation e;
  const size_t arrow = text.find("->");
  std::string_view left = text.substr(0, arrow);
  for (size_t start = 0;;) {
    const size_t comma = left.find(',', start);
    e.inputs.push_back(parse_term(left.substr(start, comma == std::string_view::npos ? comma : comma - start),
                                  e.inputs.size(), false));
    if (comma == std::string_view::npos) break;
    start = comma + 1;
  }
  if (arrow != std::string_view::npos) {
    e.explicit_output = true;
    e.output = parse_term(text.substr(arrow + 2), 0, true);
  }
  return e;
}

char letter(int label) {
  return label < 26 ? static_cast<char>('A' + label) : static_cast<char>('a' + label - 26);
}

// Replaces the ellipsis by its dimensions, numbered so that the last ones of all operands coincide.
Labels spread_ellipsis(const Labels& labels, int64_t dims, int64_t widest) {
  Labels out;
  for (int l : labels) {
    if (l != kEllipsis) out.push_back(l);
    else
      for (int64_t d = widest - dims; d < widest; ++d) out.push_back(kLetters + static_cast<int>(d));
  }
  return out;
}

// A label that stands twice on one operand takes the diagonal.
Tensor take_diagonals(Tensor t, Labels& labels, size_t operand) {
  for (size_t i = 0; i < labels.size(); ++i) {
    for (size_t j = i + 1; j < labels.size();) {
      if (labels[i] != labels[j]) {
        ++j;
        continue;
      }
      RL_CHECK(t.size(i) == t.size(j), "einsum(): subscript ", letter(labels[i]), " is repeated for operand ",
               operand, " but the sizes don't match, ", t.size(j), " != ", t.size(i));
      t = t.diagonal(0, i, j).movedim(-1, i);
      labels.erase(labels.begin() + j);
    }
  }
  return t;
}

struct Term {
  Tensor tensor;
  Labels labels;
};

bool contains(const Labels& labels, int l) {
  return std::find(labels.begin(), labels.end(), l) != labels.end();
}

// Dimensions in the order of `order`; those that the operand lacks have size one.
Tensor arrange(const Term& o, const Labels& order) {
  Dims permutation;
  for (int l : order) {
    auto it = std::find(o.labels.begin(), o.labels.end(), l);
    if (it != o.labels.end()) permutation.push_back(it - o.labels.begin());
  }
  Tensor t = o.tensor.permute(permutation);
  for (size_t i = 0; i < order.size(); ++i)
    if (!contains(o.labels, order[i])) t = t.unsqueeze(i);
  return t;
}

Term sum_out(const Term& o, const Labels& keep) {
  Dims summed;
  Labels left;
  for (size_t i = 0; i < o.labels.size(); ++i) {
    if (contains(keep, o.labels[i])) left.push_back(o.labels[i]);
    else summed.push_back(i);
  }
  return {summed.empty() ? o.tensor : o.tensor.sum(summed), left};
}

// Product of two operands with every label outside `keep` summed: batch labels in both, then those of the
// left, of the right, and the contracted ones, as one bmm.
Term contract(const Term& a, const Term& b, const Labels& keep) {
  Labels batch, left, right, summed;
  for (int l : a.labels) (contains(b.labels, l) ? (contains(keep, l) ? batch : summed) : left).push_back(l);
  for (int l : b.labels)
    if (!contains(a.labels, l)) right.push_back(l);
  auto order = [](std::initializer_list<const Labels*> parts) {
    Labels out;
    for (const Labels* p : parts) out.insert(out.end(), p->begin(), p->end());
    return out;
  };
  // A size of one against a larger one broadcasts: expand both to what they share.
  auto size_of = [&](int l) {
    int64_t size = 1;
    for (const Term* o : {&a, &b}) {
      auto it = std::find(o->labels.begin(), o->labels.end(), l);
      if (it != o->labels.end() && o->tensor.size(it - o->labels.begin()) != 1)
        size = o->tensor.size(it - o->labels.begin());
    }
    return size;
  };
  auto grouped = [&](const Term& o, const Labels& first, const Labels& second) {
    const Labels labels = order({&batch, &first, &second});
    Dims sizes;
    for (int l : labels) sizes.push_back(size_of(l));
    auto product = [&](const Labels& part) {
      int64_t n = 1;
      for (int l : part) n *= size_of(l);
      return n;
    };
    return arrange(o, labels).expand(sizes).reshape({product(batch), product(first), product(second)});
  };
  Tensor out = grouped(a, left, summed).bmm(grouped(b, summed, right));
  const Labels labels = order({&batch, &left, &right});
  Dims sizes;
  for (int l : labels) sizes.push_back(size_of(l));
  return {out.view(sizes), labels};
}

}  // namespace

Tensor einsum(String equation, TensorList operands) {
  RL_CHECK(!operands.empty(), "einsum(): must provide at least one operand");
  const Equation e = parse_equation(equation);
  RL_CHECK(static_cast<int64_t>(e.inputs.size()) <= operands.size(),
           "einsum(): more operands specified in the equation than were provided, but got ", e.inputs.size(),
           " and ", operands.size());
  RL_CHECK(static_cast<int64_t>(e.inputs.size()) >= operands.size(),
           "einsum(): more operands were provided than specified in the equation");

  int64_t widest = 0;
  std::vector<int64_t> dots(operands.size(), 0);
  for (size_t i = 0; i < e.inputs.size(); ++i) {
    const bool has_dots = contains(e.inputs[i], kEllipsis);
    const int64_t letters = static_cast<int64_t>(e.inputs[i].size()) - has_dots, dims = operands[i].dim();
    RL_CHECK(has_dots ? letters <= dims : letters == dims,
             "einsum(): the number of subscripts in the equation (", letters, ") ",
             has_dots         ? "is more than the number of dimensions ("
             : letters > dims ? "is more than the number of dimensions ("
                              : "does not match the number of dimensions (",
             dims, ") for operand ", i, has_dots || letters > dims ? "" : " and no ellipsis was given");
    dots[i] = has_dots ? dims - letters : 0;
    widest = std::max(widest, dots[i]);
  }

  std::vector<Term> parts;
  std::array<int, kLetters> uses{};
  std::vector<int64_t> sizes(kLetters + widest, 1);
  for (size_t i = 0; i < e.inputs.size(); ++i) {
    for (int l : e.inputs[i])
      if (l >= 0) ++uses[l];
    Labels labels = spread_ellipsis(e.inputs[i], dots[i], widest);
    Tensor t = take_diagonals(operands[i], labels, i);
    for (size_t d = 0; d < labels.size(); ++d) {
      int64_t& known = sizes[labels[d]];
      const int64_t size = t.size(d);
      const std::string name = labels[d] < kLetters ? std::string(1, letter(labels[d])) : "...";
      RL_CHECK(known == 1 || size == 1 || known == size, "einsum(): subscript ", name, " has size ", size,
               " for operand ", i, " which does not broadcast with previously seen size ", known);
      if (size != 1) known = size;
    }
    parts.push_back({t, labels});
  }

  Labels output;
  if (e.explicit_output) {
    output = spread_ellipsis(e.output, widest, widest);
    for (size_t i = 0; i < output.size(); ++i) {
      const int l = output[i];
      if (l >= kLetters) continue;
      RL_CHECK(std::count(output.begin(), output.end(), l) == 1, "einsum(): output subscript ", letter(l),
               " appears more than once in the output");
      RL_CHECK(uses[l] > 0, "einsum(): output subscript ", letter(l),
               " does not appear in the equation for any input operand");
    }
  } else {
    for (int64_t d = 0; d < widest; ++d) output.push_back(kLetters + static_cast<int>(d));
    for (int l = 0; l < kLetters; ++l)
      if (uses[l] == 1) output.push_back(l);
  }

  Term result = parts[0];
  for (size_t i = 1; i <= parts.size(); ++i) {
    Labels keep = output;
    for (size_t j = i; j < parts.size(); ++j)
      keep.insert(keep.end(), parts[j].labels.begin(), parts[j].labels.end());
    if (i == parts.size()) {
      result = sum_out(result, keep);
      break;
    }
    Labels later = output;
    for (size_t j = i + 1; j < parts.size(); ++j)
      later.insert(later.end(), parts[j].labels.begin(), parts[j].labels.end());
    Labels left_keep = later, right_keep = later;
    left_keep.insert(left_keep.end(), parts[i].labels.begin(), parts[i].labels.end());
    right_keep.insert(right_keep.end(), result.labels.begin(), result.labels.end());
    result = contract(sum_out(result, left_keep), sum_out(parts[i], right_keep), later);
  }
  return arrange(result, output);
}

Tensor tensordot(const Tensor& a, const Tensor& b, int64_t dims) {
  RL_CHECK(dims >= 0, "tensordot expects dims >= 0, but got dims=", dims);
  RL_CHECK(dims <= std::min(a.dim(), b.dim()),
           "tensordot expects dims < ndim_a or ndim_b, but got dims=", dims);
  Dims left, right;
  for (int64_t i = 0; i < dims; ++i) {
    left.push_back(a.dim() - dims + i);
    right.push_back(i);
  }
  return tensordot(a, b, {left, right});
}

Tensor tensordot(const Tensor& a_, const Tensor& b_, const DimPair& dims) {
  Tensor a = a_, b = b_;
  const Dims &dims_a = dims.first, &dims_b = dims.second;
  RL_CHECK(dims_a.size() == dims_b.size(), "both dimension lists should have same length");
  Dims left, right, left_sizes, out_sizes;
  int64_t rows = 1, columns = 1, summed = 1;
  Dims sum_a, sum_b;
  for (int64_t i = 0; i < dims_a.size(); ++i) {
    sum_a.push_back(wrap_dim(dims_a[i], a.dim()));
    sum_b.push_back(wrap_dim(dims_b[i], b.dim()));
    const int64_t sa = a.sizes()[sum_a[i]], sb = b.sizes()[sum_b[i]];
    RL_CHECK(sa == sb || sa == 1 || sb == 1, "contracted dimensions need to match, but first has size ", sa,
             " in dim ", dims_a[i], " and second has size ", sb, " in dim ", dims_b[i]);
    // Against a single element, the sum of the others is what counts.
    if (sa < sb) b = b.sum(Dims{sum_b[i]}, true);
    if (sb < sa) a = a.sum(Dims{sum_a[i]}, true);
    summed *= std::min(sa, sb);
  }
  auto is_in = [](const Dims& list, int64_t d) {
    return std::find(list.begin(), list.end(), d) != list.end();
  };
  for (int64_t d = 0; d < a.dim(); ++d) {
    if (is_in(sum_a, d)) continue;
    left.push_back(d);
    out_sizes.push_back(a.sizes()[d]);
    rows *= a.sizes()[d];
  }
  for (int64_t d : sum_a) left.push_back(d);
  for (int64_t d : sum_b) right.push_back(d);
  for (int64_t d = 0; d < b.dim(); ++d) {
    if (is_in(sum_b, d)) continue;
    right.push_back(d);
    out_sizes.push_back(b.sizes()[d]);
    columns *= b.sizes()[d];
  }
  return a.permute(left)
      .reshape({rows, summed})
      .mm(b.permute(right).reshape({summed, columns}))
      .reshape(out_sizes);
}

Tensor kron(const Tensor& a, const Tensor& b) {
  const int64_t rank = std::max(a.dim(), b.dim());
  Dims a_sizes, b_sizes, out_sizes;
  for (int64_t i = 0; i < rank; ++i) {
    const int64_t at = i - (rank - a.dim()), bt = i - (rank - b.dim());
    const int64_t sa = at < 0 ? 1 : a.sizes()[at], sb = bt < 0 ? 1 : b.sizes()[bt];
    for (int64_t s : {sa, int64_t{1}}) a_sizes.push_back(s);
    for (int64_t s : {int64_t{1}, sb}) b_sizes.push_back(s);
    out_sizes.push_back(sa * sb);
  }
  return (a.reshape(a_sizes) * b.reshape(b_sizes)).reshape(out_sizes);
}

}  // namespace rushlight
