// Checkpoints: PyTorch's files read and written again byte for byte, and every kind of damage met by an
// exception.
#include "rushlight/io/checkpoint.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <stdexcept>

#include "rushlight/io/pickle.h"
#include "rushlight/io/safetensors.h"
#include "rushlight/io/save.h"
#include "rushlight/io/text.h"
#include "rushlight/ops/ops.h"

namespace rushlight::io {
namespace {

namespace fs = std::filesystem;

const fs::path kGolden = fs::path(__FILE__).parent_path().parent_path() / "golden" / "checkpoints";

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file.good()) throw std::runtime_error("cannot read " + path.string());
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

std::span<const std::byte> as_bytes(const std::string& text) { return std::as_bytes(std::span(text)); }

Checkpoint parse(const std::string& bytes) { return read_checkpoint(as_bytes(bytes)); }

// A checkpoint with the bytes of its storages.
struct Loaded {
  explicit Loaded(const std::string& bytes) : checkpoint(parse(bytes)) {
    data.resize(tree().storages.size());
    for (size_t i = 0; i < data.size(); ++i) {
      data[i].resize(static_cast<size_t>(tree().storages[i].nbytes()));
      checkpoint.read_storage(i, data[i].data());
      tree().storages[i].data = data[i].data();
    }
  }
  ValueTree& tree() { return checkpoint.tree(); }
  template <class T>
  std::vector<T> values(Value tensor) {
    const std::string& bytes = data[static_cast<size_t>(tensor.tensor().storage)];
    std::vector<T> out(bytes.size() / sizeof(T));
    std::memcpy(out.data(), bytes.data(), bytes.size());
    return out;
  }

  Checkpoint checkpoint;
  std::vector<std::string> data;
};

// What it throws, as "Type: message"; "" when nothing.
template <class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const UnpicklingError& e) {
    return concat("UnpicklingError: ", e.what());
  } catch (const RuntimeError& e) {
    return concat("RuntimeError: ", e.what());
  } catch (const Error& e) {
    return concat("Error: ", e.what());
  }
  return "";
}

std::string zip_of(const std::vector<std::pair<std::string, std::string>>& files) {
  StringSink sink;
  ZipWriter zip(sink);
  for (const auto& [name, data] : files) zip.add(name, data);
  zip.finish();
  return sink.bytes();
}

std::string checkpoint_of(const std::string& pickle, const std::string& storage = std::string(16, '\0')) {
  return zip_of({{"a/data.pkl", pickle}, {"a/data/0", storage}, {"a/version", "3\n"}});
}

std::string operator""_b(const char* text, size_t size) { return {text, size}; }

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (fs::temp_directory_path() / "rushlight-io-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryFolder() { fs::remove_all(path_); }
  fs::path operator/(const std::string& name) const { return path_ / name; }
  size_t count() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(path_), fs::directory_iterator()));
  }

 private:
  fs::path path_;
};

// --- Golden files
// ---------------------------------------------------------------------------------------------------

class GoldenCheckpoint : public testing::TestWithParam<const char*> {};

TEST_P(GoldenCheckpoint, IsWrittenAgainByteForByte) {
  const std::string name = GetParam();
  const std::string original = read_file(kGolden / (name + ".pt"));
  Loaded loaded(original);
  const std::string copy = write_checkpoint(loaded.tree(), name);
  EXPECT_EQ(copy.size(), original.size());
  EXPECT_TRUE(copy == original);
}

INSTANTIATE_TEST_SUITE_P(Io, GoldenCheckpoint,
                         testing::Values("state_dict", "training", "values", "tensors", "dtypes", "batches",
                                         "cycles"));

TEST(Checkpoint, ReadsAStateDict) {
  Loaded loaded(read_file(kGolden / "state_dict.pt"));
  const Value root = loaded.tree().root;
  ASSERT_TRUE(root.is(Kind::OrderedDict));
  EXPECT_EQ(root.items().size(), 14u);
  const TensorRecord& weight = root.find("0.weight").tensor();
  EXPECT_EQ(weight.dtype, DType::Float32);
  EXPECT_EQ(weight.sizes, (std::vector<int64_t>{3, 2}));
  EXPECT_EQ(weight.strides, (std::vector<int64_t>{2, 1}));
  EXPECT_EQ(loaded.values<float>(root.find("0.weight")), (std::vector<float>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(root.find("1.num_batches_tracked").tensor().dtype, DType::Int64);
  EXPECT_TRUE(root.find("1.num_batches_tracked").tensor().sizes.empty());
  const Value metadata = root.container().state.find("_metadata");
  EXPECT_EQ(metadata.find("1").find("version").as_int(), 2);
  EXPECT_TRUE(root.find("missing").is(Kind::Absent));
}

TEST(Checkpoint, ReadsPlainValues) {
  Loaded loaded(read_file(kGolden / "values.pt"));
  const Value root = loaded.tree().root;
  EXPECT_TRUE(root.find("none").is(Kind::None));
  EXPECT_TRUE(root.find("true").as_bool());
  EXPECT_EQ(root.find("big").text(), std::string(10, '\0') + "\1");
  EXPECT_EQ(root.find("negative big").text(), std::string(10, '\0') + "\xff");
  std::vector<int64_t> integers;
  for (const Value& item : root.find("integers").items()) integers.push_back(item.as_int());
  EXPECT_EQ(integers, (std::vector<int64_t>{0, 255, 256, 65535, 65536, -1, -129, 2147483648, -2147483649,
                                            INT64_MAX, INT64_MIN}));
  EXPECT_EQ(root.find("complex").as_complex(), std::complex<double>(1, -2));
  EXPECT_EQ(root.find("text").as_string(), "é😀");
  EXPECT_EQ(root.find("lone surrogate").as_string(), "\xed\xa0\x80");
  EXPECT_EQ(root.find("bytes").text(), "abc\0\xff"_b);
  EXPECT_TRUE(root.find("bytearray").is(Kind::ByteArray));
  EXPECT_TRUE(root.find("set").is(Kind::Set));
  const std::vector<Value>& lists = root.find("lists").items();
  EXPECT_NE(lists[1].identity(), lists[2].identity());
  EXPECT_EQ(lists[2].identity(), lists[3].identity());
  EXPECT_EQ(root.find("counter").find("a").as_int(), 2);
  EXPECT_TRUE(root.find("size").is(Kind::Size));
  EXPECT_EQ(root.find("devices").items()[1].text(), "cuda:1");
  EXPECT_EQ(root.find("dtypes").items()[0].as_dtype(), DType::BFloat16);
  EXPECT_THROW((void)root.find("text").as_int(), TypeError);
}

TEST(Checkpoint, ReadsTensorsAndTheirSharing) {
  Loaded loaded(read_file(kGolden / "tensors.pt"));
  const Value root = loaded.tree().root;
  const TensorRecord& base = root.find("base").tensor();
  const TensorRecord& column = root.find("column").tensor();
  EXPECT_EQ(base.storage, column.storage);
  EXPECT_EQ(column.offset, 1);
  EXPECT_EQ(column.strides, std::vector<int64_t>{4});
  EXPECT_EQ(root.find("transposed").tensor().strides, (std::vector<int64_t>{1, 4}));
  EXPECT_EQ(root.find("expanded").tensor().strides, (std::vector<int64_t>{0, 1}));
  EXPECT_TRUE(root.find("parameter").tensor().is_parameter);
  EXPECT_TRUE(root.find("parameter").tensor().requires_grad);
  EXPECT_EQ(root.find("parameter").identity(), root.find("again").identity());
  EXPECT_EQ(root.find("tagged").tensor().state.find("tag").as_string(), "decay");
  EXPECT_EQ(root.find("marked").tensor().state.find("note").items()[0].as_int(), 1);
  EXPECT_TRUE(root.find("conj").tensor().is_conj);
  EXPECT_TRUE(root.find("neg").tensor().is_neg);
  EXPECT_TRUE(root.find("raw").is(Kind::Storage));
}

TEST(Checkpoint, ReadsEveryDType) {
  Loaded loaded(read_file(kGolden / "dtypes.pt"));
  const std::vector<Value>& items = loaded.tree().root.items();
  ASSERT_EQ(items.size(), 2u * kNumDTypes);
  for (size_t i = 0; i < items.size(); i += 2) {
    EXPECT_EQ(items[i].as_string(), concat("torch.", info(items[i + 1].tensor().dtype).name));
  }
  EXPECT_EQ(loaded.values<uint64_t>(loaded.tree().root.find("torch.uint64")),
            (std::vector<uint64_t>{0, 1, 2}));
}

TEST(Checkpoint, SwapsTheOtherByteOrder) {
  Loaded loaded(read_file(kGolden / "big_endian.pt"));
  EXPECT_EQ(loaded.values<float>(loaded.tree().root.find("x")), (std::vector<float>{0, 1, 2}));
}

TEST(Checkpoint, KeepsCycles) {
  Loaded loaded(read_file(kGolden / "cycles.pt"));
  const Value loop = loaded.tree().root.find("loop");
  EXPECT_EQ(loop.items()[1].identity(), loop.identity());
  const Value knot = loaded.tree().root.find("knot");
  EXPECT_EQ(knot.items()[0].items()[0].items()[0].identity(), knot.items()[0].identity());
}

// --- Refused by name
// ------------------------------------------------------------------------------------------------

TEST(Checkpoint, NeverCallsAHostileGlobal) {
  const std::string error = error_of([] { parse(read_file(kGolden / "hostile.pt")); });
  EXPECT_EQ(error.find("UnpicklingError: Weights only load failed. In PyTorch 2.6,"), 0u) << error;
  EXPECT_NE(
      error.find(
          "\n\n\nTrying to load unsupported GLOBAL posix.system whose module posix is blocked.\n\nCheck the"),
      std::string::npos)
      << error;
}

TEST(Checkpoint, RefusesOtherGlobalsInPyTorchsWords) {
  EXPECT_EQ(
      error_of([] { unpickle("\x80\2cfractions\nFraction\n."); }),
      "UnpicklingError: Weights only load failed. This file can still be loaded, to do so you have two "
      "options, "
      "\033[1mdo those steps only if you trust the source of the checkpoint\033[0m. \n\t(1) In PyTorch 2.6, "
      "we "
      "changed the default value of the `weights_only` argument in `torch.load` from `False` to `True`. "
      "Re-running "
      "`torch.load` with `weights_only` set to `False` will likely succeed, but it can result in arbitrary "
      "code "
      "execution. Do it only if you got the file from a trusted source.\n\t(2) Alternatively, to load with "
      "`weights_only=True` please check the recommended steps in the following error "
      "message.\n\tWeightsUnpickler "
      "error: Unsupported global: GLOBAL fractions.Fraction was not an allowed global by default. Please use "
      "`torch.serialization.add_safe_globals([fractions.Fraction])` or the "
      "`torch.serialization.safe_globals([fractions.Fraction])` context manager to allowlist this global if "
      "you "
      "trust this class/function.\n\nCheck the documentation of torch.load to learn more about types "
      "accepted by "
      "default with weights_only https://pytorch.org/docs/stable/generated/torch.load.html.");
  EXPECT_NE(error_of([] { unpickle("\x80\2c__builtin__\neval\n."); }).find("GLOBAL eval was not"),
            std::string::npos);
  EXPECT_NE(error_of([] { unpickle("\x80\4\x8c\2os\x8c\6system\x93."); }).find("module os is blocked"),
            std::string::npos);
}

TEST(Checkpoint, RefusesTheOldForm) {
  EXPECT_NE(error_of([] { parse(read_file(kGolden / "legacy.pt")); }).find("old form"), std::string::npos);
}

// --- Damage
// ---------------------------------------------------------------------------------------------------------

// Reads all that a checkpoint offers; any Error is fine, anything else is not.
bool survives(const std::string& bytes) {
  try {
    Loaded loaded(bytes);
    return true;
  } catch (const Error&) {
    return false;
  }
}

TEST(Damage, TruncationAtEveryByteIsAnError) {
  for (const char* name : {"state_dict.pt", "values.pt", "tensors.pt"}) {
    const std::string whole = read_file(kGolden / name);
    for (size_t size = 0; size < whole.size(); ++size) {
      // A copy of its own, so that the sanitizer sees a read past the end.
      EXPECT_FALSE(survives(std::string(whole, 0, size))) << name << " cut to " << size;
    }
    EXPECT_TRUE(survives(whole));
  }
}

TEST(Damage, TruncatedPicklesAreErrors) {
  for (const char* name : {"training.pt", "tensors.pt", "cycles.pt"}) {
    const std::string whole = read_file(kGolden / name);
    const ZipReader zip(ByteSource::view(as_bytes(whole)));
    const std::string pickle = zip.read(zip.entries()[0], "data.pkl");
    for (size_t size = 0; size < pickle.size(); ++size) {
      EXPECT_THROW(unpickle(std::string(pickle, 0, size)), Error) << name << " cut to " << size;
    }
  }
}

TEST(Damage, FlippedBytesNeverCrash) {
  std::mt19937 random(1);
  for (const char* name : {"state_dict.pt", "values.pt", "tensors.pt", "training.pt", "cycles.pt"}) {
    const std::string whole = read_file(kGolden / name);
    const ZipReader zip(ByteSource::view(as_bytes(whole)));
    const std::string pickle = zip.read(zip.entries()[0], "data.pkl");
    for (int round = 0; round < 2000; ++round) {
      std::string file = whole, stream = pickle;
      for (unsigned flips = 1 + random() % 4; flips > 0; --flips) {
        file[random() % file.size()] ^= static_cast<char>(1u << (random() % 8));
        stream[random() % stream.size()] = static_cast<char>(random());
      }
      survives(file);
      try {
        std::vector<int64_t> order;
        const ValueTree tree = unpickle(stream);
        (void)rushlight::io::pickle(tree, order);
      } catch (const Error&) {
      }
    }
  }
}

TEST(Damage, LoadingADamagedFileGivesTensorsOrAnError) {
  const TemporaryFolder folder;
  const std::string path = (folder / "damaged.pt").string();
  const std::string whole = read_file(kGolden / "state_dict.pt");
  const auto load_bytes = [&](const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
    try {
      for (const auto& [name, t] : load(path)) t.sum();
      return true;
    } catch (const Error&) {
      return false;
    }
  };
  EXPECT_TRUE(load_bytes(whole));
  for (size_t size = 0; size < whole.size(); size += 7) EXPECT_FALSE(load_bytes(whole.substr(0, size)));
  std::mt19937 random(2);
  for (int round = 0; round < 2000; ++round) {
    std::string file = whole;
    for (unsigned flips = 1 + random() % 4; flips > 0; --flips) {
      file[random() % file.size()] ^= static_cast<char>(1u << (random() % 8));
    }
    load_bytes(file);
  }
}

TEST(Damage, AFlippedWeightIsFound) {
  std::string bytes = read_file(kGolden / "state_dict.pt");
  const float three = 3;
  const size_t at = bytes.find(std::string(reinterpret_cast<const char*>(&three), 4));
  ASSERT_NE(at, std::string::npos);
  bytes[at + 2] ^= 1;
  EXPECT_NE(error_of([&] {
              Loaded{bytes};
            }).find("PytorchStreamReader failed reading file data/0: CRC-32 check failed."),
            std::string::npos);
}

TEST(Damage, ZipErrorsHavePyTorchsWords) {
  const auto words = [](const std::string& action, const std::string& reason) {
    return "RuntimeError: PytorchStreamReader failed " + action + ": " + reason +
           ". This is an internal miniz error. If you are seeing this error, there is a high likelihood that "
           "your "
           "checkpoint file is corrupted. This can happen if the checkpoint was not saved properly, was "
           "transferred "
           "incorrectly, or the file was modified after saving.";
  };
  const std::string whole = read_file(kGolden / "state_dict.pt");
  EXPECT_EQ(error_of([&] { parse(""); }), words("reading zip archive", "not a ZIP archive"));
  EXPECT_EQ(error_of([&] { parse(whole.substr(0, 500)); }),
            words("reading zip archive", "failed finding central directory"));
  EXPECT_EQ(error_of([&] {
              parse(zip_of({{"a/version", "3\n"}}));
            }),
            words("locating file data.pkl", "file not found"));
  EXPECT_NE(error_of([&] {
              parse(zip_of({{"version", "3\n"}}));
            }).find("file in archive is not in a subdirectory: version"),
            std::string::npos);
  EXPECT_NE(error_of([&] {
              parse(zip_of({{"a/x", "3"}}));
            }).find("Expected hasRecord(\"version\") to be true"),
            std::string::npos);
  EXPECT_NE(error_of([&] {
              parse(zip_of({{"a/version", "11"}}));
            }).find("maximum supported version for reading is 10."),
            std::string::npos);
  EXPECT_EQ(error_of([] { read_checkpoint(std::string("/nonexistent/x.pt")); }),
            "Error: [Errno 2] No such file or directory: '/nonexistent/x.pt'");
}

TEST(Damage, LyingHeadersAllocateNothing) {
  const std::string whole = read_file(kGolden / "state_dict.pt");
  // The directory's record of data/0: its sizes at 20 and 24, its offset at 42.
  const size_t name = whole.rfind("state_dict/data/0");
  for (const size_t field : {size_t{20}, size_t{24}, size_t{42}}) {
    for (const uint32_t lie : {0x7fffffffu, 0xfffffffeu, 0xffffffffu}) {
      std::string bytes = whole;
      std::memcpy(&bytes[name - 46 + field], &lie, 4);
      EXPECT_FALSE(survives(bytes)) << field << " " << lie;
    }
  }
  // Many entries that all claim the same large data.
  std::string bytes = zip_of({{"a/big", std::string(10000, 'x')}, {"a/c", ""}, {"a/d", ""}});
  const auto header = [&](const char* entry) { return bytes.rfind(entry) - 46; };
  bytes.replace(header("a/c") + 20, 8, bytes.substr(header("a/big") + 20, 8));
  EXPECT_THROW(parse(bytes), RuntimeError);
}

// ('storage', torch.FloatStorage, '0', 'cpu', 4), then offset, sizes, strides.
std::string tensor_pickle(const std::string& arguments) {
  return "\x80\2ctorch._utils\n_rebuild_tensor_v2\n((X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
         "0X\3\0\0\0cpuK\4tQ"_b +
         arguments + "\x89}tR.";
}

TEST(Damage, TensorsStayInsideTheirStorage) {
  const auto error = [](const std::string& arguments) {
    return error_of([&] { parse(checkpoint_of(tensor_pickle(arguments))); });
  };
  EXPECT_EQ(error("K\0K\2K\2\x86K\2K\1\x86"_b), "");
  EXPECT_EQ(error("K\x9K\0\x85K\1\x85"_b), "");  // empty tensors may begin anywhere
  EXPECT_EQ(error("K\0K\2K\3\x86K\3K\1\x86"_b),
            "RuntimeError: Trying to resize storage that is not resizable");
  EXPECT_EQ(error("K\1K\2K\2\x86K\2K\1\x86"_b),
            "RuntimeError: Trying to resize storage that is not resizable");
  EXPECT_EQ(error("J\xff\xff\xff\xffK\1\x85K\1\x85"), "RuntimeError: Tensor: invalid storage offset -1");
  EXPECT_EQ(error("K\0K\2\x85K\2K\1\x86"_b), "RuntimeError: unequal size length (1) and stride length (2)");
  EXPECT_EQ(error("K\0K\2J\xfe\xff\xff\xff\x86K\2K\1\x86"_b),
            "RuntimeError: numel: integer multiplication overflow");
  EXPECT_EQ(error("K\0K\2K\2\x86K\2J\xff\xff\xff\xff\x86"_b),
            "RuntimeError: Storage size calculation overflowed with sizes=[2, 2] and strides=[2, -1]");
  const std::string huge = "\x8a\x8\0\0\0\0\0\0\0\x40"_b;  // 2**62
  EXPECT_EQ(error("K\0"_b + huge + huge + "\x86K\2K\1\x86"),
            "RuntimeError: numel: integer multiplication overflow");
  EXPECT_EQ(error("K\0K\2\x85"_b + huge + "\x85"),
            concat("RuntimeError: Storage size calculation overflowed with sizes=[2] and strides=[",
                   int64_t{1} << 62, "]"));
  EXPECT_EQ(error_of([] { parse(checkpoint_of(tensor_pickle("K\0K\1\x85K\1\x85"_b), "short")); }),
            "RuntimeError: record size (5 bytes) does not match expected size (16 bytes = 16 elements * 1 "
            "bytes/element) for dtype Byte");
}

TEST(Damage, BrokenPicklesAreErrors) {
  EXPECT_THROW(unpickle(""), UnpicklingError);
  EXPECT_THROW(unpickle("\x80\2."), IndexError);
  EXPECT_THROW(unpickle("\x80\2t."), IndexError);
  EXPECT_THROW(unpickle("\x80\2K\1(."), IndexError);  // below the mark
  EXPECT_THROW(unpickle("\x80\2(K\1\x86."), IndexError);
  EXPECT_THROW(unpickle("\x80\2h\5."), KeyError);
  EXPECT_THROW(unpickle("\x80\2K\1r\xff\xff\xff\xff."), UnpicklingError);
  EXPECT_THROW(unpickle("\x80\2X\xff\xff\xff\x7f"
                        "ab."),
               UnpicklingError);
  EXPECT_THROW(unpickle("\x80\2}]K\1s."), TypeError);  // unhashable
  EXPECT_THROW(unpickle("\x80\2}]\x85K\1s."), TypeError);
  EXPECT_THROW(unpickle("\x80\2K\1K\1R."), UnpicklingError);
  EXPECT_THROW(unpickle("\x80\2}}b."), UnpicklingError);
  EXPECT_THROW(unpickle("\x80\2K\1Q."), AssertionError);
  EXPECT_THROW(unpickle("\x80\6."), ValueError);
  EXPECT_EQ(error_of([] { unpickle("\x80\2X\2\0\0\0a\xff."_b); }),
            "Error: 'utf-8' codec can't decode byte 0xff in position 1: invalid start byte");
  EXPECT_NE(error_of([] { unpickle("\x80\2\x82\1."); }).find("Unsupported operand 130"), std::string::npos);
}

TEST(Damage, CopiesAreBounded) {
  // A list of 1000 items, made into a set 1000 times.
  std::string bytes = "\x80\2]q\0("_b;
  for (int i = 0; i < 1000; ++i) bytes += "K\1";
  bytes += "e0";
  for (int i = 0; i < 1000; ++i) bytes += "c__builtin__\nset\nh\0\x85R0"_b;
  EXPECT_THROW(unpickle(bytes + "N."), UnpicklingError);
}

// --- Depth, sharing and opcodes
// -------------------------------------------------------------------------------------

TEST(Pickle, DeepNestingNeedsNoStack) {
  constexpr int kDepth = 200000;
  std::string bytes = "\x80\2";
  bytes.append(kDepth, ']');
  bytes.append(kDepth - 1, 'a');
  ValueTree tree = unpickle(bytes + ".");
  std::vector<int64_t> order;
  const std::string copy = pickle(tree, order);
  int depth = 1;
  const ValueTree again = unpickle(copy);
  for (Value at = again.root; !at.items().empty(); at = at.items()[0]) ++depth;
  EXPECT_EQ(depth, kDepth);

  std::string tuples = "\x80\2)";
  tuples.append(kDepth, '\x85');
  EXPECT_EQ(unpickle(tuples + ".").containers().size(), kDepth + 1u);
}

TEST(Pickle, ReadsEveryProtocol) {
  // pickle.dumps({'a': [1, -2, 1.5, True, None, 'é'], 'b': (b'x', bytearray(b'x'), {3}, frozenset({4}))},
  // protocol)
  const std::string kProtocol0 =
      "(dp0\nVa\np1\n(lp2\nI1\naI-2\naF1.5\naI01\naNaV\xe9\np3\nasVb\np4\n(c_codecs\nencode\np5\n("
      "Vx\np6\nVlatin1\np7\ntp8\n"
      "Rp9\nc__builtin__\nbytearray\np10\n(g9\ntp11\nRp12\nc__builtin__\nset\np13\n((lp14\nI3\natp15\nRp16\n"
      "c__builtin__\nfrozenset\np17\n((lp18\nI4\natp19\nRp20\ntp21\ns.";
  const std::string kProtocol5 =
      "\x80\5\x95\x4f\0\0\0\0\0\0\0}\x94(\x8c\1a\x94]\x94("
      "K\1J\xfe\xff\xff\xffG\x3f\xf8\0\0\0\0\0\0\x88N\x8c\2\xc3\xa9\x94"
      "e\x8c\1b\x94(C\1x\x94\x96\1\0\0\0\0\0\0\0x\x94\x8f\x94(K\3\x90(K\4\x91\x94t\x94u."_b;
  for (const std::string& bytes : {kProtocol0, kProtocol5}) {
    const ValueTree tree = unpickle(bytes);
    const std::vector<Value>& a = tree.root.find("a").items();
    ASSERT_EQ(a.size(), 6u);
    EXPECT_EQ(a[0].as_int(), 1);
    EXPECT_EQ(a[1].as_int(), -2);
    EXPECT_EQ(a[2].as_float(), 1.5);
    EXPECT_TRUE(a[3].as_bool());
    EXPECT_TRUE(a[4].is(Kind::None));
    EXPECT_EQ(a[5].as_string(), "é");
    const std::vector<Value>& b = tree.root.find("b").items();
    ASSERT_EQ(b.size(), 4u);
    EXPECT_EQ(b[0].text(), "x");
    EXPECT_EQ(b[1].text(), "x");
    EXPECT_TRUE(b[1].is(Kind::ByteArray));
    EXPECT_EQ(b[2].items()[0].as_int(), 3);
    EXPECT_TRUE(b[3].is(Kind::FrozenSet));
    EXPECT_EQ(b[3].items()[0].as_int(), 4);
  }
}

TEST(Pickle, ReadsPython2Strings) {
  EXPECT_EQ(unpickle("S'a\\x41\\n\\101\\'b'\np0\n.").root.as_string(), "aA\nA'b");
  EXPECT_EQ(unpickle("Va\\u00e9\\U0001f600\n.").root.as_string(), "aé😀");
  EXPECT_EQ(unpickle("L12345678901L\n.").root.as_int(), 12345678901);
  EXPECT_THROW(unpickle("S'open\n."), UnpicklingError);
  EXPECT_THROW(unpickle("I99999999999999999999\n."), OverflowError);
}

TEST(Pickle, SelfContainingStateEnds) {
  ValueTree tree;
  const Value counter = tree.container(Kind::Counter);
  append_item(counter, tree.string("self"), counter);
  tree.root = counter;
  std::vector<int64_t> order;
  EXPECT_THROW(pickle(tree, order), RuntimeError);
}

TEST(Pickle, TuplesPrecedeWhatHoldsThem) {
  Loaded loaded(read_file(kGolden / "values.pt"));
  std::unordered_map<const void*, size_t> position;
  for (const Container& container : loaded.tree().containers()) {
    if (container.kind == Kind::Tuple || container.kind == Kind::Size || container.kind == Kind::FrozenSet) {
      for (const Value& item : container.items) {
        EXPECT_TRUE(!item.is_container() || position.contains(item.identity()));
      }
    }
    position.emplace(&container, position.size());
  }
}

// --- ZIP and files
// --------------------------------------------------------------------------------------------------

TEST(Zip, Crc32) {
  EXPECT_EQ(crc32("123456789", 9), 0xcbf43926u);  // the check value of the standard
  EXPECT_EQ(crc32("", 0), 0u);
  std::string bytes(1000, '\0');
  std::mt19937 random(2);
  for (char& c : bytes) c = static_cast<char>(random());
  const uint32_t whole = crc32(bytes.data(), bytes.size());
  for (const size_t cut : {1u, 15u, 16u, 17u, 500u, 999u}) {
    EXPECT_EQ(crc32(bytes.data() + cut, bytes.size() - cut, crc32(bytes.data(), cut)), whole) << cut;
  }
}

TEST(Zip, AlignsEveryEntry) {
  const std::string bytes =
      zip_of({{"a/x", "marker-1"}, {"a/longer name", "marker-2"}, {"a/empty", ""}, {"a/y", "marker-3"}});
  for (const char* marker : {"marker-1", "marker-2", "marker-3"})
    EXPECT_EQ(bytes.find(marker) % ZipWriter::kAlignment, 0u);
  const ZipReader zip(ByteSource::view(as_bytes(bytes)));
  ASSERT_NE(zip.find("a/y"), nullptr);
  EXPECT_EQ(zip.read(*zip.find("a/y"), "y"), "marker-3");
  EXPECT_EQ(zip.read(*zip.find("a/empty"), "empty"), "");
  EXPECT_EQ(zip.find("a/z"), nullptr);
}

TEST(Zip, RefusesCompressedAndEncryptedEntries) {
  const std::string whole = zip_of({{"a/x", "data"}});
  const size_t header = whole.rfind("a/x") - 46;
  std::string deflated = whole, encrypted = whole;
  deflated[header + 10] = 8;
  encrypted[header + 8] |= 1;
  EXPECT_NE(error_of([&] {
              ZipReader(ByteSource::view(as_bytes(deflated)));
            }).find("reading file a/x: unsupported method"),
            std::string::npos);
  EXPECT_NE(
      error_of([&] { ZipReader(ByteSource::view(as_bytes(encrypted))); }).find("unsupported encryption"),
      std::string::npos);
}

ValueTree tree_of_floats(const std::vector<float>& data) {
  ValueTree tree;
  tree.storages.push_back(
      {.dtype = DType::Float32, .numel = static_cast<int64_t>(data.size()), .data = data.data()});
  tree.root = tree.container(Kind::Dict);
  TensorRecord tensor;
  tensor.sizes = {static_cast<int64_t>(data.size())};
  tensor.strides = {1};
  append_item(tree.root, tree.string("x"), tree.tensor(tensor));
  return tree;
}

TEST(AtomicFile, ReplacesAFileAndKeepsItsPermissionsAndLinks) {
  const TemporaryFolder folder;
  const fs::path path = folder / "model.pt", link = folder / "latest.pt";
  const std::vector<float> data = {1, 2, 3};
  write_checkpoint(path.string(), tree_of_floats({0}));
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
  fs::create_symlink("model.pt", link);
  write_checkpoint(link.string(), tree_of_floats(data));
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(folder.count(), 2u);
  const Checkpoint checkpoint = read_checkpoint(path.string());
  std::vector<float> read(3);
  checkpoint.read_storage(0, read.data());
  EXPECT_EQ(read, data);
}

TEST(AtomicFile, LeavesTheOldFileWhenWritingFails) {
  const TemporaryFolder folder;
  const fs::path path = folder / "model.pt";
  write_checkpoint(path.string(), tree_of_floats({1}));
  const std::string before = read_file(path);

  rlimit limit{}, small{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
  small = {.rlim_cur = 100000, .rlim_max = limit.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::vector<float> large(200000);
  const std::string error = error_of([&] { write_checkpoint(path.string(), tree_of_floats(large)); });
  setrlimit(RLIMIT_FSIZE, &limit);
  std::signal(SIGXFSZ, handler);

  EXPECT_NE(error.find("PytorchStreamWriter failed writing file"), std::string::npos) << error;
  EXPECT_EQ(read_file(path), before);
  EXPECT_EQ(folder.count(), 1u);
}

TEST(AtomicFile, LeavesNothingWhenTheTreeIsRefused) {
  const TemporaryFolder folder;
  ValueTree tree;
  tree.root = Value();  // Absent
  EXPECT_THROW(write_checkpoint((folder / "x.pt").string(), tree), TypeError);
  EXPECT_EQ(folder.count(), 0u);
}

TEST(AtomicFile, RefusesFoldersInPyTorchsWords) {
  const TemporaryFolder folder;
  const ValueTree tree;
  EXPECT_EQ(error_of([&] { write_checkpoint("/nonexistent/x.pt", tree); }),
            "RuntimeError: Parent directory /nonexistent does not exist.");
  EXPECT_NE(error_of([&] { write_checkpoint((folder / "").string(), tree); }).find("Is a directory"),
            std::string::npos);
  EXPECT_NE(error_of([&] { read_checkpoint((folder / "").string()); }).find("[Errno 21] Is a directory"),
            std::string::npos);
}

// --- Safetensors
// ----------------------------------------------------------------------------------------------------

std::string safetensors_of(const std::string& header, const std::string& data = "") {
  const uint64_t size = header.size();
  return std::string(reinterpret_cast<const char*>(&size), 8) + header + data;
}

std::string safetensors_error(const std::string& bytes) {
  return error_of([&] { SafetensorsReader(ByteSource::view(as_bytes(bytes))); });
}

TEST(Safetensors, ComesBackAsItWent) {
  const float weights[] = {1, 2, 3, 4, 5, 6};
  const uint8_t flags[] = {1, 0, 1};
  StringSink sink;
  write_safetensors(sink,
                    {{.name = "flags \"é\"\n", .dtype = DType::Bool, .shape = {3}, .data = flags},
                     {.name = "weight", .dtype = DType::Float32, .shape = {2, 3}, .data = weights},
                     {.name = "empty", .dtype = DType::Int64, .shape = {0, 4}}},
                    {{"format", "pt"}});
  const std::string& bytes = sink.bytes();
  const SafetensorsReader reader(ByteSource::view(as_bytes(bytes)));
  EXPECT_EQ(bytes.find("{\"__metadata__\":{\"format\":\"pt\"},\"empty\":{\"dtype\":\"I64\",\"shape\":[0,4],"
                       "\"data_offsets\":[0,0]},"
                       "\"weight\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"),
            8u);
  EXPECT_EQ(reader.metadata(), (SafetensorsMetadata{{"format", "pt"}}));
  ASSERT_NE(reader.find("weight"), nullptr);
  EXPECT_EQ(reader.find("weight")->shape, (std::vector<int64_t>{2, 3}));
  float read[6];
  reader.read(*reader.find("weight"), read);
  EXPECT_EQ(std::memcmp(read, weights, sizeof(read)), 0);
  EXPECT_EQ(reader.find("flags \"é\"\n")->dtype, DType::Bool);
  EXPECT_EQ(reader.find("nothing"), nullptr);

  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_NE(safetensors_error(std::string(bytes, 0, size)), "") << size;
  std::mt19937 random(3);
  for (int round = 0; round < 5000; ++round) {
    std::string damaged = bytes;
    damaged[random() % damaged.size()] = static_cast<char>(random());
    safetensors_error(damaged);
  }
}

TEST(Safetensors, EveryRuleIsKept) {
  const std::string data(16, 'x');
  const auto error = [&](const std::string& header) {
    return safetensors_error(safetensors_of(header, data));
  };
  const std::string a = R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]})";
  const std::string b = R"("b":{"shape":[8],"data_offsets":[8,16],"dtype":"U8"})";
  EXPECT_EQ(error("{" + a + "," + b + "}"), "");
  EXPECT_EQ(error("{ " + b + ", " + a + " }   \n"), "");
  EXPECT_EQ(safetensors_error(safetensors_of("{}")), "");
  const std::pair<std::string, std::string> kBroken[] = {
      {"", "must start with `{`"},
      {" {}", "must start with `{`"},
      {"{}", "not fully covered"},
      {"{" + a + "}", "not fully covered"},
      {"{" + a + "," + a + "}", "duplicate name `a`"},
      {"{" + b + "}", "invalid offset for tensor `b`"},
      {"{" + a + "," + b + ",}", "expected `\"`"},
      {"{" + a + "," + b + "} x", "trailing characters"},
      {"{" + a + "," + b, "expected `}`"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,16]}})",
       "invalid shape, data type, or offset for tensor `a`"},
      {R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[16,0]}})", "invalid offset"},
      {R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16,16]}})", "two data_offsets"},
      {R"({"a":{"dtype":"F32","shape":[4]}})", "two data_offsets"},
      {R"({"a":{"dtype":"F32","shape":[-4],"data_offsets":[0,16]}})", "expected a whole number"},
      {R"({"a":{"dtype":"F32","shape":[04],"data_offsets":[0,16]}})", "expected a whole number"},
      {R"({"a":{"dtype":"F32","shape":[4.0],"data_offsets":[0,16]}})", "expected `]`"},
      {R"({"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,16]}})",
       "expected a whole number"},
      {R"({"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,16]}})",
       "overflow computing buffer size"},
      {R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16],"x":1}})", "unknown field `x`"},
      {R"({"__metadata__":{"k":1}})", "expected `\"`"},
      {R"({"a\ud800":1})", "lone surrogate"},
      {R"({"a\q":1})", "invalid escape"},
  };
  for (const auto& [header, words] : kBroken)
    EXPECT_NE(error(header).find(words), std::string::npos) << header << "\n" << error(header);
  EXPECT_EQ(error(R"({"a":{"dtype":"F8_E4M3","shape":[16],"data_offsets":[0,16]}})"),
            "Error: safetensors dtype F8_E4M3 is not supported");
  EXPECT_NE(safetensors_error("\xff\xff\xff\xff\xff\xff\xff\x7f").find("header too large"),
            std::string::npos);
  EXPECT_NE(safetensors_error("\x10\0\0\0\0\0\0\0{}"_b).find("invalid header length"), std::string::npos);
  EXPECT_NE(safetensors_error("abc").find("header too small"), std::string::npos);
  StringSink sink;
  EXPECT_THROW(write_safetensors(sink, {{.name = "x", .shape = {0}}, {.name = "x", .shape = {0}}}),
               RuntimeError);
}

// --- Text
// -----------------------------------------------------------------------------------------------------------

TEST(Text, Utf8) {
  check_utf8("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", false);
  for (const char* bad :
       {"\x80", "\xc0\x80", "\xc3", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff"}) {
    EXPECT_THROW(check_utf8(bad, false), ValueError) << bad;
  }
  check_utf8("\xed\xa0\x80", true);
  EXPECT_EQ(utf8_to_latin1(latin1_to_utf8("\x01\x7f\x80\xff")), "\x01\x7f\x80\xff");
  EXPECT_THROW(utf8_to_latin1("€"), ValueError);
}

}  // namespace
}  // namespace rushlight::io
