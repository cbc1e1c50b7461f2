"""Writes the checkpoints beside it, with PyTorch 2.13: `python tests/golden/make_checkpoints.py`.

The C++ tests read each, write it again and expect the same bytes.
"""

import collections
import os
import pathlib
import zipfile

import torch
from torch import nn

FOLDER = pathlib.Path(__file__).parent / "checkpoints"

DTYPES = [
    torch.bool, torch.uint8, torch.uint16, torch.uint32, torch.uint64, torch.int8, torch.int16, torch.int32,
    torch.int64, torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64,
    torch.complex128,
]  # fmt: skip


def state_dict():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    with torch.no_grad():
        model[0].weight.copy_(torch.arange(6.0).reshape(3, 2))
    return model.state_dict()


def training():
    torch.manual_seed(0)
    layer = nn.Linear(2, 2)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.01)
    layer(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 4])
    return {"optimizer": optimizer.state_dict(), "schedule": schedule.state_dict(), "epoch": 7, "best": 0.25}


def values():
    shared = [1, 2]
    return {
        "none": None, "true": True, "false": False, "big": 2**80, "negative big": -(2**80), "float": 1.5,
        "integers": [0, 255, 256, 65535, 65536, -1, -129, 2**31, -(2**31) - 1, 2**63 - 1, -(2**63)],
        "complex": 1 - 2j, "text": "é\U0001f600", "lone surrogate": "\ud800", "no text": "",
        "bytes": b"abc\x00\xff", "bytearray": bytearray(b"xyz"),
        "tuples": ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)), "set": {1, 2}, "no set": set(),
        "lists": [[], [1], shared, shared], "counter": collections.Counter("aab"),
        "ordered": collections.OrderedDict(a=1), "size": torch.Size([3, 4]), "scalar size": torch.Size([]),
        "devices": [torch.device("cpu"), torch.device("cuda", 1)], "dtypes": [torch.bfloat16, torch.uint16],
    }  # fmt: skip


def wave():
    return torch.tensor([1 + 2j, 3 - 4j])


def tensors():
    base = torch.arange(12.0).reshape(3, 4)
    parameter = nn.Parameter(torch.ones(2))
    tagged = nn.Parameter(torch.ones(2))
    tagged.tag = "decay"
    marked = torch.zeros(1)
    marked.note = [1]
    return {
        "base": base, "transposed": base.t(), "row": base[1], "column": base[:, 1],
        "expanded": base[:1].expand(2, 4), "scalar": torch.tensor(3), "empty": torch.zeros(0, 3),
        "five": torch.ones(1, 1, 1, 1, 2),
        "parameter": parameter, "again": parameter, "requires": torch.ones(1, requires_grad=True),
        "tagged": tagged, "marked": marked, "conj": wave().conj(), "neg": wave().conj().imag,
        "raw": base.untyped_storage().clone(),
    }  # fmt: skip


def dtypes():
    return {str(dtype): torch.tensor([0, 1, 2]).to(dtype) for dtype in DTYPES}


def batches():
    return {
        "list": list(range(2001)),
        "dict": dict.fromkeys(range(1001)),
        "ordered": collections.OrderedDict((i, None) for i in range(1001)),
        "strings": [str(i) for i in range(300)],
    }


def cycles():
    loop = [1]
    loop.append(loop)
    knot = ([], 2)
    knot[0].append(knot)
    return {"loop": loop, "knot": knot}


class Hostile:
    def __reduce__(self):
        return os.system, ("echo this must never run",)


def big_endian(source, target):
    """The same archive as a machine of the other byte order would have written it."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.infolist():
            data = old.read(entry)
            if entry.filename.endswith("/byteorder"):
                data = b"big"
            elif "/data/" in entry.filename:
                data = b"".join(data[i : i + 4][::-1] for i in range(0, len(data), 4))
            new.writestr(zipfile.ZipInfo(entry.filename), data)


def main():
    FOLDER.mkdir(exist_ok=True)
    for make in [state_dict, training, values, tensors, dtypes, batches, cycles]:
        torch.save(make(), FOLDER / f"{make.__name__}.pt")
    torch.save({"model": Hostile()}, FOLDER / "hostile.pt")
    torch.save({"x": torch.arange(3.0)}, FOLDER / "legacy.pt", _use_new_zipfile_serialization=False)
    torch.save({"x": torch.arange(3.0)}, FOLDER / "little.pt")
    big_endian(FOLDER / "little.pt", FOLDER / "big_endian.pt")
    (FOLDER / "little.pt").unlink()


if __name__ == "__main__":
    main()
