"""Tools with which an agent examines a finished run.

Takes the arguments of a call. Gives findings that are computed anew from the run's texts.
"""

from typing import ClassVar

import torch
from pydantic import Field

from diffkit import (
    AgentTool,
    Artifacts,
    Checkpoints,
    Finding,
    FinishedRun,
    ModelPair,
    PromptStart,
    Record,
    RunContext,
    UserError,
)
from diffkit.analysis import user_turn
from diffkit_plugins.activation_lens.config import ActivationLensConfig
from diffkit_plugins.activation_lens.lenses import lens_results
from diffkit_plugins.activation_lens.mean_shift import Direction, MeanShift, mean_shifts
from diffkit_plugins.activation_lens.measure import ReadPlan, collect_statistics
from diffkit_plugins.activation_lens.slots import Slot, configured_slots
from diffkit_plugins.activation_lens.steering import complete, steer
from diffkit_plugins.activation_lens.tables import shift_table, steered_samples


def read_mean_shift(
    pair: ModelPair, config: ActivationLensConfig, run: FinishedRun, layer: int | float, slot: str
) -> MeanShift:
    """Computes the mean shift in one layer and slot.

    Args:
        pair: both sides.
        config: the run's options.
        run: the run whose texts are read.
        layer: a block's number, or a fraction of depth.
        slot: the slot's name.

    Raises:
        UserError: there is no such layer or slot, or too few texts reach the slot.
    """
    plan = ReadPlan(pair.base.resolve_layers([layer]), (_slot_named(slot),))
    context = RunContext(run.seed, run.texts, Artifacts(run.artifacts), Checkpoints(run.artifacts))
    statistics = collect_statistics(pair, config, context, plan)
    shift = next(mean_shifts(statistics, config.min_texts), None)
    if shift is None:
        names = ", ".join(other.name for other in configured_slots(config))
        what = f"{statistics.reached[0]} texts reach slot {slot!r}, fewer than {config.min_texts}."
        raise UserError(what, hint=f"Take another slot; the run looked at {names}.")
    return shift


def _slot_named(name: str) -> Slot:
    slot = Slot.named(name)
    if slot is None:
        kinds = "0, 1, …; last, last-1, …; answer-1, answer+0, …; all"
        raise UserError(f"There is no slot {name!r}.", hint=f"Slots are called {kinds}.")
    return slot


LOOK_VERSION = 1
"""Raised when a word that a language model reads here changes, with the `version` of the method."""


class LookArguments(
    Record,
    title="LookArguments",
    json_schema_extra={"description": "Where to look, and how much is shown."},
):
    """Where to look, and how much is shown."""

    layer: int | float = Field(
        default=0.5,
        ge=-10_000,
        le=10_000,
        description=(
            "Block after which the residual stream is read: its number from 0 "
            "(negative ones from the\nend), or a fraction of depth from 0.0 to 1.0."
        ),
    )
    slot: str = Field(
        default="all",
        description=(
            "Which tokens of the texts: `0` for the first and so on, `last`, "
            "`last-1`, in chats `answer+0`\nfor the first token of the first answer "
            "and `answer-1` for the one before, or `all`."
        ),
    )
    tokens: int = Field(default=20, ge=1, le=1_000, description="Rows of the table of tokens.")


class LookTool(AgentTool[LookArguments]):
    """Reads the mean shift of one layer and slot through the logit lens."""

    name: ClassVar[str] = "look"
    summary: ClassVar[str] = "Tokens that the mean difference promotes in one layer and slot"
    Arguments = LookArguments

    def __init__(self, pair: ModelPair, config: ActivationLensConfig, run: FinishedRun) -> None:
        self._pair, self._config, self._run = pair, config, run

    def call(self, arguments: LookArguments) -> tuple[Finding, ...]:
        """The token table of the layer and slot, and the size of its mean shift.

        Raises:
            UserError: there is no such layer or slot, or too few texts reach the slot.
        """
        shift = read_mean_shift(
            self._pair, self._config, self._run, arguments.layer, arguments.slot
        )
        results = lens_results(self._pair, [shift])
        tables = [result.table(self._pair, arguments.tokens) for result in results]
        return (*tables, shift_table([shift], results))


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


class SteerTool(AgentTool[SteerArguments]):
    """Steers the side that the run steered, on one prompt."""

    name: ClassVar[str] = "steer"
    summary: ClassVar[str] = "How a model goes on from a prompt with the mean difference added"
    Arguments = SteerArguments

    def __init__(self, pair: ModelPair, config: ActivationLensConfig, run: FinishedRun) -> None:
        self._pair, self._config, self._run = pair, config, run

    def call(self, arguments: SteerArguments) -> tuple[Finding, ...]:
        """The steered completion, beside an unsteered one and one steered by a random vector.

        Raises:
            UserError: there is no such layer or slot, too few texts reach it, the mean shift is
                zero, or the prompt is too long.
        """
        direction, prompts = self._direction(arguments), (self._prompt(arguments.prompt),)
        control = direction.random(torch.Generator().manual_seed(self._run.seed))
        side = self._pair.base if self._config.steered == "base" else self._pair.finetuned
        tokens, strength = arguments.max_new_tokens, arguments.strength
        unsteered = complete(side, prompts, tokens)
        steered, random = (
            steer(side, each, strength, prompts, tokens) for each in (direction, control)
        )
        along = (
            f"along mean Δ, layer {direction.layer}, slot {direction.name}, strength {strength:g}"
        )
        title = f"The {self._config.steered} side steered {along}"
        return (
            steered_samples(title, "unsteered", unsteered, steered),
            steered_samples(title, "by a random vector", random, steered),
        )

    def prompts(self, arguments: SteerArguments) -> tuple[str, ...]:
        """The prompt, which the unsteered model completes too."""
        return (arguments.prompt,)

    def _direction(self, arguments: SteerArguments) -> Direction:
        shift = read_mean_shift(
            self._pair, self._config, self._run, arguments.layer, arguments.slot
        )
        if not shift.relative:
            what = f"The mean did not move after layer {shift.layer} in slot {shift.name}."
            raise UserError(what, hint="Take a later layer or another slot.")
        return Direction.of(shift)

    def _prompt(self, prompt: str) -> PromptStart:
        longest = self._config.max_tokens
        turn = user_turn(self._pair.base.tokenizer, prompt, longest)
        if turn is None:
            what = f"The prompt makes no chat of at most {longest} tokens, the run's max_tokens."
            raise UserError(what, hint="Give a shorter prompt.")
        return turn
