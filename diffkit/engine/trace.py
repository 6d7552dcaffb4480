"""Reads block outputs with nnsight, stopping at the deepest block asked for."""

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

from torch import Tensor

from diffkit.engine.edits import Edit, edited
from diffkit.engine.network import Network


def read_blocks(
    network: Network,
    arguments: Mapping[str, Any],
    layers: Sequence[int],
    edits: Sequence[tuple[int, Edit]] = (),
) -> list[Tensor]:
    """Outputs of blocks, each [batch seq hidden], in the order of ``layers``.

    `Network.side` must be held: two traces on one model at a time raise.

    Args:
        network: the network, switched to the right side.
        arguments: what its module is called with.
        layers: block numbers from 0.
        edits: blocks whose output is replaced by a function of it, and the functions. They are
            made here, not by hooks, because nnsight reads an output before hooks have seen it.
    """
    blocks = attrgetter(network.architecture.blocks)(network.traced)
    kept: dict[int, Any] = {}
    # nnsight reads modules in the order in which they run.
    order = range(max(layers, default=-1) + 1)
    with network.traced.trace(**arguments) as tracer:
        for layer in order:
            for number, function in edits:
                if number == layer:
                    blocks[layer].output = edited(function, blocks[layer].output)
            if layer in layers:
                kept[layer] = blocks[layer].output.save()
        tracer.stop()
    outputs = {k: v[0] if isinstance(v, tuple) else v for k, v in kept.items()}
    return [outputs[layer] for layer in layers]
