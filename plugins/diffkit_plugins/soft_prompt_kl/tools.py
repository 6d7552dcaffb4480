"""What may be asked of a finished run: what both sides say under its prompt."""

from typing import ClassVar

from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from diffkit import AgentTool, FinishedRun, ModelPair, Record, Samples, UserError
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig
from diffkit_plugins.soft_prompt_kl.data import PromptContext
from diffkit_plugins.soft_prompt_kl.generation import complete, opening_ids
from diffkit_plugins.soft_prompt_kl.prompt_file import BEST, load_prompt
from diffkit_plugins.soft_prompt_kl.ranking import pair_with_base, rank_completions
from diffkit_plugins.soft_prompt_kl.report.samples import completion_samples

PROMPTED_VERSION = 1
"""Raised when a word that a language model reads here changes, with the `version` of the method."""


class PromptedArguments(
    Record,
    title="PromptedArguments",
    json_schema_extra={"description": "After what, and how the sides go on."},
):
    """After what, and how the sides go on."""

    text: str = Field(
        min_length=1,
        max_length=20_000,
        description=(
            "What the user says; in a model without a chat template, how the text begins."
        ),
    )
    draws: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Completions of each side, with and without the soft prompt.",
    )
    max_new_tokens: int = Field(
        default=48, ge=1, le=2_048, description="Tokens of each completion at most."
    )
    temperature: float = Field(
        default=0.0,
        ge=0,
        le=10,
        description="Softmax temperature of the draws; 0 takes the likeliest token each time.",
    )


class PromptedCompletions(AgentTool[PromptedArguments]):
    """Completions of both sides under the trained prompt, and without it."""

    name: ClassVar[str] = "prompted"
    summary: ClassVar[str] = "What each side says after a text, with the trained prompt and without"
    Arguments = PromptedArguments

    def __init__(self, pair: ModelPair, config: SoftPromptKLConfig, run: FinishedRun) -> None:
        self._pair, self._config, self._run = pair, config, run

    def call(self, arguments: PromptedArguments) -> tuple[Samples, ...]:
        """Samples under the prompt, then without, each ranked by its ratio without the prompt.

        Raises:
            UserError: the run trained no prompt, or no chat can be made of the text.
        """
        return (
            self._samples(arguments, self._prompt(), "under the prompt"),
            self._samples(arguments, None, "without the prompt"),
        )

    def prompts(self, arguments: PromptedArguments) -> tuple[str, ...]:
        """The text, which is answered with and without the soft prompt."""
        return (arguments.text,)

    def _samples(
        self,
        arguments: PromptedArguments,
        prompt: Float[Tensor, "length hidden"] | None,
        where: str,
    ) -> Samples:
        ids = opening_ids(self._pair.base, arguments.text)
        contexts = [
            PromptContext(ids, arguments.text, "asked", draw) for draw in range(arguments.draws)
        ]
        asked = self._config.model_copy(
            update={
                "completion_tokens": arguments.max_new_tokens,
                "temperature": arguments.temperature,
            }
        )
        pair, seed = self._pair, self._run.seed
        passages = complete(pair.finetuned, prompt, contexts, asked, seed, pair.vocabulary)
        completions = rank_completions(pair, asked, passages)
        return completion_samples(pair_with_base(pair, asked, prompt, completions, seed), where)

    def _prompt(self) -> Float[Tensor, "length hidden"]:
        file = self._run.artifacts / f"{BEST}.safetensors"
        if not file.is_file():
            hint = "Run the method on a pair whose sides differ."
            raise UserError("This run left no trained prompt.", hint=hint)
        return load_prompt(file, self._pair)
