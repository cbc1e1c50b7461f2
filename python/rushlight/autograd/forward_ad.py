"""Forward-mode differentiation does not exist; its names say so when they are used."""


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    raise NotImplementedError(
        f"torch.autograd.forward_ad.{name}: Rushlight differentiates backward only; "
        "torch.autograd.functional.jacobian gives the same derivatives"
    )
