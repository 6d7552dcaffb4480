"""Where models go."""

import torch

from diffkit.errors import BadDevice


def usable(device: str) -> str:
    """The device of that name, once a tensor could be put there.

    Args:
        device: a torch device; ``auto`` is CUDA where there is any, and else the CPU.

    Raises:
        BadDevice: there is no such device on this machine.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=device)
    except Exception as error:  # torch raises several kinds, with pages of words
        raise BadDevice(device) from error
    return device
