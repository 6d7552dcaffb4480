"""Tools as the language model sees them: arguments with a JSON Schema, a result as text.

The words and bounds of the arguments enter the prompt.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, StringConstraints, ValidationError, field_validator

from diffkit import BlindTool, Record, UserError, json_schema
from diffkit_evaluators.llm import delimit_untrusted

Handle = Literal["model-1", "model-2"]

Change = Literal["none", "unspecific", "targeted", "unsure"]

Probability = Annotated[float, Field(ge=0, le=1)]

Words = Annotated[str, StringConstraints(min_length=1, max_length=4000)]

Claim = Annotated[str, StringConstraints(max_length=4000)]


ARGUMENTS_VERSION = 1
"""Raised when a word that a language model reads here changes, with both agents' `version`."""


class AskModels(
    Record,
    title="AskModels",
    json_schema_extra={
        "description": (
            "Puts prompts to both models, each as a user's message of its own, and "
            "shows the answers."
        )
    },
):
    """Puts prompts to both models, each as a user's message of its own, and shows the answers."""

    prompts: tuple[Words, ...] = Field(
        min_length=1,
        max_length=20,
        description="The prompts. Each counts as one question, however many answers are drawn.",
    )
    samples: int = Field(
        default=1,
        ge=1,
        le=8,
        description=(
            "Answers drawn from each model for each prompt; more than one needs a "
            "temperature above 0."
        ),
    )
    temperature: float = Field(
        default=0.0,
        ge=0,
        le=2,
        description="Softmax temperature; 0 gives each model's likeliest answer.",
    )
    max_new_tokens: int = Field(
        default=64, ge=1, le=512, description="Length of an answer at most, in tokens."
    )

    @field_validator("prompts", mode="before")
    @classmethod
    def _one_string_is_one_prompt(cls, prompts: Any) -> Any:
        return (prompts,) if isinstance(prompts, str) else prompts


class ListFindings(
    Record,
    title="ListFindings",
    json_schema_extra={"description": "Lists all findings: name, kind, title and size of each."},
):
    """Lists all findings: name, kind, title and size of each."""


class ReadFinding(
    Record, title="ReadFinding", json_schema_extra={"description": "Shows a finding row by row."}
):
    """Shows a finding row by row."""

    name: str = Field(description="Name of the finding, as list_findings gives it.")
    first: int = Field(default=1, ge=1, description="First row shown, from 1.")
    rows: int = Field(default=20, ge=1, le=50, description="Rows shown at most.")


class NoteHypothesis(
    Record,
    title="NoteHypothesis",
    json_schema_extra={
        "description": (
            "Notes what the verdict would be, were it due now. It costs no question "
            "and ends nothing."
        )
    },
):
    """Notes what the verdict would be, were it due now. It costs no question and ends nothing."""

    change: Change = Field(description="What was done, as far as is known.")
    p_targeted: Probability = Field(
        description=("Probability that the models differ by something of one purpose.")
    )
    claim: Claim | None = Field(
        default=None,
        description="What the difference is, in words; null where nothing is claimed.",
    )
    p_claim: Probability | None = Field(
        default=None,
        description="Probability that the claim is right, where something targeted was done.",
    )
    ranking: tuple[str, ...] = Field(
        default=(),
        description=(
            "Handles of the candidates, likeliest first; empty where no candidates are shown."
        ),
    )


class Bet(
    Record,
    title="Bet",
    json_schema_extra={
        "description": (
            "A bet on the models: one answers a prompt with a phrase more often than the other."
        )
    },
):
    """A bet on the models: one answers a prompt with a phrase more often than the other."""

    prompt: Words = Field(description="User message that was not asked before.")
    phrase: Words = Field(description="What its answers hold; capitals make no difference.")
    model: Handle = Field(description="The model whose answers hold it more often.")
    p: Probability = Field(default=0.9, description="Probability given to that.")


class SubmitVerdict(
    Record,
    title="SubmitVerdict",
    json_schema_extra={"description": "Commits to a verdict, and ends the investigation."},
):
    """Commits to a verdict, and ends the investigation."""

    change: Change = Field(
        description=(
            "none: the models do not differ. unspecific: they differ by noise or by "
            "general training,\nwithout one purpose. targeted: they differ by "
            "something of one purpose. unsure: the evidence\ndoes not say."
        )
    )
    p_targeted: Probability = Field(
        description=(
            "Probability that the models differ by something of one purpose; given in any case."
        )
    )
    claim: Claim | None = Field(
        default=None,
        description=(
            "What the difference is, in words: which model does what, where, and "
            "what it was trained for.\nNull where nothing is claimed."
        ),
    )
    p_claim: Probability | None = Field(
        default=None,
        description="Probability that the claim is right, where something targeted was done.",
    )
    ranking: tuple[str, ...] = Field(
        default=(),
        description=(
            "Handles of the candidates, likeliest first; none-of-these stands "
            "before those that are less\nlikely than that the truth is not among "
            "them. Empty where no candidates are shown."
        ),
    )
    predictions: tuple[Bet, ...] = Field(
        default=(),
        max_length=10,
        description="Bets that would tell the models apart, on prompts that were not asked.",
    )
    cited: tuple[str, ...] = Field(
        default=(), description=("Names of the findings and questions that the verdict rests on.")
    )


A = TypeVar("A", bound=Record)


@dataclass(frozen=True)
class LLMTool:
    """A tool that the language model may call."""

    name: str
    summary: str
    schema: Mapping[str, Any]
    """JSON Schema of its arguments."""
    call: Callable[[str], str]
    """Takes arguments as text, gives the result as text; a `UserError` is shown as a result too."""

    @property
    def declaration(self) -> dict[str, Any]:
        """The declaration in the format of the chat completions API."""
        function = {"name": self.name, "description": self.summary, "parameters": self.schema}
        return {"type": "function", "function": function}


def tool_from_schema(name: str, arguments: type[A], answer: Callable[[A], str]) -> LLMTool:
    """A tool whose arguments are a `Record`; its summary is the description of their schema."""

    def call(text: str) -> str:
        return answer(parse_arguments(text, arguments))

    schema = json_schema(arguments)
    return LLMTool(name, schema["description"], schema, call)


def tool_from_method(
    tool: BlindTool, nonce: str, limit: int, spend: Callable[[tuple[str, ...]], None]
) -> LLMTool:
    """A method's tool, with delimited results.

    Args:
        tool: the tool.
        nonce: nonce of the delimiters.
        limit: maximum length of a result, in characters.
        spend: receives the prompts of a call before they are sent to a model; may refuse them.
    """

    def call(text: str) -> str:
        given = _parse_mapping(text)
        spend(tool.prompts(given))
        return delimit_untrusted(tool.call(given), nonce, limit)

    return LLMTool(tool.name, tool.summary, tool.schema, call)


def parse_arguments(text: str, arguments: type[A]) -> A:
    """Parses and validates arguments.

    Raises:
        UserError: they are no JSON, or do not match the schema; the message names each field.
    """
    try:
        return arguments.model_validate_json(text.strip() or "{}")
    except ValidationError as error:
        what = f"{'; '.join(_problems(error))}."
        raise UserError(what, hint="Mend that and call again.") from error


def _problems(error: ValidationError) -> list[str]:
    return [
        f"{'.'.join(map(str, one['loc'])) or 'arguments'}: {one['msg']}"
        for one in error.errors(include_url=False, include_input=False)
    ]


def _parse_mapping(text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text.strip() or "{}")
    except json.JSONDecodeError as error:
        raise UserError(f"arguments: {error}.", hint="Give a JSON object.") from error
    if not isinstance(value, dict):
        raise UserError("arguments: no object.", hint="Give a JSON object.")
    return value
