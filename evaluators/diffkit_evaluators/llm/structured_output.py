"""Answers that match a schema."""

from typing import TypeVar

from pydantic import ValidationError

from diffkit import Record
from diffkit_evaluators.llm.errors import Malformed, Refused
from diffkit_evaluators.llm.json_text import find_objects
from diffkit_evaluators.llm.model import LanguageModel
from diffkit_evaluators.llm.request import Messages, schema_instruction, title_of
from diffkit_evaluators.llm.response import Reply

R = TypeVar("R", bound=Record)

_MAX_PROBLEMS = 3  # things that are wrong

_MAX_REASON = 200  # characters of a refusal


def complete_structured(
    model: LanguageModel, messages: Messages, schema: type[R], *, tries: int = 3
) -> R:
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
        read = reply.refusal or _parse(reply, schema)
        if isinstance(read, schema):
            return read
        model.discard_last()
        if reply.refusal:
            raise Refused(" ".join(reply.refusal.split())[:_MAX_REASON])
        wrong = str(read)
        complaint = f"That cannot be read: {wrong}\n{schema_instruction(schema)}"
        conversation += [reply.message, {"role": "user", "content": complaint}]
    raise Malformed(f"No answer of {tries} fits {title_of(schema)}: {wrong}")


def _parse(reply: Reply, schema: type[R]) -> R | str:
    """What fits, or what is wrong."""
    wrong = "the answer is empty." if not reply.text.strip() else "there is no JSON object."
    for number, found in enumerate(reversed(find_objects(reply.text))):
        try:
            return schema.model_validate(found)
        except ValidationError as error:
            wrong = _problems(error) if number == 0 else wrong
    cut = " The answer was cut off; be shorter." if reply.finish == "length" else ""
    return f"{wrong}{cut}"


def _problems(error: ValidationError) -> str:
    """What is wrong, field by field, without what was written there."""
    said = [
        f"{'.'.join(map(str, one['loc'])) or 'the object'}: {one['msg']}"
        for one in error.errors(include_input=False, include_url=False)
    ]
    more = f"; {len(said) - _MAX_PROBLEMS} more" if len(said) > _MAX_PROBLEMS else ""
    return f"{'; '.join(said[:_MAX_PROBLEMS])}{more}."
