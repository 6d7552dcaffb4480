"""The tool that steers after a prompt of the agent's choice."""

from typing import ClassVar

import torch
from pydantic import Field

from diffkit import (
    AgentTool,
    Finding,
    FinishedRun,
    Message,
    ModelPair,
    Opening,
    Record,
    Text,
    Texts,
    UserError,
    openings,
)
from diffkit_plugins.activation_lens.asked import asked
from diffkit_plugins.activation_lens.causal_tables import steered_samples
from diffkit_plugins.activation_lens.config import ActivationLensConfig
from diffkit_plugins.activation_lens.direction import Direction
from diffkit_plugins.activation_lens.steering import say, steer

STEER_VERSION = 1
"""Raised when a word that a language model reads here changes, with the `version` of the method."""


class SteerArguments(
    Record,
    title="SteerArguments",
    json_schema_extra={"description": "After what, along which difference, and how strongly."},
):
    """After what, along which difference, and how strongly."""

    prompt: str = Field(
        min_length=1,
        max_length=20_000,
        description=(
            "What the user says; in a model without a chat template, how the text begins."
        ),
    )
    layer: int | float = Field(
        default=0.5,
        ge=-10_000,
        le=10_000,
        description=(
            "Block after which the difference is added: its number from 0 (negative "
            "ones from the end),\nor a fraction of depth from 0.0 to 1.0."
        ),
    )
    slot: str = Field(
        default="all",
        description=(
            "Slot whose mean difference it is: `0` for the first token and so on, "
            "`last`, `last-1`, in\nchats `answer+0` for the first token of the "
            "first answer, or `all`."
        ),
    )
    strength: float = Field(
        default=0.5,
        ge=-100,
        le=100,
        description=(
            "Length of what is added, in multiples of the residual stream's norm; "
            "negative takes away."
        ),
    )
    max_new_tokens: int = Field(
        default=48, ge=1, le=2_048, description="Tokens of each continuation."
    )


class Steer(AgentTool[SteerArguments]):
    """Steers the side that the run steered, after one prompt."""

    name: ClassVar[str] = "steer"
    summary: ClassVar[str] = "How a model goes on from a prompt with the mean difference added"
    Arguments = SteerArguments

    def __init__(self, pair: ModelPair, config: ActivationLensConfig, run: FinishedRun) -> None:
        self._pair, self._config, self._run = pair, config, run

    def call(self, arguments: SteerArguments) -> tuple[Finding, ...]:
        """The text unsteered and steered, and steered by a random vector of the same norm.

        Raises:
            UserError: there is no such layer or slot, too few texts reach it, nothing moved there,
                or the prompt is too long.
        """
        shift = asked(self._pair, self._config, self._run, arguments.layer, arguments.slot)
        if not shift.relative:
            what = f"The mean did not move after layer {shift.layer} in slot {shift.name}."
            raise UserError(what, cure="Take a later layer or another slot.")
        one, prompts = Direction.of(shift), (self._opening(arguments.prompt),)
        other = one.random(torch.Generator().manual_seed(self._run.seed))
        side = self._pair.base if self._config.steered == "base" else self._pair.finetuned
        tokens, strength = arguments.max_new_tokens, arguments.strength
        unsteered = say(side, prompts, tokens)
        steered, random = (steer(side, each, strength, prompts, tokens) for each in (one, other))
        along = f"along mean Δ, layer {one.layer}, slot {one.name}, strength {strength:g}"
        title = f"The {self._config.steered} side steered {along}"
        return (
            steered_samples(title, "unsteered", unsteered, steered),
            steered_samples(title, "by a random vector", random, steered),
        )

    def prompts(self, arguments: SteerArguments) -> tuple[str, ...]:
        """The prompt, which is answered unsteered too."""
        return (arguments.prompt,)

    def _opening(self, prompt: str) -> Opening:
        chat = Text(messages=(Message(role="user", content=prompt),))
        tokenizer, longest = self._pair.base.tokenizer, self._config.max_tokens
        found = openings(
            tokenizer, Texts(items=(chat,)), turns=1, documents=0, tokens=1, max_tokens=longest
        )
        turn = next((opening for opening in found if opening.kind == "user's turn"), None)
        if turn is None:
            what = f"The prompt makes no chat of at most {longest} tokens, the run's max_tokens."
            raise UserError(what, cure="Give a shorter prompt.")
        return turn
