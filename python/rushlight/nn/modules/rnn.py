"""Recurrent layers on packed sequences, and the names that PyTorch's have. (They compute in C++.)"""

from rushlight import _C
from rushlight.nn.modules._extend import extend
from rushlight.nn.modules.module import Module
from rushlight.nn.utils.rnn import PackedSequence

RNN, LSTM, GRU = _C._modules.RNN, _C._modules.LSTM, _C._modules.GRU
RNNCell, LSTMCell, GRUCell = _C._modules.RNNCell, _C._modules.LSTMCell, _C._modules.GRUCell


def _forward_packed(module, input, hx=None):
    if not isinstance(input, PackedSequence):
        raise TypeError(
            f"{module._get_name().lower()}(): argument 'input' (position 1) must be Tensor, not "
            f"{type(input).__name__}"
        )
    from rushlight import zeros

    data, batch_sizes, sorted_indices, unsorted_indices = input
    is_lstm = isinstance(module, LSTM)
    places = module.num_layers * (2 if module.bidirectional else 1)
    if hx is None:
        shape = (places, int(batch_sizes[0]))
        h = zeros(*shape, module.proj_size or module.hidden_size, dtype=data.dtype)
        c = zeros(*shape, module.hidden_size, dtype=data.dtype) if is_lstm else None
    else:
        h, c = hx if is_lstm else (hx, None)
        if sorted_indices is not None:
            h, c = h.index_select(1, sorted_indices), c if c is None else c.index_select(1, sorted_indices)
    rows, (h, c) = _C._modules._run_packed(module, data, batch_sizes.tolist(), h, c)
    if unsorted_indices is not None:
        h, c = h.index_select(1, unsorted_indices), c if c is None else c.index_select(1, unsorted_indices)
    return PackedSequence(rows, batch_sizes, sorted_indices, unsorted_indices), (h, c) if is_lstm else h


class _Names(Module):
    """What all three have."""

    @property
    def _flat_weights_names(self):
        return list(self._parameters)

    @property
    def _flat_weights(self):
        return list(self._parameters.values())

    @property
    def all_weights(self):
        """The parameters of each layer and direction."""
        groups: dict[str, list] = {}
        for name, value in self._parameters.items():
            groups.setdefault(name[name.index("_l") :], []).append(value)
        return list(groups.values())

    def flatten_parameters(self):
        """Nothing to do: there is no other layout."""


for _cls in (RNN, LSTM, GRU):
    extend(_cls)(_Names)
    _C._modules._set_forward_fallback(_cls, _forward_packed)
