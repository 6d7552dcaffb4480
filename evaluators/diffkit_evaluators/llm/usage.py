"""Counts what a role used, and checks its limits on calls, tokens and cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from diffkit import ChatSession, TranscriptNote, Usage, UserError
from diffkit_evaluators.llm.config import ChatConfig
from diffkit_evaluators.llm.errors import CapReached
from diffkit_evaluators.llm.response import TokenCount, serving_model, token_count


@dataclass(frozen=True)
class _Limit:
    unit: str
    used: float | int
    most: float | int | None
    dearest: float | int
    """What one call used at most."""

    def said(self, most: float | int) -> str:
        return f"${most:.2f}" if self.unit == "dollars" else f"{most:,.0f} {self.unit}"

    def left(self, most: float | int) -> str:
        left = max(most - self.used, 0)
        amount = f"${left:.2f}" if self.unit == "dollars" else f"{left:,.0f}"
        return f"{amount} of {self.said(most)}"


class UsageTracker:
    """Keeps ``talk.usage[role]`` true.

    Where an endpoint does not count tokens, they are taken as 0, a remark in the transcript says
    so, and the cost is unknown from then on. Costs are at full price, as if nothing were cached.
    """

    def __init__(self, config: ChatConfig, name: str, role: str, chat: ChatSession) -> None:
        self._config = config
        self._role = role
        self._talk = chat
        self._price = chat.prices.get(name)
        self._dearest_tokens = 0
        self._dearest_cost = 0.0
        self._counted = True
        chat.usage.setdefault(role, Usage(model=name, cost=None if self._price is None else 0.0))

    @property
    def usage(self) -> Usage:
        """What was used so far."""
        return self._talk.usage[self._role]

    def check(self) -> None:
        """Looks whether one more call may be made.

        Raises:
            CapReached: a cap is spent.
            UserError: a cap cannot be kept, as the price or the number of tokens is unknown.
        """
        config, model = self._config, self.usage.model
        if config.max_dollars is not None and self._price is None:
            what = f"max_dollars cannot be kept: the price of {model!r} is unknown."
            raise UserError(what, hint="Name it in a file, and give that as --prices FILE.")
        if not self._counted and (config.max_dollars or config.max_tokens):
            what = (
                f"max_tokens and max_dollars cannot be kept: {model!r} comes without token counts."
            )
            raise UserError(what, hint="Set both to null; max_calls is kept.")
        for cap in self._caps():
            if cap.most is not None and cap.used >= cap.most:
                raise CapReached(f"The cap of {cap.said(cap.most)} is spent.")

    def affords(self, calls: int) -> bool:
        """Whether so many more calls, each like the dearest so far, fit the caps."""
        return all(
            cap.most is None or cap.used + calls * cap.dearest <= cap.most for cap in self._caps()
        )

    @property
    def left(self) -> str:
        """What is left of the caps, in words."""
        return ", ".join(cap.left(cap.most) for cap in self._caps() if cap.most is not None)

    def add(self, response: Mapping[str, Any], *, remembered: bool) -> float | None:
        """Counts an answer; gives its cost in US dollars, none where that is unknown."""
        used = token_count(response)
        if used is None:
            self._counted, used, cost = False, TokenCount(0, 0), None
            text = "The endpoint did not count an answer's tokens: taken as 0, the cost as unknown."
            self._talk.transcript.write(TranscriptNote(text=text))
        else:
            cost = self._price.of(used.prompt, used.completion) if self._price else None
        self._dearest_tokens = max(self._dearest_tokens, used.prompt + used.completion)
        self._dearest_cost = max(self._dearest_cost, cost or 0.0)
        before = self.usage
        self._talk.usage[self._role] = before.model_copy(
            update={
                "served": tuple(dict.fromkeys((*before.served, *serving_model(response)))),
                "calls": before.calls + 1,
                "remembered": before.remembered + remembered,
                "prompt_tokens": before.prompt_tokens + used.prompt,
                "completion_tokens": before.completion_tokens + used.completion,
                "cost": None if before.cost is None or cost is None else before.cost + cost,
            }
        )
        return cost

    def _caps(self) -> tuple[_Limit, ...]:
        config, used = self._config, self.usage
        tokens = used.prompt_tokens + used.completion_tokens
        return (
            _Limit("calls", used.calls, config.max_calls, 1),
            _Limit("tokens", tokens, config.max_tokens, self._dearest_tokens),
            _Limit("dollars", used.cost or 0.0, config.max_dollars, self._dearest_cost),
        )
