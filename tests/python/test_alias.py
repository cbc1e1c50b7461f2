"""`import torch` means Rushlight where that was asked for, and nowhere else."""

import importlib.util

import pytest
from programs import output, python, write

SAME = """
    import torch, torch.backends.cudnn as cudnn
    from torch import amp
    from torch.backends import mps
    import rushlight, rushlight.backends.cudnn
    assert torch is rushlight and cudnn is rushlight.backends.cudnn is torch.backends.cudnn
    assert amp is rushlight.amp and mps is torch.backends.mps
    assert cudnn.__name__ == "rushlight.backends.cudnn" == cudnn.__spec__.name
"""


def test_torch_is_rushlight(tmp_path):
    write(tmp_path, "program.py", SAME + "    print('same')\n")
    assert output("-m", "rushlight", "program.py", folder=tmp_path) == "same\n"


def test_as_torch(tmp_path):
    code = "import rushlight as r; r.as_torch(); r.as_torch(); import torch; print(torch is r)"
    assert output("-c", code, folder=tmp_path) == "True\n"


def test_importing_rushlight_leaves_torch_and_numpy_alone(tmp_path):
    code = """import sys, rushlight
print([m for m in sys.modules if m.partition('.')[0] in ('torch', 'torchvision', 'numpy')], sys.path[1:2])
print(rushlight.__version__)"""
    first, second = output("-c", code, folder=tmp_path).splitlines()
    assert first.startswith("[]")
    assert "_shim" not in first
    assert second == "0.1.0"


def test_importing_is_quick(tmp_path):
    code = "import time; t = time.process_time(); import rushlight; print(time.process_time() - t)"
    times = [float(output("-c", code, folder=tmp_path)) for _ in range(5)]
    assert min(times) < 0.1, times


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
def test_a_real_torch_stays(tmp_path):
    code = "import torch, rushlight; print(torch is rushlight)"
    assert output("-c", code, folder=tmp_path) == "False\n"
    done = python("-c", "import torch, rushlight; rushlight.as_torch()", folder=tmp_path)
    assert "ImportError: torch has been imported already" in done.stderr


def test_names_that_do_not_exist(tmp_path):
    code = """
        import torch, torch.backends.cudnn

        def text(f):
            try:
                f()
            except Exception as error:
                notes = getattr(error, "__notes__", ["Rushlight"])
                print(type(error).__name__, error, notes[0].count("Rushlight"))

        def module():
            import torch.nonesuch.deep

        def vision():
            import torchvision_nonesuch

        def name():
            from torch import nonesuch

        text(lambda: torch.nonesuch)
        text(lambda: torch.backends.cudnn.nonesuch)
        text(module)
        text(name)
        print(hasattr(torch, "nonesuch"), getattr(torch, "nonesuch", None))
    """
    write(tmp_path, "program.py", code)
    lines = output("-m", "rushlight", "program.py", folder=tmp_path).splitlines()
    assert lines[0].startswith("AttributeError module 'torch' has no attribute 'nonesuch' ")
    assert lines[1].startswith("AttributeError module 'torch.backends.cudnn' has no attribute 'nonesuch' ")
    assert lines[2] == "ModuleNotFoundError No module named 'torch.nonesuch' 1"
    assert lines[3].startswith("ImportError cannot import name 'nonesuch' from ")
    assert lines[4] == "False None"
    assert not lines[0].endswith(" 0")


def test_questions_of_the_import_system(tmp_path):
    code = """
        import importlib.metadata, importlib.util, pkgutil
        print(importlib.metadata.version("torch"), importlib.util.find_spec("torch") is not None)
        import torch
        print(importlib.util.find_spec("torch.cuda").name, importlib.util.find_spec("torch.nonesuch"))
        print("torch.backends" in {m.name for m in pkgutil.iter_modules(torch.__path__, "torch.")})
        print(torch.__version__, torch.__version__ >= (2, 1), torch.__version__ < "2.9")
        print(torch.version.__version__)
        print(torch.__version__ == "2.13.0", torch.__version__.split("."))
    """
    write(tmp_path, "program.py", code)
    assert output("-m", "rushlight", "program.py", folder=tmp_path).splitlines() == [
        "2.13.0+rushlight True",
        "torch.cuda None",
        "True",
        "2.13.0 True False",
        "2.13.0",
        "True ['2', '13', '0']",
    ]


def test_children_inherit_the_alias(tmp_path):
    code = """
        import multiprocessing, subprocess, sys
        import torch

        def work(size):
            import rushlight, torch
            return torch is rushlight and tuple(torch.zeros(size).shape)

        if __name__ == "__main__":
            for method in ("spawn", "forkserver", "fork"):
                with multiprocessing.get_context(method).Pool(1) as pool:
                    print(method, pool.map(work, [3]))
            command = [sys.executable, "-c", "import torch, rushlight; print(torch is rushlight)"]
            print(subprocess.run(command, capture_output=True, text=True).stdout.strip())
    """
    write(tmp_path, "program.py", code)
    assert output("-m", "rushlight", "program.py", folder=tmp_path).splitlines() == [
        "spawn [(3,)]",
        "forkserver [(3,)]",
        "fork [(3,)]",
        "True",
    ]


def test_modules_beside_the_program_come_first(tmp_path):
    write(tmp_path, "helper.py", "import torch\nvalue = torch.zeros(1)\n")
    write(tmp_path, "program.py", "import helper, sys\nprint(helper.value, sys.path[0])\n")
    assert output("-m", "rushlight", "program.py", folder=tmp_path) == f"tensor([0.]) {tmp_path}\n"


# PyTorch's modules of its classes: what `print(torch.optim.Adam)` shows between quotation marks.
NAMES = [
    "torch.Tensor",
    "torch.Size",
    "torch.dtype",
    "torch.device",
    "torch._C.Generator",
    "torch.nn.parameter.Parameter",
    "torch.nn.modules.module.Module",
    "torch.nn.modules.linear.Linear",
    "torch.nn.modules.container.Sequential",
    "torch.nn.modules.loss.CrossEntropyLoss",
    "torch.nn.modules.conv.Conv2d",
    "torch.nn.modules.batchnorm.BatchNorm2d",
    "torch.nn.modules.rnn.LSTM",
    "torch.nn.modules.activation.MultiheadAttention",
    "torch.nn.modules.transformer.TransformerEncoderLayer",
    "torch.nn.modules.sparse.Embedding",
    "torch.nn.modules.dropout.Dropout",
    "torch.nn.modules.activation.ReLU",
    "torch.nn.modules.pooling.MaxPool2d",
    "torch.nn.modules.flatten.Flatten",
    "torch.nn.modules.container.ModuleList",
    "torch.nn.modules.container.ParameterList",
    "torch.nn.modules.upsampling.Upsample",
    "torch.nn.modules.pixelshuffle.PixelShuffle",
    "torch.nn.modules.distance.CosineSimilarity",
    "torch.nn.modules.padding.ZeroPad2d",
    "torch.nn.modules.fold.Unfold",
    "torch.nn.modules.normalization.LayerNorm",
    "torch.nn.modules.instancenorm.InstanceNorm1d",
    "torch.optim.adam.Adam",
    "torch.optim.optimizer.Optimizer",
    "torch.optim.lr_scheduler.StepLR",
    "torch.utils.data.dataloader.DataLoader",
    "torch.utils.data.dataset.Dataset",
    "torch.utils.data.dataset.TensorDataset",
    "torch.autograd.grad_mode.no_grad",
    "torch.autograd.function.Function",
    "torch.autograd.graph.saved_tensors_hooks",
    "torch.storage.UntypedStorage",
    "torch.storage.TypedStorage",
]
PLACES = {
    "Generator": "",
    "Parameter": "nn",
    "DataLoader": "utils.data",
    "Dataset": "utils.data",
    "TensorDataset": "utils.data",
    "Adam": "optim",
    "Optimizer": "optim",
    "no_grad": "",
    "Function": "autograd",
    "StepLR": "optim.lr_scheduler",
    "saved_tensors_hooks": "autograd.graph",
    "UntypedStorage": "storage",
    "TypedStorage": "storage",
}


def test_classes_have_the_names_that_pytorch_gives_them(tmp_path):
    program = ["import torch, torch.nn, pickle"]
    for full in NAMES:
        name = full.rpartition(".")[2]
        place = PLACES.get(name, "nn" if ".nn." in full else "")
        program.append(f"c = torch.{place + '.' if place else ''}{name}")
        program.append("print(c.__module__ + '.' + c.__name__); assert pickle.loads(pickle.dumps(c)) is c")
    write(tmp_path, "program.py", "\n".join(program))
    assert output("-m", "rushlight", "program.py", folder=tmp_path).split() == NAMES
