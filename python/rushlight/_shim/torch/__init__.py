# Found through PYTHONPATH by children of a process where `torch` means Rushlight; see rushlight/_alias.py.
import sys

try:
    import rushlight
except ModuleNotFoundError:
    from pathlib import Path

    sys.path.append(str(Path(__file__).parents[3]))
    import rushlight

rushlight.as_torch()
