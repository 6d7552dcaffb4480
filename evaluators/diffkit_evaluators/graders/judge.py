"""Options and checks that all graders with a language model share."""

from pydantic import Field, field_validator

from diffkit import MethodConfig, UserError
from diffkit_evaluators.llm import ChatConfig, ChatModel, check_ready, model_family

CHARACTERS_PER_TOKEN = 3
"""Characters per token of English prompts and schemas; a low value, for estimates alone."""

TRIES = 3
"""Maximum number of requests for one answer, until it matches its schema."""


class JudgeConfig(ChatConfig):
    """Options of graders with a language model: repeats, and the part of a claim that is read."""

    repeats: int = Field(default=3, ge=1, le=15)
    """Number of times that each claim is judged, an odd number; each with another nonce."""
    claim_characters: int = Field(default=2_000, ge=100, le=20_000)
    """Number of characters of a claim that are read, from its beginning."""
    allow_same_family: bool = False
    """Whether the judge may be of the investigator's model family. Such judges prefer the text of
    their own family."""

    @field_validator("repeats")
    @classmethod
    def _odd(cls, repeats: int) -> int:
        if repeats % 2 == 0:
            msg = "must be odd, so that one of the repeats is the middle one"
            raise ValueError(msg)
        return repeats


def check_judge(config: JudgeConfig, investigator: MethodConfig) -> None:
    """Refuses a judge of the investigator's family, and one that cannot be called.

    Raises:
        UserError: the judge is named, and is one of these.
    """
    refuse_own_family(config, investigator)
    if config.model is not None:
        check_ready(config, "grader")


def refuse_own_family(config: JudgeConfig, investigator: MethodConfig) -> None:
    """Refuses a judge of the investigator's model family.

    Raises:
        UserError: it is of that family, and ``allow_same_family`` is not set.
    """
    theirs = getattr(investigator, "model", None)
    if config.model is None or config.allow_same_family or not isinstance(theirs, ChatModel):
        return
    if model_family(theirs.name) == model_family(config.model.name):
        what = (
            f"The grader's model {config.model.name!r} is of the family of the investigator's, "
            f"{theirs.name!r}: such judges favour their own."
        )
        hint = "Take a grader of another family, or set its option allow_same_family=true."
        raise UserError(what, hint=hint)
