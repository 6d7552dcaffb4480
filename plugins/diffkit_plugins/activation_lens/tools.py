"""Tools: what may be asked of a finished run."""

from typing import ClassVar

from pydantic import Field

from diffkit import AgentTool, Finding, FinishedRun, ModelPair, Record
from diffkit_plugins.activation_lens.asked import asked
from diffkit_plugins.activation_lens.config import ActivationLensConfig
from diffkit_plugins.activation_lens.promotions import promotions
from diffkit_plugins.activation_lens.tables import summary

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


class Look(AgentTool[LookArguments]):
    """A layer and slot of the agent's choice, read anew from the run's texts."""

    name: ClassVar[str] = "look"
    summary: ClassVar[str] = "Tokens that the mean difference promotes in one layer and slot"
    Arguments = LookArguments

    def __init__(self, pair: ModelPair, config: ActivationLensConfig, run: FinishedRun) -> None:
        self._pair, self._config, self._run = pair, config, run

    def call(self, arguments: LookArguments) -> tuple[Finding, ...]:
        """The norms in that place, and its token table with standard errors.

        Raises:
            UserError: there is no such layer or slot, or too few texts reach the slot.
        """
        shift = asked(self._pair, self._config, self._run, arguments.layer, arguments.slot)
        found = promotions(self._pair, [shift])
        tables = [promotion.table(self._pair, arguments.tokens) for promotion in found]
        return (*tables, summary([shift], found))
