"""What single layers have beside their computation: old state dicts, constructors from data, classes for
isinstance."""

import abc
import sys

from rushlight import _C
from rushlight.nn.modules._extend import extend
from rushlight.nn.modules.module import Module

_layers = _C._modules


def _family(file, name, members):
    """A class that all members count as instances of, as a base class in PyTorch's module `file` does."""
    cls = abc.ABCMeta(
        name,
        (),
        {
            "__module__": f"rushlight.nn.modules.{file}",
            "__doc__": f"Base of {', '.join(members)} for isinstance.",
        },
    )
    for member in members:
        if hasattr(_layers, member):
            cls.register(getattr(_layers, member))
    setattr(sys.modules[cls.__module__], name, cls)
    return cls


class _Tracking(Module):
    """Version 2 counts batches; states saved before have no count."""

    _version = 2

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, *rest):
        key = prefix + "num_batches_tracked"
        if (local_metadata.get("version") or 0) < 2 and self.track_running_stats and key not in state_dict:
            from rushlight import tensor

            state_dict[key] = tensor(0) if self.num_batches_tracked is None else self.num_batches_tracked
        Module._load_from_state_dict(self, state_dict, prefix, local_metadata, *rest)

    def reset_running_stats(self):
        """The statistics of no batch."""
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()


_batch_norms = ["BatchNorm1d", "BatchNorm2d", "BatchNorm3d"]
_instance_norms = ["InstanceNorm1d", "InstanceNorm2d"]
for _name in _batch_norms + _instance_norms:
    extend(getattr(_layers, _name))(_Tracking)
_family("batchnorm", "_BatchNorm", _batch_norms)
_family("batchnorm", "_NormBase", _batch_norms + _instance_norms)
_family("instancenorm", "_InstanceNorm", _instance_norms)
_family("conv", "_ConvNd", ["Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d"])
_family("conv", "_ConvTransposeNd", ["ConvTranspose1d", "ConvTranspose2d"])


@extend(_C._modules.Embedding)
class Embedding(_C._modules.Embedding):
    @classmethod
    def from_pretrained(
        cls,
        embeddings,
        freeze=True,
        padding_idx=None,
        max_norm=None,
        norm_type=2.0,
        scale_grad_by_freq=False,
        sparse=False,
    ):
        """A layer over a given table (rows, dim)."""
        if embeddings.dim() != 2:
            raise AssertionError("Embeddings parameter is expected to be 2-dimensional")
        rows, columns = embeddings.shape
        return cls(
            rows,
            columns,
            padding_idx,
            max_norm,
            norm_type,
            scale_grad_by_freq,
            sparse,
            _weight=embeddings,
            _freeze=freeze,
        )


@extend(_layers.EmbeddingBag)
class EmbeddingBag(_C._modules.EmbeddingBag):
    @classmethod
    def from_pretrained(
        cls,
        embeddings,
        freeze=True,
        max_norm=None,
        norm_type=2.0,
        scale_grad_by_freq=False,
        mode="mean",
        sparse=False,
        include_last_offset=False,
        padding_idx=None,
    ):
        """A layer over a given table (rows, dim)."""
        if embeddings.dim() != 2:
            raise AssertionError("Embeddings parameter is expected to be 2-dimensional")
        rows, columns = embeddings.shape
        layer = cls(
            rows,
            columns,
            max_norm,
            norm_type,
            scale_grad_by_freq,
            mode,
            sparse,
            embeddings,
            include_last_offset,
            padding_idx,
        )
        layer.weight.requires_grad = not freeze
        return layer
