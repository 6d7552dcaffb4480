"""What the places where the sides part most have in common."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from diffkit import Table
from diffkit_plugins.soft_prompt_kl.measured import Measured, Parted

SHARE = 0.1
"""Share of the tokens, the most divergent ones, in which patterns are sought."""
ROWS = 12


@dataclass(frozen=True)
class Place:
    """A token's prediction."""

    kl: float
    before: int
    """The token that it follows."""
    finetuned: int
    """What the finetuned side finds likeliest there."""
    base: int
    """What the base does."""


def pattern_table(measured: Measured, tokenizer: Any) -> Table:
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
                *(tokenizer.decode([token]) for token in (finetuned, base, before)),
                len(values),
                sum(values) / len(values),
            )
            for (before, finetuned, base), values in ranked[:ROWS]
        ),
    )


def _places(measured: Measured) -> Iterator[Place]:
    return (place for one in measured.parted for place in _of(one))


def _of(one: Parted) -> Iterator[Place]:
    before = one.passage.ids[one.passage.start - 1 : -1]
    expected = zip(*one.expected.tolist(), strict=True)
    for kl, token, (base, finetuned) in zip(one.kl.tolist(), before, expected, strict=True):
        yield Place(kl, token, finetuned, base)
