"""The base class of optimizers: parameter groups, state, hooks and checkpoints. Steps are computed by
rushlight._C._optim."""

import functools
import types
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from itertools import chain
from typing import Any

from rushlight import _C
from rushlight._C import Tensor
from rushlight.utils.hooks import RemovableHandle

__all__ = ["Optimizer", "register_optimizer_step_post_hook", "register_optimizer_step_pre_hook"]


class _RequiredParameter:
    """Marks an option that has no default."""

    def __repr__(self):
        return "<required parameter>"


required = _RequiredParameter()


def _typename(obj):
    if isinstance(obj, Tensor):
        return obj.type() if hasattr(obj, "type") else "torch.Tensor"
    cls = type(obj)
    return cls.__name__ if cls.__module__ in ("builtins", None) else f"{cls.__module__}.{cls.__name__}"


def _run_with_hooks(func, args, kwargs):
    self = args[0]
    for hook in chain(_C._optim.global_pre_hooks.values(), self._optimizer_step_pre_hooks.values()):
        result = hook(self, args, kwargs)
        if result is None:
            continue
        if not (isinstance(result, tuple) and len(result) == 2):
            raise RuntimeError(
                f"{func} must return None or a tuple of (new_args, new_kwargs), but got {result}."
            )
        args, kwargs = result
    out = func(*args, **kwargs)
    for hook in chain(self._optimizer_step_post_hooks.values(), _C._optim.global_post_hooks.values()):
        hook(self, args, kwargs)
    return out


_C._optim.set_hook_runner(_run_with_hooks)


def _with_hooks(step):
    """A step written in Python, made to run the hooks as the built-in ones do."""

    @functools.wraps(step)
    def wrapper(*args, **kwargs):
        return _run_with_hooks(step, args, kwargs)

    wrapper.__dict__["hooked"] = True
    return wrapper


def _register(hooks, hook, prepend=False):
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


def register_optimizer_step_pre_hook(hook):
    """Calls ``hook(optimizer, args, kwargs)`` before every step of every optimizer."""
    return _register(_C._optim.global_pre_hooks, hook)


def register_optimizer_step_post_hook(hook):
    """Calls ``hook(optimizer, args, kwargs)`` after every step of every optimizer."""
    return _register(_C._optim.global_post_hooks, hook)


class Optimizer:
    """Changes parameters by their gradients. Subclasses pass their options' defaults and write ``step``."""

    _optimizer_step_pre_hooks: OrderedDict
    _optimizer_step_post_hooks: OrderedDict
    _optimizer_state_dict_pre_hooks: OrderedDict
    _optimizer_state_dict_post_hooks: OrderedDict
    _optimizer_load_state_dict_pre_hooks: OrderedDict
    _optimizer_load_state_dict_post_hooks: OrderedDict

    def __init__(self, params, defaults):
        self.defaults = defaults
        self._add_hook_dicts()
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
                f"{_typename(params)}"
            )
        self.state: defaultdict = defaultdict(dict)
        self.param_groups = []
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def _add_hook_dicts(self):
        for name in Optimizer.__annotations__:  # the dicts of hooks
            if name not in self.__dict__:
                setattr(self, name, OrderedDict())
        step = type(self).step
        if not isinstance(step, types.BuiltinFunctionType) and not getattr(step, "hooked", False):
            setattr(type(self), "step", _with_hooks(step))  # noqa: B010 -- for mypy no method is assigned to

    def __getstate__(self):
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._add_hook_dicts()
        self.defaults.setdefault("differentiable", False)

    def __repr__(self):
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines += [f"Parameter Group {i}"]
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
            lines += [""]
        lines[-1] = ")"
        return "\n".join(lines)

    def register_step_pre_hook(self, hook):
        """Calls ``hook(optimizer, args, kwargs)`` before each step; it may return new args and kwargs."""
        return _register(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook):
        """Calls ``hook(optimizer, args, kwargs)`` after each step."""
        return _register(self._optimizer_step_post_hooks, hook)

    def register_state_dict_pre_hook(self, hook, prepend=False):
        """Calls ``hook(optimizer)`` before ``state_dict``."""
        return _register(self._optimizer_state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(self, hook, prepend=False):
        """Calls ``hook(optimizer, state_dict)`` on the result of ``state_dict``, which it may replace."""
        return _register(self._optimizer_state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(self, hook, prepend=False):
        """Calls ``hook(optimizer, state_dict)`` before ``load_state_dict``; it may replace the dict."""
        return _register(self._optimizer_load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(self, hook, prepend=False):
        """Calls ``hook(optimizer)`` after ``load_state_dict``."""
        return _register(self._optimizer_load_state_dict_post_hooks, hook, prepend)

    zero_grad = _C._optim.zero_grad

    def step(self, closure=None):
        """Updates every parameter that has a gradient; returns what ``closure`` returned."""
        raise NotImplementedError

    def add_param_group(self, param_group):
        """Adds parameters, with options of their own, to those that are optimized."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        _unpack_params(param_group)
        for param in param_group["params"]:
            if not isinstance(param, Tensor):
                raise TypeError(
                    f"optimizer can only optimize Tensors, but one of the params is {_typename(param)}"
                )
            if not self.defaults.get("differentiable") and not (param.is_leaf or param.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor")
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(
                    f"parameter group didn't specify a value of required optimization parameter {name}"
                )
            param_group.setdefault(name, default)
        self._check_unique(param_group)
        self.param_groups.append(param_group)

    def _check_unique(self, param_group):
        params = set(param_group["params"])
        if len(params) != len(param_group["params"]):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; in future, this will cause "
                "an error; see github.com/pytorch/pytorch/issues/40967 for more information",
                stacklevel=4,
            )
        named = "param_names" in param_group
        for group in self.param_groups:
            if named != ("param_names" in group):
                raise ValueError(
                    "all optimizer param groups should be with/without names. cannot add param group "
                    f"{'with names' if named else 'without names'} to the optimizer"
                )
        if any(not params.isdisjoint(group["params"]) for group in self.param_groups):
            raise ValueError("some parameters appear in more than one parameter group")

    def state_dict(self):
        """The state and the groups, with numbers in place of the parameters: what ``load_state_dict``
        takes."""
        for hook in self._optimizer_state_dict_pre_hooks.values():
            hook(self)
        numbers: dict[int, int] = {}
        start = 0
        packed_groups = []
        for group in self.param_groups:
            for i, param in enumerate(group["params"], start):
                numbers.setdefault(id(param), i)
            start += len(group["params"])
            packed = {key: value for key, value in group.items() if key != "params"}
            packed["params"] = [numbers[id(param)] for param in group["params"]]
            packed_groups.append(packed)
        state = {
            (numbers[id(key)] if isinstance(key, Tensor) else key): value for key, value in self.state.items()
        }
        state_dict = {"state": state, "param_groups": packed_groups}
        for hook in self._optimizer_state_dict_post_hooks.values():
            replaced = hook(self, state_dict)
            if replaced is not None:
                state_dict = replaced
        return state_dict

    def load_state_dict(self, state_dict):
        """Takes over the state and options of another optimizer's ``state_dict``."""
        state_dict = state_dict.copy()
        for hook in self._optimizer_load_state_dict_pre_hooks.values():
            replaced = hook(self, state_dict)
            if replaced is not None:
                state_dict = replaced
        groups = self.param_groups
        saved_groups = deepcopy(state_dict["param_groups"])
        if len(groups) != len(saved_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if any(
            len(own["params"]) != len(saved["params"])
            for own, saved in zip(groups, saved_groups, strict=True)
        ):
            raise ValueError(
                "loaded state dict contains a parameter group that doesn't match the size of optimizer's "
                "group"
            )
        params = {}
        keeps_step: dict[int, bool] = {}
        for own, saved in zip(groups, saved_groups, strict=True):
            for number, param in zip(saved["params"], own["params"], strict=True):
                params[number] = param
                keeps_step.setdefault(number, not (saved.get("fused") or saved.get("capturable")))
        state: defaultdict = defaultdict(dict)
        for key, value in state_dict["state"].items():
            if key in params:
                state[params[key]] = _convert_state(params[key], value, keeps_step[key])
            else:
                state[key] = value
        for own, saved in zip(groups, saved_groups, strict=True):
            saved["params"] = own["params"]
            if "param_names" in own:
                saved.setdefault("param_names", own["param_names"])
        self.__setstate__({"state": state, "param_groups": saved_groups})
        for hook in self._optimizer_load_state_dict_post_hooks.values():
            hook(self)


def _unpack_params(group):
    """Makes group["params"] a list of tensors, and group["param_names"] one of names where they are given."""
    params = group["params"]
    if isinstance(params, Tensor):
        params = [params]
    elif isinstance(params, set):
        raise TypeError(
            "optimizer parameters need to be organized in ordered collections, but "
            "the ordering of tensors in sets will change between runs. Please use a list instead."
        )
    params = list(params)
    names = [param[0] for param in params if isinstance(param, tuple)]
    group["params"] = [param[1] if isinstance(param, tuple) else param for param in params]
    if names:
        if len(names) != len(params):
            raise ValueError(
                "all optimizer params should be with/without names. Some param names are missing"
            )
        group["param_names"] = names


def _convert_state(param, value, keeps_step, key=None):
    """A parameter's loaded state in the parameter's dtype and device; ``step`` stays as it was saved."""
    if isinstance(value, Tensor):
        if key == "step":
            return value if keeps_step else value.to(_C.float32)
        return value.to(param.dtype) if param.is_floating_point() else value
    if isinstance(value, dict):
        return {k: _convert_state(param, v, keeps_step, k) for k, v in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        rebuild: Callable = type(value)
        return rebuild(_convert_state(param, v, keeps_step) for v in value)
    return value


def _step_tensor(value):
    """A number of a parameter's state as the 0-d tensor that steps expect."""
    dtype = _C.float64 if _C.get_default_dtype() == _C.float64 else _C.float32
    return _C.zeros((), dtype=dtype).fill_(float(value))


class _BuiltinOptimizer(Optimizer):
    """What the optimizers of this package share: checks of the options they have in common."""

    # Options that older checkpoints lack, with the values they imply.
    _later_options: dict[str, Any] = {
        "maximize": False,
        "foreach": None,
        "differentiable": False,
        "capturable": False,
    }
    _number_state: tuple[str, ...] = ("step",)

    def __init__(self, params, defaults):
        if defaults.get("differentiable"):
            if defaults.get("fused"):
                raise RuntimeError("`fused` does not support `differentiable`")
            raise NotImplementedError(
                "differentiable=True is not supported: the steps of optimizers are not recorded"
            )
        super().__init__(params, defaults)
        if defaults.get("fused"):
            if defaults["foreach"]:
                raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
            self._step_supports_amp_scaling = True

    def __setstate__(self, state):
        super().__setstate__(state)
        for group in self.param_groups:
            for name, value in self._later_options.items():
                group.setdefault(name, value)
            for param in group["params"]:
                entries = self.state.get(param) or {}
                for name in self._number_state:
                    if name in entries and not isinstance(entries[name], Tensor):
                        entries[name] = _step_tensor(entries[name])


def _check_options(lr, eps=0.0, betas=(), **values):
    """Refuses options out of range: ValueError in PyTorch's words."""
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")
    if not lr >= 0.0:
        raise ValueError(f"Invalid learning rate: {lr}")
    if not eps >= 0.0:
        raise ValueError(f"Invalid epsilon value: {eps}")
    for i, beta in enumerate(betas):
        if not 0.0 <= beta < 1.0:
            raise ValueError(f"Invalid beta parameter at index {i}: {beta}")
    for name, value in values.items():
        if not value >= 0.0:
            raise ValueError(f"Invalid {name} value: {value}")
