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
    limit: float | int | None
    largest: float | int
    """The most that one call used."""

    def amount_text(self, limit: float | int) -> str:
        return f"${limit:.2f}" if self.unit == "dollars" else f"{limit:,.0f} {self.unit}"

    def remaining_text(self, limit: float | int) -> str:
        remaining = max(limit - self.used, 0)
        amount = f"${remaining:.2f}" if self.unit == "dollars" else f"{remaining:,.0f}"
        return f"{amount} of {self.amount_text(limit)}"


class UsageTracker:
    """Counts calls, tokens and cost in ``chat.usage[role]``.

    If an endpoint does not count tokens, 0 is assumed, a note in the transcript says so, and the
    cost is unknown from then on. Costs are at full price, as if the endpoint cached nothing.
    """

    def __init__(self, config: ChatConfig, name: str, role: str, chat: ChatSession) -> None:
        self._config = config
        self._role = role
        self._chat = chat
        self._price = chat.prices.get(name)
        self._largest_tokens = 0
        self._largest_cost = 0.0
        self._counted = True
        chat.usage.setdefault(role, Usage(model=name, cost=None if self._price is None else 0.0))

    @property
    def usage(self) -> Usage:
        """What the role has used so far."""
        return self._chat.usage[self._role]

    def check(self) -> None:
        """Checks that one more call is within the limits.

        Raises:
            CapReached: a limit is reached.
            UserError: a limit cannot be checked, as the price or the number of tokens is unknown.
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
        for one in self._limits():
            if one.limit is not None and one.used >= one.limit:
                raise CapReached(f"The cap of {one.amount_text(one.limit)} is spent.")

    def can_afford(self, calls: int) -> bool:
        """Whether that many calls, each as large as the largest so far, are within the limits."""
        return all(
            one.limit is None or one.used + calls * one.largest <= one.limit
            for one in self._limits()
        )

    @property
    def remaining(self) -> str:
        """What remains within each limit, as text."""
        limits = (one for one in self._limits() if one.limit is not None)
        return ", ".join(one.remaining_text(one.limit) for one in limits if one.limit is not None)

    def add(self, response: Mapping[str, Any], *, cached: bool) -> float | None:
        """Counts an answer; returns its cost in US dollars, if that is known."""
        used = token_count(response)
        if used is None:
            self._counted, used, cost = False, TokenCount(0, 0), None
            text = "The endpoint did not count an answer's tokens: taken as 0, the cost as unknown."
            self._chat.transcript.write(TranscriptNote(text=text))
        else:
            cost = self._price.of(used.prompt, used.completion) if self._price else None
        self._largest_tokens = max(self._largest_tokens, used.prompt + used.completion)
        self._largest_cost = max(self._largest_cost, cost or 0.0)
        before = self.usage
        self._chat.usage[self._role] = before.model_copy(
            update={
                "served": tuple(dict.fromkeys((*before.served, *serving_model(response)))),
                "calls": before.calls + 1,
                "remembered": before.remembered + cached,
                "prompt_tokens": before.prompt_tokens + used.prompt,
                "completion_tokens": before.completion_tokens + used.completion,
                "cost": None if before.cost is None or cost is None else before.cost + cost,
            }
        )
        return cost

    def _limits(self) -> tuple[_Limit, ...]:
        config, used = self._config, self.usage
        tokens = used.prompt_tokens + used.completion_tokens
        return (
            _Limit("calls", used.calls, config.max_calls, 1),
            _Limit("tokens", tokens, config.max_tokens, self._largest_tokens),
            _Limit("dollars", used.cost or 0.0, config.max_dollars, self._largest_cost),
        )
