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
"""Number of prompts in a batch."""


@dataclass(frozen=True)
class ProbePrompt:
    """A prompt with the maximum length of its answer."""

    prompt: Text
    max_new_tokens: int


ProbeAnswers = Mapping[ProbePrompt, str]
"""Answers of one side by prompt."""


def probe_prompts(probes: Probes) -> tuple[ProbePrompt, ...]:
    """The prompts of the probes, in their order."""
    return tuple(
        ProbePrompt(_as_text(prompt, chat=probes.chat), probes.max_new_tokens)
        for prompt in probes.prompts
    )


def _as_text(prompt: str, *, chat: bool) -> Text:
    if chat:
        return Text(messages=(Message(role="user", content=prompt),))
    return Text(text=prompt)


def generate_answers(model: "Model", prompts: Iterable[ProbePrompt]) -> dict[ProbePrompt, str]:
    """Generates the answer of ``model`` to each distinct prompt, by greedy decoding.

    Prompts with the same maximum length share batches, sorted by length to reduce padding.
    """
    groups: dict[tuple[int, bool], list[ProbePrompt]] = {}
    for one in dict.fromkeys(prompts):
        groups.setdefault((one.max_new_tokens, bool(one.prompt.messages)), []).append(one)
    found: dict[ProbePrompt, str] = {}
    for (length, _), group in groups.items():
        ordered = sorted(group, key=lambda one: len(str(one.prompt)))
        sampling = Sampling(max_new_tokens=length, temperature=0)
        answers = model.generate([one.prompt for one in ordered], sampling, batch_size=BATCH_SIZE)
        found |= {one: answer.text for one, answer in zip(ordered, answers, strict=True)}
    return found


@dataclass(frozen=True)
class BaseAnswerCache:
    """Answers of plain bases, so that many pairs on one base generate them once."""

    answers: dict["Network", dict[ProbePrompt, str]] = field(default_factory=dict)
    """By network, which `NetworkCache` shares between the pairs on one base."""

    def answers_of_both(
        self, pair: "ModelPair", prompts: Iterable[ProbePrompt]
    ) -> tuple[ProbeAnswers, ProbeAnswers]:
        """Answers of the finetuned side and of the base side; identical models answer once.

        Args:
            pair: the two sides.
            prompts: the prompts.
        """
        distinct = tuple(dict.fromkeys(prompts))
        base = self._base_answers(pair, distinct)
        if pair.identical:
            return base, base
        return generate_answers(pair.finetuned, distinct), base

    def _base_answers(self, pair: "ModelPair", prompts: Iterable[ProbePrompt]) -> ProbeAnswers:
        if pair.base.adapter is not None:  # the adapter differs between pairs
            return generate_answers(pair.base, prompts)
        known = self.answers.setdefault(pair.base.network, {})
        known |= generate_answers(pair.base, (one for one in prompts if one not in known))
        return known
