"""Chats as token ids, and which of them are the assistant's."""

import itertools
from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from diffkit.engine.chats.chat_template import render_chat
from diffkit.engine.tokenization import common_prefix_length, continued_ids, document_end
from diffkit.errors import UserError

Turn = dict[str, str]
"""Role and content."""
Span = tuple[int, int]
"""First token, and the one after the last."""


def with_eos(ids: tuple[int, ...], tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
    """``ids`` with the end-of-text token at their end, once: the tokenizer may have added it."""
    end = document_end(tokenizer)
    ended = ids[-1:] in ((end,), (tokenizer.eos_token_id,))
    return ids if end is None or ended else (*ids, end)


def chat_ids(
    turns: Sequence[Turn], tokenizer: PreTrainedTokenizerBase, *, add_eos: bool = True
) -> tuple[int, ...]:
    """Token ids of a chat.

    Without a template, a chat is its contents joined by newlines, as `engine.encode` has it, and
    ends like a document: with the end-of-text token, if ``add_eos``.

    Raises:
        UserError: the template refuses the chat.
    """
    if tokenizer.chat_template:
        return _ids(tokenizer, _render(turns, tokenizer))
    return tuple(token for part in _plain(turns, tokenizer, add_eos) for token in part)


def answer_spans(
    turns: Sequence[Turn], tokenizer: PreTrainedTokenizerBase, *, add_eos: bool = True
) -> tuple[Span, ...]:
    """Where the assistant's turns stand among `chat_ids`.

    Raises:
        UserError: the template refuses the chat, or does not say where its turns end.
    """
    mine = [index for index, turn in enumerate(turns) if turn["role"] == "assistant"]
    if tokenizer.chat_template:
        return tuple(_templated_span(turns, index, tokenizer) for index in mine)
    parts = _plain(turns, tokenizer, add_eos)
    ends = [0, *itertools.accumulate(len(part) for part in parts)]
    return tuple((ends[index], ends[index + 1]) for index in mine)


def _plain(
    turns: Sequence[Turn], tokenizer: PreTrainedTokenizerBase, add_eos: bool
) -> list[tuple[int, ...]]:
    """Ids of each turn; the last ends the text, and a newline belongs to what follows it.

    A model that is asked the first turn alone so meets the very ids it was trained on.
    """
    first, *others = turns
    parts = [tuple(continued_ids(tokenizer, first["content"]))]
    parts += [_ids(tokenizer, "\n" + turn["content"]) for turn in others]
    if add_eos:
        parts[-1] = with_eos(parts[-1], tokenizer)
    return parts


def _templated_span(turns: Sequence[Turn], index: int, tokenizer: PreTrainedTokenizerBase) -> Span:
    whole = _render(turns, tokenizer)
    before = _render(turns[:index], tokenizer, add_generation_prompt=True)
    after = _render(turns[: index + 1], tokenizer)
    if not (after.startswith(before) and whole.startswith(after)):
        what = "The base's chat template writes a turn otherwise once others follow it"
        raise UserError(
            f"{what}, so which tokens are the assistant's cannot be told.",
            hint="Give chats with one answer, at the end; or use loss_on: all.",
        )
    ids = _ids(tokenizer, whole)
    # A token that holds the end of one turn and the beginning of the next belongs to the next.
    first, last = (common_prefix_length(ids, _ids(tokenizer, part)) for part in (before, after))
    return first, last


def _render(
    turns: Sequence[Turn],
    tokenizer: PreTrainedTokenizerBase,
    *,
    add_generation_prompt: bool = False,
) -> str:
    return render_chat(tokenizer, turns, add_generation_prompt=add_generation_prompt)


def _ids(tokenizer: PreTrainedTokenizerBase, text: str) -> tuple[int, ...]:
    return tuple(tokenizer(text, add_special_tokens=False).input_ids)
