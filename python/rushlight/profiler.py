"""torch.profiler, refused by name."""

from enum import Enum

from rushlight._missing import refused

_WHY = "measure with time.perf_counter, cProfile or perf"
profile = refused("torch.profiler.profile", _WHY)
schedule = refused("torch.profiler.schedule", _WHY)
record_function = refused("torch.profiler.record_function", _WHY)
tensorboard_trace_handler = refused("torch.profiler.tensorboard_trace_handler", _WHY)


class ProfilerActivity(Enum):
    """What a profiler would record."""

    CPU = 0
    CUDA = 1
