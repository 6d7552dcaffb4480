"""What the base says under the prompt, where another divergence than KL was trained.

All else that is found is about KL(finetuned ‖ base): what the finetuned side says and finds
likelier. What it no longer says is told by the base, and by the divergence that was trained.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from diffkit import ModelPair, Samples, Table, TokenTable
from diffkit_plugins.soft_prompt_kl.completing import complete
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig
from diffkit_plugins.soft_prompt_kl.found import Found
from diffkit_plugins.soft_prompt_kl.raised import Raised, raised
from diffkit_plugins.soft_prompt_kl.ranking import Both, Said, ranked
from diffkit_plugins.soft_prompt_kl.shown import member_table, samples
from diffkit_plugins.soft_prompt_kl.words import word_table, words


@dataclass(frozen=True)
class Mirror:
    """The other side of what was found."""

    base: tuple[Both, ...]
    """What the base says under the prompt in all contexts, most telling first, beside what the
    finetuned side says there."""
    finetuned: tuple[Both, ...]
    """The same by what the finetuned side says."""
    raised: tuple[Raised, ...]


def mirror(pair: ModelPair, config: SoftPromptKLConfig, found: Found, seed: int) -> Mirror | None:
    """Has the base go on from all contexts under the prompt; none where KL was trained.

    Args:
        pair: both sides.
        config: the options.
        found: the prompt, and what it was measured on.
        seed: where draws come from; those of `found` have both sides meet the same.
    """
    if config.divergence == "kl":
        return None
    contexts = (*found.data.held_out, *found.data.training)
    passages = complete(pair.base, found.prompt, contexts, config, seed, pair.vocabulary)
    said = ranked(pair, config, passages, "base")
    return Mirror(
        _beside(said, found.said), _beside(found.said, said), tuple(raised(pair, config, found))
    )


def _beside(said: Sequence[Said], other: Sequence[Said]) -> tuple[Both, ...]:
    """Each with what the other side said in the same context, with the same draws."""
    there = {one.passage.context: one.passage for one in other}
    return tuple(Both(one, there[one.passage.context]) for one in said)


def of_base(
    found: Mirror, config: SoftPromptKLConfig, tokenizer: Any
) -> tuple[TokenTable, Samples, Table]:
    """The base's words that it finds likelier, the texts that they stand in, and their groups."""
    said = [both.said for both in found.base]
    return (
        word_table(words(said, tokenizer), config.tokens, speaker="base"),
        samples(found.base[: config.samples], speaker="base"),
        member_table(found.base, config.clusters, "base"),
    )
