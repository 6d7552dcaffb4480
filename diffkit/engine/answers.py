"""Where in a chat the assistant begins to speak."""

from typing import Any

from diffkit.engine.encode import STAND_IN, ids_of, shared_length, written
from diffkit.texts import Message, Text


def answer_start(tokenizer: Any, text: Text) -> int | None:
    """Place of the first token of a chat's first answer, among the token ids of the whole chat.

    Found exactly: what stands before the answer's content is tokenised too, and both are compared
    token by token. A token that holds the end of what the template writes and the beginning of the
    content is the answer's.

    Args:
        tokenizer: a transformers tokenizer; without a chat template, a chat is its contents, joined
            by newlines.
        text: a document or a chat.

    Returns:
        None for a document and for a chat without an answer; and where a template refuses the
        chat, or lets what it writes before an answer depend on the answer.
    """
    from jinja2 import TemplateError

    roles = [message.role for message in text.messages]
    if "assistant" not in roles:
        return None
    place = roles.index("assistant")
    stand_in = Message(role="assistant", content=STAND_IN)
    other = Text(messages=(*text.messages[:place], stand_in, *text.messages[place + 1 :]))
    try:
        (words, templated), (with_stand_in, _) = (written(tokenizer, t) for t in (text, other))
    except TemplateError:
        return None
    before, found, _ = with_stand_in.partition(STAND_IN)
    if not found or not words.startswith(before):
        return None
    whole, part = (ids_of(tokenizer, w, templated=templated) for w in (words, before))
    return shared_length(whole, part)
