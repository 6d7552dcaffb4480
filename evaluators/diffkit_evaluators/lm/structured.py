"""Answers that fit a schema."""

from typing import TypeVar

from diffkit import Record
from diffkit_evaluators.lm.model import LanguageModel, Messages

R = TypeVar("R", bound=Record)


def structured(model: LanguageModel, messages: Messages, schema: type[R], *, tries: int = 3) -> R:
    """Asks until the answer fits ``schema``, saying each time what was wrong.

    Raises:
        Refused: the model refused.
        Malformed: no answer of ``tries`` fits.
        LanguageModelError: there was none, see `LanguageModel.complete`.
    """
    raise NotImplementedError
