"""Answers that fit a schema."""

from typing import TypeVar

from pydantic import ValidationError

from diffkit import Record
from diffkit_evaluators.lm.body import Messages
from diffkit_evaluators.lm.errors import Malformed, Refused
from diffkit_evaluators.lm.extract import objects
from diffkit_evaluators.lm.model import LanguageModel
from diffkit_evaluators.lm.reply import Reply
from diffkit_evaluators.lm.schemas import in_words, title_of

R = TypeVar("R", bound=Record)
_SHOWN = 3  # things that are wrong
_REASON = 200  # characters of a refusal


def structured(model: LanguageModel, messages: Messages, schema: type[R], *, tries: int = 3) -> R:
    """Asks until the answer fits ``schema``, saying each time what was wrong.

    The last object in the answer that fits is taken: what stands before it may be a quotation. An
    answer that does not fit, or refuses, is not remembered, so that what failed may be mended.

    Raises:
        Refused: the model refused.
        Malformed: no answer of ``tries`` fits.
        LanguageModelError: there was none, see `LanguageModel.complete`.
    """
    conversation, wrong = [*messages], ""
    for _ in range(tries):
        reply = model.complete(conversation, schema=schema)
        read = reply.refusal or _read(reply, schema)
        if isinstance(read, schema):
            return read
        model.disown()
        if reply.refusal:
            raise Refused(" ".join(reply.refusal.split())[:_REASON])
        wrong = str(read)
        complaint = f"That cannot be read: {wrong}\n{in_words(schema)}"
        conversation += [reply.message, {"role": "user", "content": complaint}]
    raise Malformed(f"No answer of {tries} fits {title_of(schema)}: {wrong}")


def _read(reply: Reply, schema: type[R]) -> R | str:
    """What fits, or what is wrong."""
    wrong = "the answer is empty." if not reply.text.strip() else "there is no JSON object."
    for number, found in enumerate(reversed(objects(reply.text))):
        try:
            return schema.model_validate(found)
        except ValidationError as error:
            wrong = _wrong(error) if number == 0 else wrong
    cut = " The answer was cut off; be shorter." if reply.finish == "length" else ""
    return f"{wrong}{cut}"


def _wrong(error: ValidationError) -> str:
    """What is wrong, field by field, without what was written there."""
    said = [
        f"{'.'.join(map(str, one['loc'])) or 'the object'}: {one['msg']}"
        for one in error.errors(include_input=False, include_url=False)
    ]
    more = f"; {len(said) - _SHOWN} more" if len(said) > _SHOWN else ""
    return f"{'; '.join(said[:_SHOWN])}{more}."
