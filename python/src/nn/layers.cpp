// The builtin layers. One row a class: where PyTorch has it, its name, the parameters of forward, what it
// does.
#include "layers.h"

#include "rushlight/nn/activation.h"
#include "rushlight/nn/attention.h"
#include "rushlight/nn/container.h"
#include "rushlight/nn/conv.h"
#include "rushlight/nn/distance.h"
#include "rushlight/nn/dropout.h"
#include "rushlight/nn/embedding.h"
#include "rushlight/nn/linear.h"
#include "rushlight/nn/loss.h"
#include "rushlight/nn/norm.h"
#include "rushlight/nn/pooling.h"
#include "rushlight/nn/rnn.h"
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
  add_layer<nn::ConvTranspose1d, &nn::ConvTranspose1d::forward_to>(
      m, "conv", "ConvTranspose1d", "input, output_size=None", "The gradient of Conv1d as a layer.");
  add_layer<nn::ConvTranspose2d, &nn::ConvTranspose2d::forward_to>(
      m, "conv", "ConvTranspose2d", "input, output_size=None", "The gradient of Conv2d as a layer.");
  add_layer<nn::MaxPool1d, &nn::MaxPool1d::pool>(m, "pooling", "MaxPool1d", "input",
                                                 "The greatest element of each window.");
  add_layer<nn::MaxPool2d, &nn::MaxPool2d::pool>(m, "pooling", "MaxPool2d", "input",
                                                 "The greatest element of each window.");
  add_layer<nn::MaxPool3d, &nn::MaxPool3d::pool>(m, "pooling", "MaxPool3d", "input",
                                                 "The greatest element of each window.");
  add_layer<nn::AvgPool1d>(m, "pooling", "AvgPool1d", "input", "The mean of each window.");
  add_layer<nn::AvgPool2d>(m, "pooling", "AvgPool2d", "input", "The mean of each window.");
  add_layer<nn::AvgPool3d>(m, "pooling", "AvgPool3d", "input", "The mean of each window.");
  add_layer<nn::AdaptiveAvgPool3d>(m, "pooling", "AdaptiveAvgPool3d", "input",
                                   "The mean of as many windows as the output has elements.");
  add_layer<nn::AdaptiveMaxPool3d, &nn::AdaptiveMaxPool3d::pool>(
      m, "pooling", "AdaptiveMaxPool3d", "input",
      "The greatest element of as many windows as the output has elements.");
  add_layer<nn::LPPool3d>(m, "pooling", "LPPool3d", "input", "The p-norm of each window.");
  add_layer<nn::AdaptiveAvgPool1d>(m, "pooling", "AdaptiveAvgPool1d", "input",
                                   "The mean of as many windows as the output has elements.");
  add_layer<nn::AdaptiveAvgPool2d>(m, "pooling", "AdaptiveAvgPool2d", "input",
                                   "The mean of as many windows as the output has elements.");
  add_layer<nn::AdaptiveMaxPool1d, &nn::AdaptiveMaxPool1d::pool>(
      m, "pooling", "AdaptiveMaxPool1d", "input",
      "The greatest element of as many windows as the output has elements.");
  add_layer<nn::AdaptiveMaxPool2d, &nn::AdaptiveMaxPool2d::pool>(
      m, "pooling", "AdaptiveMaxPool2d", "input",
      "The greatest element of as many windows as the output has elements.");
  add_layer<nn::LPPool1d>(m, "pooling", "LPPool1d", "input", "The p-norm of each window.");
  add_layer<nn::LPPool2d>(m, "pooling", "LPPool2d", "input", "The p-norm of each window.");
  add_layer<nn::BatchNorm1d>(m, "batchnorm", "BatchNorm1d", "input",
                             "Normalises each feature over the batch.");
  add_layer<nn::BatchNorm2d>(m, "batchnorm", "BatchNorm2d", "input",
                             "Normalises each channel over the batch.");
  add_layer<nn::BatchNorm3d>(m, "batchnorm", "BatchNorm3d", "input",
                             "Normalises each channel over the batch.");
  add_layer<nn::InstanceNorm1d>(m, "instancenorm", "InstanceNorm1d", "input",
                                "Normalises each channel of each sample.");
  add_layer<nn::InstanceNorm2d>(m, "instancenorm", "InstanceNorm2d", "input",
                                "Normalises each channel of each sample.");
  add_layer<nn::LayerNorm>(m, "normalization", "LayerNorm", "input", "Normalises over the last dimensions.");
  add_layer<nn::RMSNorm>(m, "normalization", "RMSNorm", "input",
                         "Scales by the root mean square over the last dimensions.");
  add_layer<nn::GroupNorm>(m, "normalization", "GroupNorm", "input", "Normalises groups of channels.");
  add_layer<nn::LocalResponseNorm>(m, "normalization", "LocalResponseNorm", "input",
                                   "Normalises over neighbouring channels.");
  add_layer<nn::Embedding>(m, "sparse", "Embedding", "input", "The rows of a table.");
  add_layer<nn::EmbeddingBag, &nn::EmbeddingBag::bags>(m, "sparse", "EmbeddingBag",
                                                       "input, offsets=None, per_sample_weights=None",
                                                       "Sums, means or maxima of the rows of a table.");
  add_layer<nn::Upsample>(m, "upsampling", "Upsample", "input", "Resamples to a size or by a factor.");
  add_layer<nn::UpsamplingNearest2d>(m, "upsampling", "UpsamplingNearest2d", "input",
                                     "Resamples by the nearest element.");
  add_layer<nn::UpsamplingBilinear2d>(m, "upsampling", "UpsamplingBilinear2d", "input",
                                      "Resamples bilinearly.");
  add_layer<nn::PixelShuffle>(m, "pixelshuffle", "PixelShuffle", "input", "Channels become pixels.");
  add_layer<nn::PixelUnshuffle>(m, "pixelshuffle", "PixelUnshuffle", "input", "Pixels become channels.");
  add_layer<nn::ChannelShuffle>(m, "channelshuffle", "ChannelShuffle", "input",
                                "Mixes the groups of channels.");
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

void add_activations(PyObject* m) {
  add_layer<nn::ReLU>(m, "activation", "ReLU", "input", "max(x, 0).");
  add_layer<nn::ReLU6>(m, "activation", "ReLU6", "input", "min(max(x, 0), 6).");
  add_layer<nn::SELU>(m, "activation", "SELU", "input", "Scaled ELU.");
  add_layer<nn::SiLU>(m, "activation", "SiLU", "input", "x sigmoid(x).");
  add_layer<nn::Mish>(m, "activation", "Mish", "input", "x tanh(softplus(x)).");
  add_layer<nn::Hardswish>(m, "activation", "Hardswish", "input", "x relu6(x + 3) / 6.");
  add_layer<nn::Hardsigmoid>(m, "activation", "Hardsigmoid", "input", "relu6(x + 3) / 6.");
  add_layer<nn::LogSigmoid>(m, "activation", "LogSigmoid", "input", "log(sigmoid(x)).");
  add_layer<nn::Softsign>(m, "activation", "Softsign", "input", "x / (1 + |x|).");
  add_layer<nn::Tanhshrink>(m, "activation", "Tanhshrink", "input", "x - tanh(x).");
  add_layer<nn::Hardtanh>(m, "activation", "Hardtanh", "input", "x limited to [min_val, max_val].");
  add_layer<nn::Threshold>(m, "activation", "Threshold", "input", "x where above threshold, else value.");
  add_layer<nn::LeakyReLU>(m, "activation", "LeakyReLU", "input", "x where positive, else negative_slope x.");
  add_layer<nn::ELU>(m, "activation", "ELU", "input", "x where positive, else alpha (exp(x) - 1).");
  add_layer<nn::CELU>(m, "activation", "CELU", "input", "max(x, 0) + min(0, alpha (exp(x / alpha) - 1)).");
  add_layer<nn::RReLU>(m, "activation", "RReLU", "input", "LeakyReLU with random slopes while training.");
  add_layer<nn::Softplus>(m, "activation", "Softplus", "input", "log(1 + exp(beta x)) / beta.");
  add_layer<nn::Hardshrink>(m, "activation", "Hardshrink", "input", "x where |x| > lambd, else 0.");
  add_layer<nn::Softshrink>(m, "activation", "Softshrink", "input", "x moved towards 0 by lambd.");
  add_layer<nn::GELU>(m, "activation", "GELU", "input", "x times the normal distribution function.");
  add_layer<nn::PReLU>(m, "activation", "PReLU", "input", "LeakyReLU with learnt slopes.");
  add_layer<nn::GLU>(m, "activation", "GLU", "input", "The first half times the sigmoid of the second.");
  add_layer<nn::Softmin>(m, "activation", "Softmin", "input", "softmax(-x).");
  add_layer<nn::Softmax>(m, "activation", "Softmax", "input", "exp(x) / sum(exp(x)).");
  add_layer<nn::LogSoftmax>(m, "activation", "LogSoftmax", "input", "log(softmax(x)).");
  add_layer<nn::Softmax2d>(m, "activation", "Softmax2d", "input", "Softmax over channels.");
  add_layer<nn::Tanh>(m, "activation", "Tanh", "input", "The hyperbolic tangent.");
  add_layer<nn::Sigmoid>(m, "activation", "Sigmoid", "input", "1 / (1 + exp(-x)).");
  add_layer<nn::Dropout>(m, "dropout", "Dropout", "input", "Zeroes elements at random while training.");
  add_layer<nn::Dropout1d>(m, "dropout", "Dropout1d", "input",
                           "Zeroes channels of (N, C, L) at random while training.");
  add_layer<nn::Dropout2d>(m, "dropout", "Dropout2d", "input",
                           "Zeroes channels of (N, C, H, W) at random while training.");
  add_layer<nn::Dropout3d>(m, "dropout", "Dropout3d", "input", "Zeroes channels at random while training.");
  add_layer<nn::AlphaDropout>(m, "dropout", "AlphaDropout", "input", "Dropout for networks of SELU.");
  add_layer<nn::FeatureAlphaDropout>(m, "dropout", "FeatureAlphaDropout", "input",
                                     "AlphaDropout of channels.");
}

void add_losses(PyObject* m) {
  add_layer<nn::L1Loss>(m, "loss", "L1Loss", "input, target", "|x - y|.");
  add_layer<nn::MSELoss>(m, "loss", "MSELoss", "input, target", "(x - y)^2.");
  add_layer<nn::SmoothL1Loss>(m, "loss", "SmoothL1Loss", "input, target",
                              "Squares below beta, absolute values above.");
  add_layer<nn::HuberLoss>(m, "loss", "HuberLoss", "input, target",
                           "Squares below delta, delta times absolute values above.");
  add_layer<nn::NLLLoss>(m, "loss", "NLLLoss", "input, target",
                         "Minus the log-probability (N, C, ...) of the target class (N, ...).");
  add_layer<nn::CrossEntropyLoss>(m, "loss", "CrossEntropyLoss", "input, target",
                                  "NLLLoss of the log-softmax; targets are classes or probabilities.");
  add_layer<nn::KLDivLoss>(m, "loss", "KLDivLoss", "input, target",
                           "y (log y - x); x holds log-probabilities.");
  add_layer<nn::BCELoss>(m, "loss", "BCELoss", "input, target",
                         "Cross entropy of probabilities against 0 and 1.");
  add_layer<nn::BCEWithLogitsLoss>(m, "loss", "BCEWithLogitsLoss", "input, target",
                                   "BCELoss of the sigmoid.");
  add_layer<nn::HingeEmbeddingLoss>(m, "loss", "HingeEmbeddingLoss", "input, target",
                                    "x where y = 1, max(0, margin - x) where y = -1.");
  add_layer<nn::SoftMarginLoss>(m, "loss", "SoftMarginLoss", "input, target", "log(1 + exp(-y x)).");
  add_layer<nn::MultiLabelSoftMarginLoss>(m, "loss", "MultiLabelSoftMarginLoss", "input, target",
                                          "BCEWithLogitsLoss averaged over classes.");
  add_layer<nn::MultiMarginLoss>(m, "loss", "MultiMarginLoss", "input, target", "Hinge loss over classes.");
  add_layer<nn::CTCLoss, &nn::CTCLoss::align>(m, "loss", "CTCLoss",
                                              "log_probs, targets, input_lengths, target_lengths",
                                              "Minus the log-probability of all alignments of the targets.");
  add_layer<nn::PoissonNLLLoss>(m, "loss", "PoissonNLLLoss", "log_input, target",
                                "For counts y of rate exp(x), or x.");
  add_layer<nn::CosineEmbeddingLoss>(m, "loss", "CosineEmbeddingLoss", "input1, input2, target",
                                     "1 - cos where y = 1, max(0, cos - margin) where y = -1.");
  add_layer<nn::MarginRankingLoss>(m, "loss", "MarginRankingLoss", "input1, input2, target",
                                   "max(0, -y (x1 - x2) + margin).");
  add_layer<nn::TripletMarginLoss>(m, "loss", "TripletMarginLoss", "anchor, positive, negative",
                                   "max(0, d(a, p) - d(a, n) + margin).");
}

void add_attention_layers(PyObject* m) {
  add_layer<nn::NonDynamicallyQuantizableLinear>(m, "linear", "NonDynamicallyQuantizableLinear", "input",
                                                 "Linear, as MultiheadAttention has it.");
  add_layer<nn::MultiheadAttention, &nn::MultiheadAttention::attend>(
      m, "activation", "MultiheadAttention",
      "query, key, value, key_padding_mask=None, need_weights=True, attn_mask=None, "
      "average_attn_weights=True, is_causal=False",
      "Attention with several heads.");
  add_layer<nn::CosineSimilarity>(m, "distance", "CosineSimilarity", "x1, x2",
                                  "The cosine of the angle between rows.");
  add_layer<nn::PairwiseDistance>(m, "distance", "PairwiseDistance", "x1, x2",
                                  "The p-norm of the difference of rows.");
}

void add_recurrent_layers(PyObject* m) {
  add_layer<nn::RNN, &nn::RNN::forward_from>(m, "rnn", "RNN", "input, hx=None", "Elman's recurrent network.");
  add_layer<nn::LSTM, &nn::LSTM::forward_from>(m, "rnn", "LSTM", "input, hx=None", "Long short-term memory.");
  add_layer<nn::GRU, &nn::GRU::forward_from>(m, "rnn", "GRU", "input, hx=None", "Gated recurrent units.");
  add_layer<nn::RNNCell, &nn::RNNCell::step>(m, "rnn", "RNNCell", "input, hx=None", "One step of RNN.");
  add_layer<nn::LSTMCell, &nn::LSTMCell::step>(m, "rnn", "LSTMCell", "input, hx=None", "One step of LSTM.");
  add_layer<nn::GRUCell, &nn::GRUCell::step>(m, "rnn", "GRUCell", "input, hx=None", "One step of GRU.");
}

// _run_packed(module, rows, batch_sizes, h, c): a recurrent layer on a packed sequence
// (rushlight/nn/modules/rnn.py).
PyObject* run_packed(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *self, *rows, *sizes, *h, *c;
    if (!PyArg_ParseTuple(args, "OOOOO", &self, &rows, &sizes, &h, &c)) throw PythonError();
    RL_CHECK_AS(TypeError, is_builtin(self) && is_tensor(rows) && is_tensor(h),
                "_run_packed(): a recurrent layer and tensors");
    Core& core = core_of(self);
    read_options(self, core);
    auto* layer = dynamic_cast<nn::RecurrentBase*>(core.module);
    RL_CHECK_AS(TypeError, layer, "_run_packed(): a recurrent layer and tensors");
    std::vector<int64_t> counts;
    for (int64_t n : dims_value(sizes)) counts.push_back(n);
    return wrap_result(
        layer->run(tensor_value(rows), counts, {tensor_value(h), c == Py_None ? Tensor() : tensor_value(c)}));
  });
}

// _set_forward_fallback(type, function): what forward calls when its first argument is no tensor.
PyObject* set_forward_fallback(PyObject*, PyObject* args) {
  PyObject *type, *function;
  if (!PyArg_ParseTuple(args, "OO", &type, &function)) return nullptr;
  for (LayerInfo* info : {&Layer<nn::RNN>::info, &Layer<nn::LSTM>::info, &Layer<nn::GRU>::info}) {
    if (reinterpret_cast<PyObject*>(info->type) == type) Py_XSETREF(info->fallback, Py_NewRef(function));
  }
  Py_RETURN_NONE;
}

PyMethodDef functions[] = {{"_run_packed", run_packed, METH_VARARGS, nullptr},
                           {"_set_forward_fallback", set_forward_fallback, METH_VARARGS, nullptr},
                           {nullptr, nullptr, 0, nullptr}};

}  // namespace

void add_layers(PyObject* m) {
  add_layer<nn::Identity>(m, "linear", "Identity", "input",
                          "Identity(*args, **kwargs)\n--\n\nGives back its input.", identity_init);
  add_layer<nn::Linear>(m, "linear", "Linear", "input", "y = x W^T + b on the last dimension.");
  add_layer<nn::Bilinear>(m, "linear", "Bilinear", "input1, input2",
                          "y = x1^T A x2 + b on the last dimensions.");
  add_layer<nn::Flatten>(m, "flatten", "Flatten", "input", "Makes one dimension of start_dim .. end_dim.");
  add_layer<nn::Unflatten>(m, "flatten", "Unflatten", "input", "Makes several dimensions of one.");
  add_layer<nn::Sequential>(m, "container", "Sequential", "input", "Children that feed each other in order.",
                            empty_init<nn::Sequential>);
  add_activations(m);
  add_losses(m);
  add_vision_layers(m);
  add_recurrent_layers(m);
  add_attention_layers(m);
  check(PyModule_AddFunctions(m, functions));
}

}  // namespace rushlight::python
