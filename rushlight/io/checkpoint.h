// Checkpoints in the .pt form of torch.save (PyTorch 2.13): a ZIP archive that holds a pickle and each
// storage's bytes.
//
//   Checkpoint checkpoint = read_checkpoint("model.pt");
//   const ValueTree& tree = checkpoint.tree();
//   for (size_t i = 0; i < tree.storages.size(); ++i) {
//     buffer[i].resize(tree.storages[i].nbytes());
//     checkpoint.read_storage(i, buffer[i].data());
//   }
//   tree.root.find("0.weight").tensor().sizes ...
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "rushlight/io/value.h"
#include "rushlight/io/zip.h"

namespace rushlight::io {

// The archive alone: the pickle as text, for a reader of its own, and the storages by their keys.
class Archive {
 public:
  explicit Archive(ByteSource source);

  std::string pickle() const { return zip_.read(require("data.pkl"), "data.pkl"); }
  // Copies a storage's bytes, which must be `nbytes`, in this machine's byte order.
  void read_storage(const std::string& key, DType dtype, int64_t nbytes, void* destination) const;
  // RuntimeError unless the storage is there and has this size.
  void check_storage(const std::string& key, int64_t nbytes) const;
  // An entry by the name below the archive's folder ("data.pkl"); nullptr when there is none.
  const ZipEntry* find(const std::string& name) const { return zip_.find(folder_ + name); }

 private:
  void check_version() const;
  const ZipEntry& require(const std::string& name) const;

  ZipReader zip_;
  std::string folder_;  // "archive/"
  bool swap_bytes_ = false;
};

// The value tree in memory, and the storages still in the archive: their bytes are copied once, to where they
// belong. Every storage that the tree names is there and as long as its tensors need.
class Checkpoint {
 public:
  explicit Checkpoint(ByteSource source);

  ValueTree& tree() { return tree_; }
  const ValueTree& tree() const { return tree_; }
  // Copies the nbytes() bytes of tree().storages[index], in this machine's byte order.
  void read_storage(size_t index, void* destination) const;
  const Archive& archive() const { return archive_; }

 private:
  Archive archive_;
  ValueTree tree_;
};

// Errors: OSError when the file does not open; else those of ZipReader and unpickle(). `bytes` must outlive
// the result.
Checkpoint read_checkpoint(const std::string& path);
Checkpoint read_checkpoint(std::span<const std::byte> bytes);

// Writes tree.root and the storages that it names, whose `data` must be set (or nbytes() be 0). The file is
// replaced at once when all is on the disk; after an error it is what it was.
void write_checkpoint(const std::string& path, const ValueTree& tree);
// Into memory; `folder` names the folder inside the archive.
std::string write_checkpoint(const ValueTree& tree, const std::string& folder = "archive");

// The same for a pickle that was written elsewhere, whose persistent ids number the storages from 0.
std::string write_checkpoint(const std::string& pickle, const std::vector<StorageRecord>& storages,
                             const std::string& folder = "archive");

}  // namespace rushlight::io
