"""The published checkpoints of a model, and how its builder takes them: `weights=` entry, name or None."""

import enum
import functools
import inspect
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rushlight import hub

__all__ = [
    "Weights",
    "WeightsEnum",
    "get_model",
    "get_model_builder",
    "get_model_weights",
    "get_weight",
    "list_models",
]

_builders: dict[str, Callable] = {}
_enums: dict[str, "type[WeightsEnum]"] = {}


@dataclass(frozen=True)
class Weights:
    """One checkpoint: its address, the transforms that its images need, and what else is known of it."""

    url: str
    transforms: Callable
    meta: dict[str, Any]

    def __hash__(self):
        return hash(self.url)


class WeightsEnum(enum.Enum):
    """The checkpoints of one model. Entries have the attributes of `Weights`; DEFAULT is the best."""

    @classmethod
    def verify(cls, obj):
        """The entry given, or named; None for None."""
        if isinstance(obj, str):
            return cls[obj.replace(cls.__name__ + ".", "")]
        if obj is not None and not isinstance(obj, cls):
            names = f"expected {cls.__name__} but received {type(obj).__name__}"
            raise TypeError(f"Invalid Weight class provided; {names}.")
        return obj

    def get_state_dict(self, *args, **kwargs):
        """The checkpoint's tensors by name, from the local file (see rushlight.hub)."""
        return hub.load_state_dict_from_url(self.url, *args, **kwargs)

    def __repr__(self):
        return f"{type(self).__name__}.{self.name}"

    __str__ = __repr__

    @property
    def url(self):
        return self.value.url

    @property
    def transforms(self):
        return self.value.transforms

    @property
    def meta(self):
        return self.value.meta


def preprocessing(**options):
    """Makes the transforms of a checkpoint when called: Resize, CenterCrop, to floats, Normalize."""

    def make(**changes):
        from rushlight.vision.transforms._presets import ImageClassification

        return ImageClassification(**{"crop_size": 224, **options, **changes})

    return make


def checkpoints(name, **files):
    """The enum `name` with an entry for each keyword: (file, parameters of preprocessing, classes or None).

    DEFAULT is IMAGENET1K_V2 if there is one, or else the first.
    """
    entries = {
        entry: Weights(
            f"https://download.pytorch.org/models/{file}", preprocessing(**options), {"num_classes": classes}
        )
        for entry, (file, options, classes) in files.items()
    }
    default = entries.get("IMAGENET1K_V2", next(iter(entries.values())))
    make: Callable = WeightsEnum  # an Enum called with members makes a class of them
    made = make(name, {**entries, "DEFAULT": default}, module=f"{__package__}")
    _enums[name] = made
    return made


def builder(entries, build, name, **fixed):
    """The public function `name(*, weights=None, progress=True, **kwargs)` that calls `build`.

    `entries` is the enum of its checkpoints. The older `pretrained=True` and positional arguments work as in
    torchvision, with its warnings.
    """

    def function(*args, **kwargs):
        kwargs = _with_keywords(args, kwargs)
        _replace_pretrained(name, entries, kwargs)
        weights = entries.verify(kwargs.pop("weights", None))
        progress = kwargs.pop("progress", True)
        if weights is None:
            return build(**fixed, **kwargs)
        return _with_weights(weights, functools.partial(build, **fixed), progress, kwargs)

    function.__name__ = function.__qualname__ = name
    function.__module__ = build.__module__
    accepted = f"`weights` is an entry of {entries.__name__}, its name, or None for initial values."
    function.__doc__ = f"{build.__doc__}\n\n{accepted}"
    keyword = inspect.Parameter.KEYWORD_ONLY
    function.__dict__["__signature__"] = inspect.Signature(
        [
            inspect.Parameter("weights", keyword, default=None, annotation=entries | None),
            inspect.Parameter("progress", keyword, default=True, annotation=bool),
            inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD),
        ]
    )
    _builders[name] = function
    return function


def _with_keywords(args, kwargs):
    names = ("weights", "progress")[: len(args)]
    if len(args) > len(names):
        raise TypeError(f"takes at most {len(names)} positional arguments but {len(args)} were given")
    if args:
        shown = " and ".join(f"'{name}'" for name in names)
        warnings.warn(
            f"Using {shown} as positional parameter(s) is deprecated since 0.13 and may be removed "
            "in the future. Please use keyword parameter(s) instead.",
            stacklevel=3,
        )
    return {**kwargs, **dict(zip(names, args, strict=True))}


def _replace_pretrained(name, entries, kwargs):
    """Puts `weights` for the deprecated `pretrained`, given by name or as the value of `weights`."""
    given = kwargs.get("weights", ...)
    if (
        isinstance(given, (WeightsEnum, str))
        or given is None
        or (given is ... and "pretrained" not in kwargs)
    ):
        return
    if given is ...:
        warnings.warn(
            "The parameter 'pretrained' is deprecated since 0.13 and may be removed in the future, "
            "please use 'weights' instead.",
            stacklevel=3,
        )
        given = kwargs["pretrained"]
    kwargs.pop("pretrained", None)
    kwargs["weights"] = entries["IMAGENET1K_V1"] if given else None
    message = (
        "Arguments other than a weight enum or `None` for 'weights' are deprecated since 0.13 and may be "
        f"removed in the future. The current behavior is equivalent to passing `weights={kwargs['weights']}`."
    )
    if given:
        message += (
            f" You can also use `weights={entries.__name__}.DEFAULT` to get the most up-to-date weights."
        )
    warnings.warn(message, stacklevel=3)


def _with_weights(weights, build, progress, kwargs):
    """The model with the checkpoint's values, which must be there before anything is built."""
    state = weights.get_state_dict(progress=progress, check_hash=True)
    classes = weights.meta["num_classes"]
    if classes is not None and kwargs.setdefault("num_classes", classes) != classes:
        raise ValueError(
            f"The parameter 'num_classes' expected value {classes} but got {kwargs['num_classes']} instead."
        )
    model = build(pretrained=True, **kwargs)
    model.load_state_dict(state)
    return model


# ---- by name


def list_models():
    """The names of all models.

    >>> "vgg16" in list_models()
    True
    """
    return sorted(_builders)


def get_model_builder(name):
    """The function that builds the model of this name."""
    if name.lower() not in _builders:
        raise ValueError(f"Unknown model {name.lower()}")
    return _builders[name.lower()]


def get_model(name, **config):
    """The model of this name, built with these arguments."""
    return get_model_builder(name)(**config)


def get_model_weights(name):
    """The enum of checkpoints of a model, given by its name or its builder."""
    function = get_model_builder(name) if isinstance(name, str) else name
    return inspect.signature(function).parameters["weights"].annotation.__args__[0]


def get_weight(name):
    """The entry of a name such as "ResNet50_Weights.IMAGENET1K_V1"."""
    parts = name.split(".")
    if len(parts) != 2:
        raise ValueError(f"Invalid weight name provided: '{name}'.")
    if parts[0] not in _enums:
        raise ValueError(f"The weight enum '{parts[0]}' for the specific method couldn't be retrieved.")
    return _enums[parts[0]][parts[1]]
