// The builtin layers. One row a class: where PyTorch has it, its name, the parameters of forward, what it does.
#include "layers.h"

#include "rushlight/nn/activation.h"
#include "rushlight/nn/container.h"
#include "rushlight/nn/conv.h"
#include "rushlight/nn/embedding.h"
#include "rushlight/nn/linear.h"
#include "rushlight/nn/norm.h"
#include "rushlight/nn/pooling.h"
#include "rushlight/nn/vision.h"

namespace rushlight::python {

namespace {

// Identity takes and forgets any arguments.
int identity_init(PyObject* self, PyObject*, PyObject*) {
  return guarded([&]() -> int {
    take_ownership(self, new nn::Identity(nn::Blank{}), &Layer<nn::Identity>::info);
    return 0;
  });
}

int container_init(PyObject* self, nn::Module* m, const LayerInfo& info) {
  return guarded([&]() -> int {
    take_ownership(self, m, &info);
    return 0;
  });
}
// Containers take their children in Python (rushlight/nn/modules/container.py).
template <class M>
int empty_init(PyObject* self, PyObject*, PyObject*) {
  return container_init(self, new M(nn::Blank{}), Layer<M>::info);
}

}  // namespace

namespace {

void add_vision_layers(PyObject* m) {
  add_layer<nn::Conv1d>(m, "conv", "Conv1d", "input", "Convolution over one dimension.");
  add_layer<nn::Conv2d>(m, "conv", "Conv2d", "input", "Convolution over two dimensions.");
  add_layer<nn::Conv3d>(m, "conv", "Conv3d", "input", "Convolution over three dimensions.");
  add_layer<nn::ConvTranspose1d, &nn::ConvTranspose1d::forward_to>(m, "conv", "ConvTranspose1d", "input, output_size=None", "The gradient of Conv1d as a layer.");
  add_layer<nn::ConvTranspose2d, &nn::ConvTranspose2d::forward_to>(m, "conv", "ConvTranspose2d", "input, output_size=None", "The gradient of Conv2d as a layer.");
  add_layer<nn::MaxPool1d, &nn::MaxPool1d::pool>(m, "pooling", "MaxPool1d", "input", "The greatest element of each window.");
  add_layer<nn::MaxPool2d, &nn::MaxPool2d::pool>(m, "pooling", "MaxPool2d", "input", "The greatest element of each window.");
  add_layer<nn::AvgPool1d>(m, "pooling", "AvgPool1d", "input", "The mean of each window.");
  add_layer<nn::AvgPool2d>(m, "pooling", "AvgPool2d", "input", "The mean of each window.");
  add_layer<nn::AdaptiveAvgPool1d>(m, "pooling", "AdaptiveAvgPool1d", "input", "The mean of as many windows as the output has elements.");
  add_layer<nn::AdaptiveAvgPool2d>(m, "pooling", "AdaptiveAvgPool2d", "input", "The mean of as many windows as the output has elements.");
  add_layer<nn::AdaptiveMaxPool1d, &nn::AdaptiveMaxPool1d::pool>(m, "pooling", "AdaptiveMaxPool1d", "input", "The greatest element of as many windows as the output has elements.");
  add_layer<nn::AdaptiveMaxPool2d, &nn::AdaptiveMaxPool2d::pool>(m, "pooling", "AdaptiveMaxPool2d", "input", "The greatest element of as many windows as the output has elements.");
  add_layer<nn::LPPool1d>(m, "pooling", "LPPool1d", "input", "The p-norm of each window.");
  add_layer<nn::LPPool2d>(m, "pooling", "LPPool2d", "input", "The p-norm of each window.");
  add_layer<nn::BatchNorm1d>(m, "batchnorm", "BatchNorm1d", "input", "Normalises each feature over the batch.");
  add_layer<nn::BatchNorm2d>(m, "batchnorm", "BatchNorm2d", "input", "Normalises each channel over the batch.");
  add_layer<nn::BatchNorm3d>(m, "batchnorm", "BatchNorm3d", "input", "Normalises each channel over the batch.");
  add_layer<nn::InstanceNorm1d>(m, "instancenorm", "InstanceNorm1d", "input", "Normalises each channel of each sample.");
  add_layer<nn::InstanceNorm2d>(m, "instancenorm", "InstanceNorm2d", "input", "Normalises each channel of each sample.");
  add_layer<nn::LayerNorm>(m, "normalization", "LayerNorm", "input", "Normalises over the last dimensions.");
  add_layer<nn::RMSNorm>(m, "normalization", "RMSNorm", "input", "Scales by the root mean square over the last dimensions.");
  add_layer<nn::GroupNorm>(m, "normalization", "GroupNorm", "input", "Normalises groups of channels.");
  add_layer<nn::LocalResponseNorm>(m, "normalization", "LocalResponseNorm", "input", "Normalises over neighbouring channels.");
  add_layer<nn::Embedding>(m, "sparse", "Embedding", "input", "The rows of a table.");
  add_layer<nn::Upsample>(m, "upsampling", "Upsample", "input", "Resamples to a size or by a factor.");
  add_layer<nn::UpsamplingNearest2d>(m, "upsampling", "UpsamplingNearest2d", "input", "Resamples by the nearest element.");
  add_layer<nn::UpsamplingBilinear2d>(m, "upsampling", "UpsamplingBilinear2d", "input", "Resamples bilinearly.");
  add_layer<nn::PixelShuffle>(m, "pixelshuffle", "PixelShuffle", "input", "Channels become pixels.");
  add_layer<nn::PixelUnshuffle>(m, "pixelshuffle", "PixelUnshuffle", "input", "Pixels become channels.");
  add_layer<nn::ChannelShuffle>(m, "channelshuffle", "ChannelShuffle", "input", "Mixes the groups of channels.");
  add_layer<nn::Unfold>(m, "fold", "Unfold", "input", "Patches as columns.");
  add_layer<nn::Fold>(m, "fold", "Fold", "input", "Columns summed back into an image.");
  add_layer<nn::ZeroPad1d>(m, "padding", "ZeroPad1d", "input", "Adds margins.");
  add_layer<nn::ConstantPad1d>(m, "padding", "ConstantPad1d", "input", "Adds margins.");
  add_layer<nn::ReflectionPad1d>(m, "padding", "ReflectionPad1d", "input", "Adds margins.");
  add_layer<nn::ReplicationPad1d>(m, "padding", "ReplicationPad1d", "input", "Adds margins.");
  add_layer<nn::CircularPad1d>(m, "padding", "CircularPad1d", "input", "Adds margins.");
  add_layer<nn::ZeroPad2d>(m, "padding", "ZeroPad2d", "input", "Adds margins.");
  add_layer<nn::ConstantPad2d>(m, "padding", "ConstantPad2d", "input", "Adds margins.");
  add_layer<nn::ReflectionPad2d>(m, "padding", "ReflectionPad2d", "input", "Adds margins.");
  add_layer<nn::ReplicationPad2d>(m, "padding", "ReplicationPad2d", "input", "Adds margins.");
  add_layer<nn::CircularPad2d>(m, "padding", "CircularPad2d", "input", "Adds margins.");
  add_layer<nn::ZeroPad3d>(m, "padding", "ZeroPad3d", "input", "Adds margins.");
  add_layer<nn::ConstantPad3d>(m, "padding", "ConstantPad3d", "input", "Adds margins.");
  add_layer<nn::ReflectionPad3d>(m, "padding", "ReflectionPad3d", "input", "Adds margins.");
  add_layer<nn::ReplicationPad3d>(m, "padding", "ReplicationPad3d", "input", "Adds margins.");
  add_layer<nn::CircularPad3d>(m, "padding", "CircularPad3d", "input", "Adds margins.");
}

}  // namespace

void add_layers(PyObject* m) {
  add_layer<nn::Identity>(m, "linear", "Identity", "input", "Identity(*args, **kwargs)\n--\n\nGives back its input.", identity_init);
  add_layer<nn::Linear>(m, "linear", "Linear", "input", "y = x W^T + b on the last dimension.");
  add_layer<nn::Bilinear>(m, "linear", "Bilinear", "input1, input2", "y = x1^T A x2 + b on the last dimensions.");
  add_layer<nn::Flatten>(m, "flatten", "Flatten", "input", "Makes one dimension of start_dim .. end_dim.");
  add_layer<nn::Unflatten>(m, "flatten", "Unflatten", "input", "Makes several dimensions of one.");
  add_layer<nn::Sequential>(m, "container", "Sequential", "input", "Children that feed each other in order.", empty_init<nn::Sequential>);
  add_layer<nn::ReLU>(m, "activation", "ReLU", "input", "max(x, 0).");
  add_layer<nn::Tanh>(m, "activation", "Tanh", "input", "The hyperbolic tangent.");
  add_layer<nn::Sigmoid>(m, "activation", "Sigmoid", "input", "1 / (1 + exp(-x)).");
  add_vision_layers(m);
}

}  // namespace rushlight::python
