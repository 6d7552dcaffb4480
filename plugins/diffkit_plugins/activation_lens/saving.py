"""The mean differences as an artifact, for steering and for whoever wants to go on."""

from collections.abc import Sequence

from diffkit import Artifacts, Note
from diffkit_plugins.activation_lens.shift import Shift

_NAMES = ("difference", "standard_error", "base")


def save(found: Sequence[Shift], artifacts: Artifacts) -> Note:
    """Writes three vectors for each layer and slot, and says where they are."""
    tensors = {
        f"{shift.layer}/{shift.name}/{name}": vector.float()
        for shift in found
        for name, vector in zip(_NAMES, (shift.mean, shift.error, shift.base), strict=True)
    }
    name = artifacts.save("mean_differences", tensors)
    names = ", ".join(_NAMES)
    example = f"{found[0].layer}/{found[0].name}/{_NAMES[0]}"
    size = f"[{found[0].mean.numel()}] in float32"
    return Note(text=f"{name} holds {names} by layer and slot, each {size}, such as {example!r}.")
