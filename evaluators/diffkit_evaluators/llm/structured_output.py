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

_MAX_PROBLEMS = 3  # that are shown to the model

_MAX_REASON = 200  # characters of a refusal


def complete_structured(
    model: LanguageModel, messages: Messages, schema: type[R], *, tries: int = 3
) -> R:
    """Asks until an answer matches ``schema``, with the errors of the answer before.

    The last JSON object of the answer that matches is used, as an earlier one may be a quotation.
    Answers that do not match, and refusals, are not cached: a repeated evaluation asks again.

    Raises:
        Refused: the model refused.
        Malformed: none of ``tries`` answers matches.
        LanguageModelError: there was no answer, see `LanguageModel.complete`.
    """
    conversation, problem = [*messages], ""
    for _ in range(tries):
        reply = model.complete(conversation, schema=schema)
        parsed = reply.refusal or _parse(reply, schema)
        if isinstance(parsed, schema):
            return parsed
        model.discard_last()
        if reply.refusal:
            raise Refused(" ".join(reply.refusal.split())[:_MAX_REASON])
        problem = str(parsed)
        complaint = f"That cannot be read: {problem}\n{schema_instruction(schema)}"
        conversation += [reply.message, {"role": "user", "content": complaint}]
    raise Malformed(f"No answer of {tries} fits {title_of(schema)}: {problem}")


def _parse(reply: Reply, schema: type[R]) -> R | str:
    """The object that matches, or a description of the problem."""
    problem = "the answer is empty." if not reply.text.strip() else "there is no JSON object."
    for number, found in enumerate(reversed(find_objects(reply.text))):
        try:
            return schema.model_validate(found)
        except ValidationError as error:
            problem = _problems(error) if number == 0 else problem
    cut = " The answer was cut off; be shorter." if reply.finish == "length" else ""
    return f"{problem}{cut}"


def _problems(error: ValidationError) -> str:
    """What is wrong, field by field, without the values that were given."""
    problems = [
        f"{'.'.join(map(str, one['loc'])) or 'the object'}: {one['msg']}"
        for one in error.errors(include_input=False, include_url=False)
    ]
    count = len(problems) - _MAX_PROBLEMS
    more = f"; {count} more" if count > 0 else ""
    return f"{'; '.join(problems[:_MAX_PROBLEMS])}{more}."
