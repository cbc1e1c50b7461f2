// Trains a small convolutional network on handwritten digits, on the CPU.
//
//   mnist DIRECTORY [--epochs N]
//
// DIRECTORY holds the four files that MNIST is published in (make_idx.py makes small ones). The trained
// network is saved as DIRECTORY/mnist.pt, which torch.load reads too, loaded again and compared.
#include <rushlight/rushlight.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>

#include "idx.h"

namespace nn = rushlight::nn;
namespace data = rushlight::data;
namespace optim = rushlight::optim;
using rushlight::Tensor;

namespace {

// Two convolutions and two linear layers: (N, 1, 28, 28) -> logits (N, 10).
class DigitNet : public nn::Module {
 public:
  Tensor forward(const Tensor& images) override { return classifier_(features_(images)); }

 private:
  static nn::Shared<nn::Module> block(int64_t channels_in, int64_t channels_out) {
    return nn::sequential({nn::make<nn::Conv2d>(channels_in, channels_out, 3, {.padding = 1, .bias = false}),
                           nn::make<nn::BatchNorm2d>(channels_out), nn::make<nn::ReLU>(),
                           nn::make<nn::MaxPool2d>(2)});
  }

  nn::Shared<nn::Module> features_ = add("features", nn::sequential({block(1, 16), block(16, 32)}));
  nn::Shared<nn::Module> classifier_ =
      add("classifier",
          nn::sequential({nn::make<nn::Flatten>(), nn::make<nn::Linear>(32 * 7 * 7, 128),
                          nn::make<nn::ReLU>(), nn::make<nn::Dropout>(0.3), nn::make<nn::Linear>(128, 10)}));
};

// Images of about zero mean and unit variance, and labels.
data::TensorDataset read_dataset(const std::filesystem::path& directory, const std::string& part) {
  const mnist::Digits digits = mnist::read_digits(directory, part);
  const Tensor pixels = rushlight::from_values(digits.pixels, {digits.count, 1, digits.rows, digits.columns});
  const Tensor labels = rushlight::from_values(digits.labels, digits.count);
  const rushlight::DType real = rushlight::default_dtype();
  return data::TensorDataset({(pixels.to(real) / 255 - 0.13) / 0.31, labels.to(rushlight::DType::Int64)});
}

double right_answers(const Tensor& logits, const Tensor& labels) {
  return (logits.argmax(1) == labels).sum().item<double>();
}

struct Score {
  double loss, accuracy;  // means over the samples
};

Score train_epoch(DigitNet& net, const data::TensorDataset& dataset, optim::Optimizer& optimizer) {
  net.train();
  double loss_sum = 0, right = 0;
  for (const data::Batch& batch : data::DataLoader(dataset, {.batch_size = 64, .shuffle = true})) {
    const Tensor &images = batch[0], &labels = batch[1];
    const Tensor logits = net(images);
    const Tensor loss = nn::functional::cross_entropy(logits, labels);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    loss_sum += loss.item<double>() * static_cast<double>(images.size(0));
    right += right_answers(logits, labels);
  }
  const double samples = static_cast<double>(dataset.size());
  return {loss_sum / samples, right / samples};
}

double test_accuracy(DigitNet& net, const data::TensorDataset& dataset) {
  const rushlight::NoGrad no_grad;
  net.eval();
  double right = 0;
  for (const data::Batch& batch : data::DataLoader(dataset, {.batch_size = 250})) {
    right += right_answers(net(batch[0]), batch[1]);
  }
  return right / static_cast<double>(dataset.size());
}

void run(const std::filesystem::path& directory, int epochs) {
  const data::TensorDataset train = read_dataset(directory, "train"), test = read_dataset(directory, "t10k");
  rushlight::manual_seed(1);
  const auto net = nn::make<DigitNet>();
  std::printf("%s\n%lld training images\n", net->to_string().c_str(), static_cast<long long>(train.size()));

  optim::AdamW optimizer(net->parameters(), {.lr = 3e-3, .weight_decay = 0.02});
  optim::CosineAnnealingLR schedule(optimizer, epochs);
  for (int epoch = 1; epoch <= epochs; ++epoch) {
    const auto start = std::chrono::steady_clock::now();
    const Score score = train_epoch(*net, train, optimizer);
    schedule.step();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    std::printf("epoch %d/%d: loss %.4f, accuracy %.2f%%, %.1f s\n", epoch, epochs, score.loss,
                100 * score.accuracy, took.count());
  }
  const double accuracy = test_accuracy(*net, test);
  std::printf("test accuracy: %.2f%%\n", 100 * accuracy);

  const std::string checkpoint = (directory / "mnist.pt").string();
  rushlight::save(net->state_dict(), checkpoint);
  const auto restored = nn::make<DigitNet>();
  restored->load_state_dict(rushlight::load(checkpoint));
  if (test_accuracy(*restored, test) != accuracy) {
    throw std::runtime_error(checkpoint + ": the restored network answers differently");
  }
  std::printf("checkpoint (saved, loaded again, as accurate): %s\n", checkpoint.c_str());
}

struct Arguments {
  std::filesystem::path directory;
  int epochs = 5;
};

// False when the arguments make no sense.
bool parse(int argc, char** argv, Arguments& arguments) {
  if (argc != 2 && argc != 4) return false;
  arguments.directory = argv[1];
  if (argc == 2) return true;
  const std::string_view number = argv[3];
  const auto end = std::from_chars(number.begin(), number.end(), arguments.epochs);
  return std::string_view(argv[2]) == "--epochs" && end.ec == std::errc() && end.ptr == number.end() &&
         arguments.epochs > 0;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!parse(argc, argv, arguments)) {
    std::fprintf(stderr, "usage: %s DIRECTORY [--epochs N]\n", argv[0]);
    return 2;
  }
  try {
    run(arguments.directory, arguments.epochs);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return 1;
  }
}
