"""How many positions' predictions are computed at a time."""

import torch

CACHED_VALUES = 2**20
"""Numbers of one tensor [positions, vocabulary] that are computed at a time on a processor: 4 MB in
float32, so that the few tensors of a computation stay in its cache."""
GPU_VALUES = 2**24
"""The same on a GPU, where many small steps cost more than memory does."""


def chunk_positions(vocabulary: int, device: torch.device | None = None) -> int:
    """The number of positions whose predictions are computed at a time, at least 1.

    Args:
        vocabulary: the number of predictions of each.
        device: where they are; none is the CPU.
    """
    cpu = device is None or device.type == "cpu"
    return max(1, (CACHED_VALUES if cpu else GPU_VALUES) // max(vocabulary, 1))
