"""Where random numbers come from: a key of its own for each use, so that order plays no part."""

import hashlib

import torch


def chance(*key: str | int) -> torch.Generator:
    """A generator that is seeded by a key, such as a run's seed, a use's name and a step."""
    digest = hashlib.sha256(":".join(map(str, key)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)
