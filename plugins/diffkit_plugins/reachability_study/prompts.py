"""Real token sequences, token embeddings, and the prompts from which searches start.

Takes a model, texts and settings. Gives token ids and embeddings.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from diffkit import Model, Text, Texts, UserError
from diffkit_plugins.reachability_study.config import Starts, StudySettings

MIN_CHARACTERS = 20
"""Shorter texts are skipped as headings or blank lines, as in the study's design."""


def token_sequences(
    model: Model, texts: Texts, settings: StudySettings
) -> Int[Tensor, "sequences length"]:
    """The first tokens of the texts that are long enough, in order.

    Args:
        model: the model whose tokenizer is used.
        texts: the texts.
        settings: ``length``, ``targets`` and ``sequences``.

    Raises:
        UserError: there are fewer sequences than ``targets``.
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
        hint = "Give more or longer texts with --texts, or lower targets or length."
        raise UserError(what, hint=hint)
    return torch.stack(found)


def _first_tokens(model: Model, text: Text, length: int) -> Int[Tensor, " length"] | None:
    if len(str(text).strip()) < MIN_CHARACTERS:
        return None
    stripped = text if text.text is None else Text(text=text.text.strip())
    inputs = model.inputs([stripped], max_tokens=length)
    assert inputs.ids is not None  # noqa: S101 - texts always give ids
    return inputs.ids[0] if inputs.ids.shape[1] == length else None


@dataclass(frozen=True)
class TokenEmbeddings:
    """The embeddings of all tokens."""

    embeddings: Float[Tensor, "vocabulary hidden"]
    """In float32, like all prompts, since 16 bits cannot represent Adam's small steps."""

    @cached_property
    def norm(self) -> float:
        """The median norm of the embeddings."""
        return float(self.embeddings.norm(dim=-1).quantile(0.5))

    @classmethod
    def of(cls, model: Model) -> "TokenEmbeddings":
        """Reads the embeddings of all tokens of the vocabulary."""
        return cls(model.embed(torch.arange(model.vocabulary)[None])[0].float())


def initial_prompts(
    vocabulary: TokenEmbeddings, kind: Starts, restarts: int, length: int, seed: int
) -> Float[Tensor, "restarts length hidden"]:
    """The first prompt of each restart, which all targets share, as in the study's design.

    Args:
        vocabulary: the embeddings that ``vocabulary`` draws from.
        kind: ``normal`` draws from N(0, 1) in each coordinate, ``vocabulary`` draws embeddings of
            uniformly random tokens.
        restarts: number of prompts.
        length: number of positions.
        seed: seed of the run.
    """
    table, drawn = vocabulary.embeddings, []
    for restart in range(restarts):
        generator = Generator().manual_seed(seed + 1_000 * restart)
        if kind == "normal":
            drawn.append(torch.randn(length, table.shape[1], generator=generator).to(table))
        else:
            drawn.append(table[torch.randint(len(table), (length,), generator=generator)])
    return torch.stack(drawn)
