"""Records the orders that PyTorch's samplers and loaders draw: tests/golden/loaders.json.

Run with a Python that has PyTorch: python tests/golden/record_loaders.py
"""

import json
from pathlib import Path

import torch


def draws(lib):
    """Keys of samplers and loaders after manual_seed(7), and a number drawn after each."""
    data = lib.utils.data
    source = data.TensorDataset(lib.arange(11))
    generator = lib.Generator()
    generator.manual_seed(3)
    samplers = {
        "random": data.RandomSampler(source),
        "replacement": data.RandomSampler(source, replacement=True, num_samples=40),
        "more": data.RandomSampler(source, num_samples=25),
        "generator": data.RandomSampler(source, generator=generator),
        "subset": data.SubsetRandomSampler([5, 6, 7, 8]),
        "weighted": data.WeightedRandomSampler([0.1, 0.2, 0.7, 0.0], 20),
        "without": data.WeightedRandomSampler([0.1, 0.2, 0.7, 0.4], 3, replacement=False),
        "batches": data.BatchSampler(data.RandomSampler(source), 4, drop_last=True),
    }
    out = {}
    for name, sampler in samplers.items():
        lib.manual_seed(7)
        out[name] = [list(sampler), lib.default_generator.get_state().tolist()[8:40]]
    for name, options in {
        "loader": {"batch_size": 4, "shuffle": True},
        "plain": {"batch_size": 4},
        "dropped": {"batch_size": 4, "shuffle": True, "drop_last": True},
        "own": {"batch_size": 4, "shuffle": True, "generator": generator},
    }.items():
        lib.manual_seed(7)
        loader = data.DataLoader(source, **options)
        epochs = [[batch[0].tolist() for batch in loader] for _ in range(2)]
        out[name] = [epochs, lib.default_generator.get_state().tolist()[8:40]]
    lib.manual_seed(7)
    out["split"] = [
        [part.indices for part in data.random_split(range(11), lengths)]
        for lengths in ([5, 6], [0.3, 0.3, 0.4])
    ]
    return out


def main():
    path = Path(__file__).with_name("loaders.json")
    path.write_text(json.dumps({"torch": torch.__version__, "draws": draws(torch)}) + "\n")


if __name__ == "__main__":
    main()
