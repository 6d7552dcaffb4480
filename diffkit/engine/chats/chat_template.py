"""Chats as a model's chat template writes them."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from diffkit.errors import ChatRefused, first_line

TEMPLATE_DAY = datetime(2025, 1, 1)
"""What chat templates take for now: midnight of the first of January 2025."""

_RANDOM = re.compile(r"\|\s*random\b|map\(\s*['\"]random['\"]|\blipsum\b")
"""What draws at random in Jinja."""


def render_chat(tokenizer: Any, messages: Sequence[Mapping[str, str]], **wanted: bool) -> str:
    """A chat as the chat template writes it, the same on every day.

    What a template writes of the time is that of `TEMPLATE_DAY`.

    Args:
        tokenizer: a transformers tokenizer with a chat template.
        messages: roles and contents.
        wanted: ``add_generation_prompt`` or ``continue_final_message``.

    Raises:
        ChatRefused: the template refuses the chat, or writes something random.
    """
    templates = chat_templates(tokenizer)
    if any(_RANDOM.search(template) for template in templates):
        raise ChatRefused("it draws at random, so that no result could be repeated", messages)
    clock = any("strftime_now" in template for template in templates)
    own = {"strftime_now": TEMPLATE_DAY.strftime} if clock else {}
    try:
        rendered: str = tokenizer.apply_chat_template(
            list(messages), tokenize=False, **wanted, **own
        )
    except Exception as error:  # a template may fail in any way
        raise ChatRefused(first_line(error), messages) from error
    return rendered


def chat_templates(tokenizer: Any) -> tuple[str, ...]:
    """The chat template, or several of one tokenizer."""
    template = tokenizer.chat_template
    return tuple(template.values()) if isinstance(template, Mapping) else (template or "",)
