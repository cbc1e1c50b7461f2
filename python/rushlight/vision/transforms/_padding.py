"""The `padding` argument: one number, (horizontal, vertical) or (left, top, right, bottom)."""

MODES = ("constant", "edge", "reflect", "symmetric")


def check_padding(padding, mode):
    if not isinstance(padding, (int, float, tuple, list)):
        raise TypeError("Got inappropriate padding arg")
    if not isinstance(mode, str):
        raise TypeError("Got inappropriate padding_mode arg")
    if isinstance(padding, (tuple, list)) and len(padding) not in (1, 2, 4):
        raise ValueError(
            f"Padding must be an int or a 1, 2, or 4 element tuple, not a {len(padding)} element tuple"
        )
    if mode not in MODES:
        raise ValueError("Padding mode should be either constant, edge, reflect or symmetric")


def sides(padding):
    """(left, top, right, bottom)."""
    if not isinstance(padding, (tuple, list)):
        return (padding,) * 4
    if len(padding) == 4:
        return tuple(padding)
    return tuple(padding) * (4 // len(padding))
