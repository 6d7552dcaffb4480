"""Edits of the residual stream: functions in place of what blocks put out."""

import threading
from collections.abc import Callable
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

Edit = Callable[[Float[Tensor, "batch seq hidden"]], Float[Tensor, "batch seq hidden"]]
"""What an edit does to the residual stream."""


class Edits(threading.local):
    """The edits in force in this thread, as (layer, function), in the order they were made."""

    def __init__(self) -> None:
        self.all: tuple[tuple[int, Edit], ...] = ()


def edited(function: Edit, output: Any) -> Any:
    """A block's output with ``function`` done to it; some architectures put it in a tuple."""
    if isinstance(output, tuple):
        return (function(output[0]), *output[1:])
    return function(output)


def edit_hook(function: Edit) -> Callable[[nn.Module, Any, Any], Any]:
    """A forward hook that does ``function`` to a block's output."""
    return lambda _module, _arguments, output: edited(function, output)
