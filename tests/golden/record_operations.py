"""Records what PyTorch gives for every sample of the operation table: operations.json.gz.

python tests/golden/record_operations.py        (needs rushlight, for the table, and torch==2.13.0)
"""

from __future__ import annotations

import gzip
import json
import pathlib
import sys
import warnings

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "python"))
import samples  # noqa: E402

DTYPES = [
    "bool",
    "uint8",
    "int8",
    "int16",
    "int32",
    "int64",
    "float16",
    "bfloat16",
    "float32",
    "float64",
    "complex64",
    "complex128",
]


def record(torch, table) -> dict:
    out = {}
    for entry in table:
        if samples.function(torch, entry) is None:
            continue
        for k, sample in enumerate(samples.split(entry["samples"])):
            result = samples.run(torch, entry, sample, gradients=2)
            out[f"{entry['module']}.{entry['name']}({sample})"] = result
            if k == 0 and "x(" in sample:
                dtypes = {name: getattr(torch, name) for name in DTYPES}
                result["dtypes"] = {
                    name: samples.run(torch, entry, sample, dtype=dtype) for name, dtype in dtypes.items()
                }
    return out


def main() -> None:
    import torch

    import rushlight

    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    recorded = record(torch, rushlight._C._operations())
    text = json.dumps(recorded, separators=(",", ":"))
    with gzip.GzipFile(HERE / "operations.json.gz", "wb", mtime=0) as f:
        f.write(text.encode())
    print(f"{len(recorded)} samples, {len(text)} bytes")


if __name__ == "__main__":
    main()
