"""torch.backends.cpu."""

from rushlight import _C


def get_cpu_capability():
    """PyTorch's name for the vector instructions in use; RUSHLIGHT_SIMD in the environment chooses others."""
    return {"avx512": "AVX512", "avx2": "AVX2"}.get(_C._simd_target(), "DEFAULT")
