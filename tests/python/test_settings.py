"""The torch namespace beside operations: settings, a build without CUDA, limits of dtypes, assert_close."""

import warnings

import pytest
from programs import output

import rushlight as ours

try:
    import torch
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
DTYPES = (
    "bool uint8 int8 int16 int32 int64 uint16 uint32 uint64 float16 bfloat16 float32 float64 complex64 "
    "complex128"
)


def outcome(function, library):
    """What a call gives or raises, as text, the same for both libraries."""
    try:
        result = function(library)
    except Exception as error:
        return f"{type(error).__name__}: {error}".replace("Rushlight not", "Torch not")
    return repr(result)


CALLS = [
    lambda t: t.get_default_dtype(),
    lambda t: t.set_default_dtype("x"),
    lambda t: t.set_default_dtype(t.int32),
    lambda t: t.set_num_threads(0),
    lambda t: t.set_num_threads("a"),
    lambda t: t.set_num_threads(True),
    lambda t: t.set_num_threads(2**40),
    lambda t: t.set_num_interop_threads(0),
    lambda t: t.set_flush_denormal(1),
    lambda t: t.set_flush_denormal(False),
    lambda t: t.promote_types(1, t.int8),
    lambda t: t.promote_types(t.uint16, t.int16),
    lambda t: t.result_type(1, 2.0),
    lambda t: t.result_type(t.zeros(2, dtype=t.int32), 1.5),
    lambda t: t.result_type(t.zeros(2, dtype=t.float16), t.zeros((), dtype=t.float64)),
    lambda t: t.can_cast(t.float32, t.int32),
    lambda t: t.can_cast(from_=t.int32, to=t.float32),
    lambda t: t.can_cast(3, t.int32),
    lambda t: t.is_tensor(3),
    lambda t: t.is_tensor(t.zeros(1)),
    lambda t: t.is_floating_point(3),
    lambda t: t.is_floating_point(input=t.zeros(1)),
    lambda t: t.is_complex(t.zeros(1)),
    lambda t: t.is_signed(t.zeros(1, dtype=t.uint8)),
    lambda t: t.is_nonzero(t.zeros(1)),
    lambda t: t.is_nonzero(t.zeros(2)),
    lambda t: t.is_nonzero(t.zeros(0)),
    lambda t: t.numel(t.zeros(2, 3)),
    lambda t: t.numel(3),
    lambda t: t.get_float32_matmul_precision(),
    lambda t: t.use_deterministic_algorithms(1),
    lambda t: t.get_deterministic_debug_mode(),
    lambda t: t.set_deterministic_debug_mode("x"),
    lambda t: t.set_deterministic_debug_mode(5),
    lambda t: t.typename(3),
    lambda t: t.get_default_device(),
    lambda t: t.is_autocast_enabled(),
    lambda t: t.get_autocast_dtype("cpu"),
    lambda t: t.manual_seed("x"),
    lambda t: t.manual_seed(5).initial_seed(),
    lambda t: t.initial_seed(),
    lambda t: (t.manual_seed(-1), t.initial_seed())[1],
    lambda t: t.cuda.is_available(),
    lambda t: t.cuda.device_count(),
    lambda t: t.cuda.is_initialized(),
    lambda t: t.cuda.is_bf16_supported(),
    lambda t: t.cuda.current_device(),
    lambda t: t.cuda.synchronize(),
    lambda t: t.cuda.get_device_name(0),
    lambda t: t.cuda.get_device_properties(0),
    lambda t: t.cuda.mem_get_info(),
    lambda t: t.cuda.memory_allocated(),
    lambda t: t.cuda.max_memory_allocated(),
    lambda t: t.cuda.memory_reserved(),
    lambda t: t.cuda.memory_stats(),
    lambda t: t.cuda.empty_cache(),
    lambda t: t.cuda.manual_seed(3),
    lambda t: t.cuda.manual_seed_all(3),
    lambda t: t.cuda.seed_all(),
    lambda t: t.cuda.get_rng_state(),
    lambda t: t.cuda.get_rng_state_all(),
    lambda t: t.cuda.get_arch_list(),
    lambda t: t.cuda.set_device("cpu"),
    lambda t: t.cuda.Stream(),
    lambda t: t.cuda.Event(),
    lambda t: t.backends.cudnn.is_available(),
    lambda t: (t.backends.cudnn.enabled, t.backends.cudnn.benchmark, t.backends.cudnn.deterministic),
    lambda t: t.backends.mps.is_available(),
    lambda t: t.backends.mps.is_built(),
    lambda t: t.backends.cuda.is_built(),
    lambda t: t.backends.cuda.matmul.allow_tf32,
    lambda t: t.backends.cudnn.version(),
    lambda t: t.jit.is_scripting(),
    lambda t: t.jit.is_tracing(),
    lambda t: t.compiler.is_compiling(),
    lambda t: t.version.cuda,
    lambda t: (t.e, t.pi, t.inf, t.nan, t.newaxis),
    lambda t: t.finfo(),
    lambda t: t.finfo("x"),
    lambda t: t.iinfo("x"),
]


@needs_torch
@pytest.mark.parametrize("number", range(len(CALLS)))
def test_answers_are_those_of_pytorch(number):
    assert outcome(CALLS[number], ours) == outcome(CALLS[number], torch)


@needs_torch
@pytest.mark.parametrize("dtype", DTYPES.split())
def test_limits_of_dtypes(dtype):
    for name in ("finfo", "iinfo"):

        def info(t, name=name):
            found = getattr(t, name)(getattr(t, dtype))
            fields = ["bits", "dtype", "eps", "max", "min", "resolution", "smallest_normal", "tiny"]
            return str(found), [getattr(found, field, None) for field in fields], found == found

        assert outcome(info, ours) == outcome(info, torch)


def test_threads():
    before = ours.get_num_threads()
    try:
        ours.set_num_threads(1)
        assert ours.get_num_threads() == 1
    finally:
        ours.set_num_threads(before)


def test_default_dtype():
    try:
        ours.set_default_dtype(ours.float64)
        assert ours.zeros(1).dtype is ours.float64
        ours.set_default_tensor_type("torch.FloatTensor")
        assert ours.get_default_dtype() is ours.float32
        with pytest.raises(TypeError, match="invalid type object"):
            ours.set_default_tensor_type("torch.Nonesuch")
    finally:
        ours.set_default_dtype(ours.float32)


def test_default_device():
    ours.set_default_device("cpu")
    assert ours.ones(1).device == ours.get_default_device() == ours.device("cpu")
    ours.set_default_device("cuda:0")  # refused where a tensor is made, as by PyTorch
    try:
        assert ours.get_default_device() == ours.device("cuda:0")
        for make in (lambda: ours.ones(1), lambda: ours.tensor([1]), lambda: ours.rand(2)):
            with pytest.raises(AssertionError, match="not compiled with CUDA enabled"):
                make()
        assert ours.ones(1, device="cpu").new_zeros(2).device.type == "cpu"
        with ours.device("cpu"):
            assert ours.arange(2).device.type == "cpu"
    finally:
        ours.set_default_device(None)
    assert ours.get_default_device() == ours.device("cpu")
    with pytest.raises(NotImplementedError, match="meta"), ours.device("meta"):
        pass


def test_deterministic_switches():
    ours.use_deterministic_algorithms(True, warn_only=True)
    assert ours.get_deterministic_debug_mode() == 1
    assert ours.is_deterministic_algorithms_warn_only_enabled()
    ours.set_deterministic_debug_mode("error")
    assert ours.are_deterministic_algorithms_enabled()
    ours.use_deterministic_algorithms(False)
    assert not ours.are_deterministic_algorithms_enabled()


def test_matmul_precision():
    ours.set_float32_matmul_precision("high")
    assert ours.get_float32_matmul_precision() == "high"
    with pytest.warns(UserWarning, match="low is not one of 'highest', 'high', or 'medium'"):
        ours.set_float32_matmul_precision("low")
    ours.set_float32_matmul_precision("highest")


def test_random_state():
    ours.manual_seed(7)
    state = ours.get_rng_state()
    assert state.dtype is ours.uint8
    with ours.random.fork_rng():
        ours.manual_seed(8)
        assert ours.initial_seed() == 8
    assert ours.initial_seed() == 7
    ours.manual_seed(8)
    ours.set_rng_state(state)
    assert ours.initial_seed() == 7
    assert ours.seed() == ours.initial_seed()


def test_cudnn_flags():
    cudnn = ours.backends.cudnn
    cudnn.benchmark = True
    with cudnn.flags(enabled=False, benchmark=False):
        assert (cudnn.enabled, cudnn.benchmark) == (False, False)
    assert (cudnn.enabled, cudnn.benchmark) == (True, True)
    cudnn.benchmark = False


def test_compile_returns_the_function():
    def function(x):
        return x + 1

    assert ours.compile(function) is function
    assert ours.compile(mode="max-autotune", fullgraph=True)(function) is function


def test_autocast():
    with ours.autocast("cpu", enabled=False), ours.amp.autocast("cuda", enabled=False):
        pass
    with pytest.raises(NotImplementedError, match="autocast on 'cpu'"):
        ours.autocast("cpu", dtype=ours.bfloat16)
    with pytest.warns(
        UserWarning, match="CUDA is not available or torch_xla is imported. Disabling autocast."
    ):
        scope = ours.autocast("cuda")
    assert scope(lambda x: x + 1)(1) == 2


def test_grad_scaler():
    with pytest.warns(UserWarning, match="GradScaler is enabled, but CUDA is not available"):
        scaler = ours.amp.GradScaler()
    steps = []

    class Optimizer:
        def step(self):
            steps.append(1)

    scaler.step(Optimizer())
    scaler.update()
    assert (scaler.scale(3), scaler.get_scale(), steps, scaler.is_enabled()) == (3, 1.0, [1], False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ours.amp.GradScaler("cuda", enabled=False)
    with pytest.warns(FutureWarning, match=r"Please use `torch.amp.GradScaler\('cuda', args...\)` instead"):
        ours.cuda.amp.GradScaler(enabled=False)


def test_refused_names_say_why():
    with pytest.raises(NotImplementedError, match="torch.jit.script: there is no TorchScript"):
        ours.jit.script(len)
    with pytest.raises(NotImplementedError, match="torch.profiler.profile"):
        ours.profiler.profile()


def tensors(t):
    a, b = t.zeros(3), t.zeros(3) + 1
    near = t.exp(b)
    return {
        "a": a,
        "b": b,
        "near": near,
        "close": near + 1e-6,
        "matrix": t.zeros(2, 3),
        "other": t.zeros(2, 3) + 0.5,
        "nan": a / a,
        "inf": b / a,
        "long": t.zeros(2, dtype=t.int64),
        "long2": t.zeros(2, dtype=t.int64) + 3,
        "bytes": t.zeros(2, dtype=t.uint8),
        "bytes2": t.zeros(2, dtype=t.uint8) + 3,
        "bools": t.zeros(2, dtype=t.bool),
        "bools2": t.zeros(2, dtype=t.bool) == 0,
        "scalar": t.zeros(()),
        "scalar2": t.zeros(()) + 1.1,
        "half": t.zeros(2, dtype=t.float16),
        "half2": t.zeros(2, dtype=t.bfloat16) + 1.1,
        "double": t.zeros(3, dtype=t.float64),
        "complex": t.zeros(2, dtype=t.complex64),
        "complex2": t.zeros(2, dtype=t.complex64) + 1j,
        "empty": t.zeros(0),
    }


COMPARISONS = [
    lambda x: ((x["a"], x["b"]), {}),
    lambda x: ((x["b"], x["near"]), {}),
    lambda x: ((x["near"], x["close"]), {}),
    lambda x: ((x["near"], x["close"]), {"rtol": 0, "atol": 0}),
    lambda x: ((x["near"], x["b"]), {"rtol": 0.01, "atol": 0.5}),
    lambda x: ((x["matrix"], x["other"]), {}),
    lambda x: ((x["matrix"], x["other"]), {"msg": "words"}),
    lambda x: ((x["matrix"], x["other"]), {"msg": lambda text: "more\n" + text}),
    lambda x: ((x["matrix"], x["a"]), {}),
    lambda x: ((x["matrix"].transpose(0, 1), x["other"].transpose(0, 1)), {"check_stride": True}),
    lambda x: ((x["nan"], x["nan"]), {}),
    lambda x: ((x["nan"], x["nan"]), {"equal_nan": True}),
    lambda x: ((x["inf"], x["inf"]), {}),
    lambda x: ((x["inf"], x["a"]), {}),
    lambda x: ((x["long"], x["long2"]), {}),
    lambda x: ((x["long"], x["long2"]), {"rtol": 0, "atol": 5}),
    lambda x: ((x["bytes"], x["bytes2"]), {}),
    lambda x: ((x["bools"], x["bools2"]), {}),
    lambda x: ((x["scalar"], x["scalar2"]), {}),
    lambda x: ((x["half"], x["half2"]), {"check_dtype": False}),
    lambda x: ((x["half"], x["half2"]), {}),
    lambda x: ((x["a"], x["double"]), {}),
    lambda x: ((x["a"], x["double"]), {"check_dtype": False}),
    lambda x: ((x["complex"], x["complex2"]), {}),
    lambda x: ((x["empty"], x["empty"]), {}),
    lambda x: (([x["a"], [x["b"]]], [x["a"], [x["near"]]]), {}),
    lambda x: (({"k": x["a"]}, {"k": x["b"]}), {}),
    lambda x: (({"k": x["a"]}, {"l": x["b"]}), {}),
    lambda x: (([x["a"]], [x["a"], x["b"]]), {}),
    lambda x: ((1.0, 1.1), {}),
    lambda x: ((1, 2), {}),
    lambda x: ((1, 2.0), {}),
    lambda x: ((True, False), {}),
    lambda x: ((float("nan"), float("nan")), {}),
    lambda x: ((1j, 2j), {}),
    lambda x: ((None, 1), {}),
    lambda x: ((None, None), {}),
    lambda x: ((1.0, "a"), {}),
    lambda x: (([1, "a"], [1, "a"]), {}),
    lambda x: ((1.0, 2.0), {"rtol": 1}),
]


@needs_torch
@pytest.mark.parametrize("number", range(len(COMPARISONS)))
def test_assert_close(number):
    def compare(t):
        arguments, options = COMPARISONS[number](tensors(t))
        return t.testing.assert_close(*arguments, **options)

    assert outcome(compare, ours) == outcome(compare, torch)


def test_flushing_denormals(tmp_path):
    code = (
        "import rushlight as t; x = t.zeros(1) + 1e-30; print((x * 1e-10).item() > 0); "
        "t.set_flush_denormal(True); print((x * 1e-10).item() > 0)"
    )
    assert output("-c", code, folder=tmp_path) == "True\nFalse\n"
