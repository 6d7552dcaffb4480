"""Real token sequences of one length."""

import torch
from jaxtyping import Int
from torch import Tensor

from diffkit import Model, Text, Texts, UserError
from diffkit_plugins.reachability_study.presets import Settings

MIN_CHARACTERS = 20
"""Texts shorter than this are headings and blank lines; the study's design skips them."""


def sequences(model: Model, texts: Texts, settings: Settings) -> Int[Tensor, "sequences length"]:
    """The first tokens of each text that is long enough, in order, as many as are asked for.

    Args:
        model: whose tokenizer is used.
        texts: where they come from.
        settings: ``length``, ``targets`` and ``sequences``.

    Raises:
        UserError: there are fewer than ``targets``.
    """
    wanted = max(settings.sequences, settings.targets)
    found: list[Int[Tensor, " length"]] = []
    for text in texts.items:
        row = _first_tokens(model, text, settings.length)
        if row is not None:
            found.append(row)
        if len(found) == wanted:
            break
    if len(found) < settings.targets:
        what = (
            f"Only {len(found)} of {len(texts)} texts have {settings.length} tokens; "
            f"{settings.targets} targets need as many texts."
        )
        cure = "Give more or longer texts with --texts, or lower targets or length."
        raise UserError(what, cure=cure)
    return torch.stack(found)


def _first_tokens(model: Model, text: Text, length: int) -> Int[Tensor, " length"] | None:
    if len(str(text).strip()) < MIN_CHARACTERS:
        return None
    stripped = text if text.text is None else Text(text=text.text.strip())
    inputs = model.inputs([stripped], max_tokens=length)
    assert inputs.ids is not None  # noqa: S101 - texts always give ids
    return inputs.ids[0] if inputs.ids.shape[1] == length else None
