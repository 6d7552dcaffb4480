"""Greedy answers to many prompts in few batches; a base that pairs share answers once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from diffkit.organism import Probes
from diffkit.sampling import Sampling
from diffkit.texts import Message, Text

if TYPE_CHECKING:
    from diffkit.engine.model import Model
    from diffkit.engine.network import Network
    from diffkit.engine.pair import ModelPair

BATCH_SIZE = 128
"""Prompts answered at a time."""


@dataclass(frozen=True)
class Ask:
    """One prompt, and how long its answer may be."""

    prompt: Text
    max_new_tokens: int


ProbeAnswers = Mapping[Ask, str]
"""What one side says to each prompt."""


def probe_prompts(probes: Probes) -> tuple[Ask, ...]:
    """The probes as prompts, in their order."""
    return tuple(
        Ask(_prompt(text, chat=probes.chat), probes.max_new_tokens) for text in probes.prompts
    )


def _prompt(prompt: str, *, chat: bool) -> Text:
    if chat:
        return Text(messages=(Message(role="user", content=prompt),))
    return Text(text=prompt)


def generate_answers(model: "Model", asked: Iterable[Ask]) -> dict[Ask, str]:
    """What ``model`` says to each of ``asked``, however often it is named there.

    Prompts of one greatest length are put together, the short ones first: little is padded.
    """
    groups: dict[tuple[int, bool], list[Ask]] = {}
    for ask in dict.fromkeys(asked):
        groups.setdefault((ask.max_new_tokens, bool(ask.prompt.messages)), []).append(ask)
    found: dict[Ask, str] = {}
    for (length, _), group in groups.items():
        ordered = sorted(group, key=lambda ask: len(str(ask.prompt)))
        sampling = Sampling(max_new_tokens=length, temperature=0)
        said = model.generate([ask.prompt for ask in ordered], sampling, batch_size=BATCH_SIZE)
        found |= {ask: one.text for ask, one in zip(ordered, said, strict=True)}
    return found


@dataclass(frozen=True)
class BaseAnswerCache:
    """What plain bases have said, so that a hundred pairs on one base ask it once."""

    said: dict["Network", dict[Ask, str]] = field(default_factory=dict)
    """By network, which `NetworkCache` shares between the pairs on one base."""

    def both(self, pair: "ModelPair", asked: Iterable[Ask]) -> tuple[ProbeAnswers, ProbeAnswers]:
        """Answers of the finetuned side and of the base side; one model is not asked twice.

        Args:
            pair: the two sides.
            asked: the prompts.
        """
        wanted = tuple(dict.fromkeys(asked))
        base = self._base(pair, wanted)
        if pair.identical and pair.base.tokenizer is pair.finetuned.tokenizer:
            return base, base
        return generate_answers(pair.finetuned, wanted), base

    def _base(self, pair: "ModelPair", wanted: Iterable[Ask]) -> ProbeAnswers:
        if pair.base.adapter is not None:  # this side is another one in the next pair
            return generate_answers(pair.base, wanted)
        known = self.said.setdefault(pair.base.network, {})
        known |= generate_answers(pair.base, (ask for ask in wanted if ask not in known))
        return known
