"""Tables and notes of what was measured."""

import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from diffkit import ModelPair, Note, Table
from diffkit.analysis import token_text
from diffkit.statistics import conformal_p
from diffkit_plugins.soft_prompt_kl.comparison import (
    Advantage,
    PassageDivergence,
    PassageDivergences,
    ratio_of,
)
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig
from diffkit_plugins.soft_prompt_kl.evaluation import PromptEvaluation, TrainedDivergence
from diffkit_plugins.soft_prompt_kl.ranking import completion_concentration
from diffkit_plugins.soft_prompt_kl.soft_prompt import NearestTokens


def metrics(found: PromptEvaluation) -> dict[str, float]:
    """The numbers of `summary`, by name."""
    prompted, plain = found.advantage.prompted, found.advantage.plain
    numbers = {
        "advantage": found.advantage.score,
        "concentration": completion_concentration(found.completions),
        "kl_prompted_nats": prompted.divergence,
        "kl_plain_nats": plain.divergence,
        "kl_hard_prompt_nats": found.hard.divergence,
        "base_moved_nats": found.base_kl,
        "same_likeliest_token_share_prompted": prompted.agreement,
        "same_likeliest_token_share_plain": plain.agreement,
        "likeliest_tokens_jaccard_prompted": prompted.overlap,
        "likeliest_tokens_jaccard_plain": plain.overlap,
        "tokens": float(prompted.tokens),
    }
    if found.controls:
        numbers["controls_p"] = conformal_p(found.advantage.score, found.controls)
    return numbers


def divergence_metrics(divergences: Sequence[TrainedDivergence]) -> dict[str, float]:
    """The numbers of the trained divergence, by name."""
    return {
        f"trained_divergence_{name}_nats_on_{one.passages}": value
        for one in divergences
        for name, value in (("prompted", one.prompted), ("plain", one.plain))
    }


def summary_table(
    found: PromptEvaluation,
    config: SoftPromptKLConfig,
    divergences: Sequence[TrainedDivergence] = (),
) -> Table:
    """The divergence under the prompt, under none, and under the prompt as text.

    Args:
        found: what was measured.
        config: the divergence that was trained, and how many likeliest tokens were compared.
        divergences: that divergence, where it is another than KL(finetuned ‖ base).
    """
    plain = found.advantage.plain
    columns = (found.advantage.prompted, plain, found.hard)
    rows = (
        ("KL(finetuned‖base), clipped, nats per token", *(one.divergence for one in columns)),
        ("… in times of that without a prompt", *(ratio_of(one, plain) for one in columns)),
        *(_divergence_row(one, config.divergence) for one in divergences),
        ("share with the same likeliest token", *(one.agreement for one in columns)),
        (f"overlap of the {config.top} likeliest (Jaccard)", *(one.overlap for one in columns)),
        ("KL(base‖base without the prompt), nats per token", found.base_kl, 0.0, None),
        ("tokens compared", *(one.tokens for one in columns)),
    )
    return Table(
        title="How far the sides part on what the finetuned side says in held-out contexts",
        columns=("", "soft prompt", "no prompt", "closest tokens as the prompt"),
        rows=rows,
    )


def _divergence_row(one: TrainedDivergence, divergence: str) -> tuple[str | float, ...]:
    what = f"divergence={divergence}, clipped, nats per token"
    name = what if one.passages == "completions" else "… on held-out texts"
    return name, one.prompted, one.plain, one.hard


def category_table(found: Advantage) -> Table:
    """The same by category of the contexts, where there are several."""
    plain = found.plain.by_category()
    rows = [
        (
            category,
            len(prompted.passages),
            prompted.divergence,
            plain[category].divergence,
            ratio_of(prompted, plain[category]),
            prompted.agreement,
        )
        for category, prompted in found.prompted.by_category().items()
    ]
    return Table(
        title="By category of the contexts: clipped KL(finetuned‖base), nats per token",
        columns=("", "contexts", "soft prompt", "no prompt", "ratio", "same likeliest token"),
        rows=tuple(sorted(rows, key=lambda row: -row[2])),
    )


def controls_note(found: Advantage, controls: Sequence[float], *, trained: bool) -> Note:
    """The advantage beside those of random changes as large.

    Args:
        found: of the pair.
        controls: theirs.
        trained: whether each has a prompt of its own, or all the one that was given.
    """
    p = conformal_p(found.score, controls)
    ranked = sorted(controls)
    prompts = "Prompts trained in the same way reach" if trained else "The same prompt reaches"
    return Note(
        text=f"Advantage log D(P)/D(∅) = {found.score:.3g}. {prompts}, for "
        f"{len(controls)} random changes of the base with the pair's own mean KL, "
        f"{ranked[0]:.3g} to {ranked[-1]:.3g} (median {statistics.median(ranked):.3g}): "
        f"p = {p:.2g}."
    )


SHARE = 0.1
"""Share of the tokens, the most divergent ones, in which patterns are sought."""

ROWS = 12


@dataclass(frozen=True)
class TokenPrediction:
    """A token's prediction."""

    kl: float
    before: int
    """The token that it follows."""
    finetuned: int
    """What the finetuned side finds likeliest there."""
    base: int
    """What the base does."""


def pattern_table(measured: PassageDivergences, tokenizer: Any) -> Table:
    """After which token the sides part most, and what each would say there.

    Places are those of the tenth of the tokens with the largest divergence. Rows are ranked by the
    divergence that they sum to.
    """
    places = sorted(_places(measured), key=lambda place: -place.kl)
    most = places[: max(1, round(SHARE * len(places)))]
    sums: defaultdict[tuple[int, int, int], list[float]] = defaultdict(list)
    for place in most:
        sums[place.before, place.finetuned, place.base].append(place.kl)
    ranked = sorted(sums.items(), key=lambda item: (-sum(item[1]), item[0]))
    return Table(
        title=f"Where the sides part most under the prompt: the {len(most)} most divergent of "
        f"{len(places)} tokens",
        columns=("finetuned's likeliest", "base's likeliest", "after", "places", "mean KL, nats"),
        rows=tuple(
            (
                *(token_text(tokenizer, token) for token in (finetuned, base, before)),
                len(values),
                sum(values) / len(values),
            )
            for (before, finetuned, base), values in ranked[:ROWS]
        ),
        text_columns=("finetuned's likeliest",),
    )


def _places(measured: PassageDivergences) -> Iterator[TokenPrediction]:
    return (place for one in measured.passages for place in _of(one))


def _of(one: PassageDivergence) -> Iterator[TokenPrediction]:
    before = one.passage.ids[one.passage.start - 1 : -1]
    expected = zip(*one.expected.tolist(), strict=True)
    for kl, token, (base, finetuned) in zip(one.kl.tolist(), before, expected, strict=True):
        yield TokenPrediction(kl, token, finetuned, base)


def nearest_table(pair: ModelPair, found: NearestTokens) -> Table:
    """A row for each soft token."""
    tokenizer = pair.base.tokenizer
    closest, aligned = (
        [token_text(tokenizer, token) for token in ids.tolist()]
        for ids in (found.closest, found.aligned)
    )
    columns = (
        range(1, len(closest) + 1),
        closest,
        found.distances.tolist(),
        aligned,
        found.cosines.tolist(),
        found.norms.tolist(),
    )
    return Table(
        title="The vocabulary's tokens nearest to each soft token",
        columns=("soft token", "closest", "distance, own norms", "most aligned", "cosine",
                 "norm, vocabulary's median"),
        rows=tuple(zip(*columns, strict=True)),
    )  # fmt: skip


def nearest_tokens_note() -> Note:
    """Why the table is no reading of the prompt."""
    return Note(
        text="The nearest tokens mislead: a soft prompt lies between tokens, and prompts that do "
        "the same have quite other neighbours. See what is left of the divergence when each soft "
        "token is replaced by the closest one."
    )
