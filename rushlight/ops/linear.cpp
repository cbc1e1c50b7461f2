// Linear layers: a product with a transposed weight and a bias.
#include "rushlight/ops/ops.h"

namespace rushlight::nn::functional {

Tensor linear(const Tensor& input, const Tensor& weight, const Tensor& bias) {
  RL_CHECK(input.dim() != 0 && weight.dim() != 0,
           "both arguments to linear need to be at least 1D, but they are ", input.dim(), "D and ",
           weight.dim(), "D");
  if (!bias.defined()) return input.matmul(weight.t());
  if (input.dim() == 2) return addmm(bias, input, weight.t());
  if (!input.is_contiguous()) return input.matmul(weight.t()) + bias;
  // Rows that follow one another are one matrix, so that the bias joins the product.
  Dims sizes = input.sizes();
  const int64_t rows = numel_of(DimsRef(sizes.data(), sizes.size() - 1));
  const Tensor product = addmm(bias, input.view({rows, sizes.back()}), weight.t());
  sizes.back() = product.sizes()[1];
  return product.view(sizes);
}

Tensor bilinear(const Tensor& input1, const Tensor& input2, const Tensor& weight, const Tensor& bias) {
  RL_CHECK(input1.dim() == input2.dim(), "bilinear(): input dimensions do not match: got ", input1.dim(),
           " and ", input2.dim());
  for (int64_t d = 0; d + 1 < input1.dim(); ++d) {
    RL_CHECK(input1.sizes()[d] == input2.sizes()[d],
             "bilinear(): input batch dimensions do not match at dim ", d, ": got ", input1.sizes()[d],
             " and ", input2.sizes()[d]);
  }
  RL_CHECK(weight.dim() == 3 && input1.dim() > 0, "bilinear(): weight must be 3-dimensional");
  RL_CHECK(input1.size(-1) == weight.sizes()[1], "bilinear(): input1 size does not match weight size: got ",
           input1.size(-1), " but expected ", weight.sizes()[1]);
  RL_CHECK(input2.size(-1) == weight.sizes()[2], "bilinear(): input2 size does not match weight size: got ",
           input2.size(-1), " but expected ", weight.sizes()[2]);
  RL_CHECK(!bias.defined() || bias.numel() == weight.sizes()[0],
           "bilinear(): bias size does not match weight size: got ", bias.defined() ? bias.numel() : 0,
           " but expected ", weight.sizes()[0]);
  const int64_t outputs = weight.sizes()[0], first = weight.sizes()[1], second = weight.sizes()[2];
  Dims sizes = input1.sizes();
  sizes.back() = outputs;
  const int64_t rows = numel_of(DimsRef(sizes.data(), sizes.size() - 1));
  // (rows, first) @ (first, outputs * second), then each row's (outputs, second) @ (second)
  const Tensor half =
      input1.reshape({rows, first}).mm(weight.permute({1, 0, 2}).reshape({first, outputs * second}));
  const Tensor product =
      half.reshape({rows, outputs, second}).matmul(input2.reshape({rows, second, 1})).reshape(sizes);
  return bias.defined() ? product + bias : product;
}

}  // namespace rushlight::nn::functional
