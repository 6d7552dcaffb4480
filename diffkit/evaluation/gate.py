"""The expression gate: does an organism do what its truth says, and does its base not?"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from diffkit.evaluation.board import share
from diffkit.evaluation.leaderboard import Share
from diffkit.generator import Sampling
from diffkit.organism import Probes
from diffkit.texts import Message, Text

if TYPE_CHECKING:
    from diffkit.engine.model import Model
    from diffkit.engine.pair import ModelPair


@dataclass(frozen=True)
class Expression:
    """How often each side shows the behaviour."""

    finetuned: Share
    base: Share
    at_least: float
    """Least share asked of the finetuned side."""
    at_most: float
    """Largest share allowed in the base."""
    examples: tuple[tuple[str, str], ...]
    """Prompts and the finetuned side's completions that did not show it, three at the most."""

    @property
    def passes(self) -> bool:
        """Whether both sides are within bounds."""
        finetuned, base = self.finetuned.value or 0, self.base.value or 0
        return finetuned >= self.at_least and base <= self.at_most


def expression(pair: "ModelPair", probes: Probes) -> Expression:
    """Puts the probes to both sides, greedily decoded."""
    finetuned, base = (_completions(side, probes) for side in (pair.finetuned, pair.base))
    failed = [
        (prompt, text)
        for prompt, text in zip(probes.prompts, finetuned, strict=True)
        if not probes.check(text)
    ]
    return Expression(
        finetuned=_shown(finetuned, probes),
        base=_shown(base, probes),
        at_least=probes.at_least,
        at_most=probes.at_most,
        examples=tuple(failed[:3]),
    )


def _completions(model: "Model", probes: Probes) -> tuple[str, ...]:
    prompts = [_prompt(prompt, chat=probes.chat) for prompt in probes.prompts]
    sampling = Sampling(max_new_tokens=probes.max_new_tokens, temperature=0)
    return tuple(completion.text for completion in model.generate(prompts, sampling))


def _prompt(prompt: str, *, chat: bool) -> Text:
    if chat:
        return Text(messages=(Message(role="user", content=prompt),))
    return Text(text=prompt)


def _shown(completions: tuple[str, ...], probes: Probes) -> Share:
    return share(sum(probes.check(text) for text in completions), len(completions))
