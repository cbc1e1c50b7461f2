# Found through PYTHONPATH by the children of a process in which `torch` means Rushlight; see rushlight/_alias.py.
import sys

try:
    import rushlight
except ModuleNotFoundError:
    from pathlib import Path

    sys.path.append(str(Path(__file__).parents[3]))
    import rushlight

rushlight.as_torch()
