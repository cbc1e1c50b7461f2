#include "rushlight/io/save.h"

#include <unordered_map>

#include "rushlight/io/checkpoint.h"

namespace rushlight {

void save(const StateDict& state, const std::string& path) {
  io::ValueTree tree;
  std::unordered_map<const Storage*, int64_t> storages;
  tree.root = tree.container(io::Kind::OrderedDict);
  for (const auto& [name, tensor] : state) {
    const auto [at, is_new] =
        storages.try_emplace(tensor.storage().get(), static_cast<int64_t>(tree.storages.size()));
    if (is_new) {
      const auto nbytes = static_cast<int64_t>(tensor.storage()->nbytes());
      tree.storages.push_back(
          {.dtype = tensor.dtype(), .numel = nbytes / tensor.item_size(), .data = tensor.storage()->data()});
    }
    io::TensorRecord record{
        .storage = at->second, .dtype = tensor.dtype(), .offset = tensor.storage_offset()};
    record.sizes.assign(tensor.sizes().begin(), tensor.sizes().end());
    record.strides.assign(tensor.strides().begin(), tensor.strides().end());
    record.requires_grad = tensor.requires_grad();
    io::append_item(tree.root, tree.string(name), tree.tensor(std::move(record)));
  }
  io::write_checkpoint(path, tree);
}

StateDict load(const std::string& path) {
  const io::Checkpoint checkpoint = io::read_checkpoint(path);
  const io::ValueTree& tree = checkpoint.tree();
  RL_CHECK_AS(TypeError, tree.root.is_dict(), "expected a dict of tensors in ", path, ", but got ",
              io::kind_name(tree.root.kind()));
  std::vector<Ref<Storage>> storages(tree.storages.size());
  StateDict state;
  const std::vector<io::Value>& items = tree.root.items();
  for (size_t i = 0; i + 1 < items.size(); i += 2) {
    RL_CHECK_AS(TypeError, items[i].is(io::Kind::String) && items[i + 1].is(io::Kind::Tensor),
                "expected a dict of tensors in ", path, ", but one of its values is of type ",
                io::kind_name(items[i + 1].kind()));
    const io::TensorRecord& record = items[i + 1].tensor();
    Ref<Storage>& storage = storages[static_cast<size_t>(record.storage)];
    if (!storage) {
      storage =
          Storage::allocate(static_cast<size_t>(tree.storages[static_cast<size_t>(record.storage)].nbytes()));
      checkpoint.read_storage(static_cast<size_t>(record.storage), storage->data());
    }
    Tensor tensor(make_ref<TensorImpl>(storage, DimsRef(record.sizes).copy(), DimsRef(record.strides).copy(),
                                       record.offset, record.dtype, storage->device()));
    if (record.requires_grad) tensor.set_requires_grad(true);
    state.emplace_back(items[i].as_string(), std::move(tensor));
  }
  return state;
}

}  // namespace rushlight
