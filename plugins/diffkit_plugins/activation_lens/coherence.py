"""Whether a text is still language: how much it repeats itself, and what the base thinks of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from diffkit import Completion, Inputs, Model, Opening
from diffkit.maths import token_log_probabilities


@dataclass(frozen=True)
class Coherence:
    """Of one completion."""

    distinct: float
    """Share of its pairs of neighbouring words that are distinct, from 0 to 1."""
    log_likelihood: float
    """The base's mean log likelihood of its tokens, in nats; 0 where it has none."""

    def bears(self, reference: "Coherence", least_distinct: float, most_nats: float) -> bool:
        """Whether it is nearly as good as a reference.

        Args:
            reference: that of unsteered text after the same prompt.
            least_distinct: share of the reference's distinct pairs that must be left.
            most_nats: how much less likely than the reference's a token may be, in nats.
        """
        kept = self.distinct >= least_distinct * reference.distinct
        return kept and self.log_likelihood >= reference.log_likelihood - most_nats


def coherences(
    base: Model, prompts: Sequence[Opening], completions: Sequence[Completion]
) -> tuple[Coherence, ...]:
    """Measures completions, which are tokenised again.

    Args:
        base: the model that says how likely they are.
        prompts: what they go on from.
        completions: one for each.
    """
    encode, pad = base.tokenizer, base.tokenizer.pad_token_id or 0
    said = [encode(c.text, add_special_tokens=False).input_ids for c in completions]
    rows = [[*prompt.ids, *ids] for prompt, ids in zip(prompts, said, strict=True)]
    inputs, longest = Inputs.of(rows, side="left", pad=pad), max(len(ids) for ids in said)
    assert inputs.ids is not None  # noqa: S101 - made of ids
    logits = base.logits(inputs, keep=longest + 1)[:, :-1]  # the last predicts what was not said
    wanted = inputs.ids[:, inputs.ids.shape[1] - longest :]
    each = token_log_probabilities(logits, wanted, base.vocabulary).double().tolist()
    ends = [row[longest - len(ids) :] for row, ids in zip(each, said, strict=True)]
    return tuple(
        Coherence(distinct_pairs(completion.text), fmean(end) if end else 0.0)
        for completion, end in zip(completions, ends, strict=True)
    )


def distinct_pairs(text: str) -> float:
    """Distinct pairs of neighbouring words over all such pairs (Li and others 2016, distinct-2).

    1 for a single word, which cannot repeat itself; 0 for no word, which is no language.
    """
    words = text.split()
    pairs = list(pairwise(words))
    return len(set(pairs)) / len(pairs) if pairs else float(bool(words))
