"""Sequences of different lengths: packed into rows without gaps, or padded."""

from collections import namedtuple

import rushlight


class PackedSequence(
    namedtuple("PackedSequence", ["data", "batch_sizes", "sorted_indices", "unsorted_indices"])
):
    """The rows of all steps, the first step's first, and how many sequences each step has."""

    def __new__(cls, data, batch_sizes=None, sorted_indices=None, unsorted_indices=None):
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        if batch_sizes is not None and batch_sizes.device.type != "cpu":
            raise ValueError(
                "batch_sizes should always be on CPU. Instances of PackedSequence should never be created "
                "manually. They should be instantiated by functions like pack_sequence and "
                "pack_padded_sequences in nn.utils.rnn. "
                "https://pytorch.org/docs/stable/nn.html#torch.nn.utils.rnn.pack_sequence"
            )
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args, **kwargs):
        data = self.data.to(*args, **kwargs)
        return self if data is self.data else type(self)(data, *self[1:])

    def cpu(self, *args, **kwargs):
        return self.to("cpu")

    def double(self):
        return self.to(dtype=rushlight.float64)

    def float(self):
        return self.to(dtype=rushlight.float32)

    def pin_memory(self):
        return self

    def is_pinned(self):
        return False

    @property
    def is_cuda(self):
        return self.data.is_cuda


def invert_permutation(permutation):
    """The permutation that undoes the given one."""
    if permutation is None:
        return None
    out = rushlight.empty_like(permutation)
    out[permutation] = rushlight.arange(permutation.numel())
    return out


def pack_padded_sequence(input, lengths, batch_first=False, enforce_sorted=True):
    """Packs padded sequences (steps, batch, *) of the given lengths."""
    lengths = rushlight.as_tensor(lengths, dtype=rushlight.int64)
    order = None
    if not enforce_sorted:
        lengths, order = rushlight.sort(lengths, descending=True)
        input = input.index_select(0 if batch_first else 1, order)
    steps_first = input.transpose(0, 1) if batch_first else input
    counts = lengths.tolist()
    if not counts or steps_first.numel() == 0:
        raise RuntimeError("Cannot pack empty tensors.")
    if len(counts) != steps_first.shape[1]:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(counts)} "
            f"(batch_size={steps_first.shape[1]})"
        )
    if counts[-1] <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0"
        )
    if any(a < b for a, b in zip(counts, counts[1:], strict=False)):
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass "
            "`enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this "
            "requirement if you do not need ONNX exportability."
        )
    batch_sizes = [sum(count > step for count in counts) for step in range(counts[0])]
    data = rushlight.cat([steps_first[step, :size] for step, size in enumerate(batch_sizes)])
    return PackedSequence(data, rushlight.tensor(batch_sizes), order, None)


def pad_packed_sequence(sequence, batch_first=False, padding_value=0.0, total_length=None):
    """The padded sequences and their lengths."""
    batch_sizes = sequence.batch_sizes.tolist()
    longest = len(batch_sizes)
    if total_length is not None:
        if total_length < longest:
            raise ValueError(
                "Expected total_length to be at least the length of the longest sequence in input, but got "
                f"total_length={total_length} and max sequence length being {longest}"
            )
        longest = total_length
    rows = list(sequence.data.split(batch_sizes))
    empty = sequence.data.new_full((batch_sizes[0], *sequence.data.shape[1:]), padding_value)
    steps = [rushlight.cat([part, empty[part.shape[0] :]]) for part in rows] + [empty] * (longest - len(rows))
    padded = rushlight.stack(steps)
    lengths = rushlight.tensor([sum(size > i for size in batch_sizes) for i in range(batch_sizes[0])])
    if batch_first:
        padded = padded.transpose(0, 1)
    if sequence.unsorted_indices is not None:
        padded = padded.index_select(0 if batch_first else 1, sequence.unsorted_indices)
        lengths = lengths[sequence.unsorted_indices]
    return padded, lengths


def pad_sequence(sequences, batch_first=False, padding_value=0.0, padding_side="right"):
    """Stacks sequences (L, *) of different lengths."""
    sequences = list(sequences)
    longest = max(s.shape[0] for s in sequences)
    padded = []
    for s in sequences:
        gap = s.new_full((longest - s.shape[0], *s.shape[1:]), padding_value)
        padded.append(rushlight.cat([gap, s] if padding_side == "left" else [s, gap]))
    return rushlight.stack(padded, 0 if batch_first else 1)


def unpad_sequence(padded_sequences, lengths, batch_first=False):
    """The sequences without their padding."""
    batch = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [s[: int(n)] for s, n in zip(batch, lengths, strict=True)]


def pack_sequence(sequences, enforce_sorted=True):
    """Packs sequences (L, *) of different lengths."""
    lengths = rushlight.tensor([s.shape[0] for s in sequences])
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences):
    """The sequences of a packed one."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
