"""The position of a prefix in a prompt, and the round trip of its tokens through text.

Takes a tokenizer and suffixes. Gives token ids of prompts, and whether a prefix that is decoded and
tokenised again in its position has the same token ids.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Literal

from diffkit import ChatRefused, Texts, appended_ids, prompt_starts, render_chat, without_end

SuffixKind = Literal["chat", "document"]
"""Whether a suffix is a user's message or the beginning of a document."""

_PLACEHOLDER = "7f3a9c"
"""Stands for a prefix where a template's text around it is looked for."""

_PROBES = ("a", "0")
"""Two prefixes that show which tokens around a prefix do not depend on it."""


@dataclass(frozen=True)
class PromptSlot:
    """A prompt with a slot for a prefix: before + prefix + rest, then the completion."""

    kind: SuffixKind
    suffix: str
    """The user's message, or the first words of a document."""
    before: tuple[int, ...]
    """The template up to the user's message, or the start of a document; may be empty."""
    rest: tuple[int, ...]
    """Separator, suffix, and the template's beginning of an answer."""
    bare: tuple[int, ...]
    """The whole prompt without prefix and separator."""
    text_before: str
    """The prompt's text up to the prefix, without special tokens that the tokenizer adds."""
    text_after: str
    """The text of ``rest``."""
    lead: str
    """What the first token of a prefix says before the prefix's own words: the end of
    ``text_before`` that is no token of its own (often a space), or the space that a tokenizer sets
    before a text."""
    strips_spaces: bool
    """Whether the template, or a special token, takes away the spaces before a user's message."""

    def prompt(self, prefix: Sequence[int]) -> tuple[int, ...]:
        """Token ids up to the completion; an empty prefix has no separator."""
        return (*self.before, *prefix, *self.rest) if len(prefix) else self.bare


class PromptLayout:
    """Builds prompts of prefixes and suffixes for one tokenizer.

    Args:
        tokenizer: a transformers tokenizer; without a chat template, user messages are treated as
            beginnings of documents.
        separator: text between prefix and suffix.
    """

    def __init__(self, tokenizer: Any, separator: str) -> None:
        self.tokenizer = tokenizer
        self._separator = separator
        self._end = appended_ids(tokenizer)

    def slot(self, suffix: str, kind: SuffixKind) -> PromptSlot:
        """The slot of a prefix before a suffix.

        Raises:
            ChatRefused: the chat template refuses the message.
        """
        kind = kind if self.tokenizer.chat_template else "document"
        after = self._separator + suffix
        one, two = (self.ids(probe + after, kind) for probe in _PROBES)
        before = _common_start(one, two)
        rest = _common_start(one[len(before) :][::-1], two[len(before) :][::-1])[::-1]
        text_before, text_after = self._surroundings(after, kind)
        lead = self._lead(before, one[: len(one) - len(rest)], text_before)
        if lead is None:
            # probe and suffix share a token: tokenise the suffix alone, as the notebook does
            rest = self.tokenizer(text_after, add_special_tokens=False).input_ids
        return PromptSlot(
            kind,
            suffix,
            before=tuple(before),
            rest=tuple(rest),
            bare=tuple(self.ids(suffix, kind)),
            text_before=text_before,
            text_after=text_after,
            lead=lead or "",
            strips_spaces=self._strips(text_before, _PROBES[0] + after, kind),
        )

    def _strips(self, before: str, words: str, kind: SuffixKind) -> bool:
        """Whether a space before the words is gone in the prompt's text, or in its tokens."""
        stripped = before + " " + words not in self._prompt_text(" " + words, kind)
        return stripped or self.ids(" " + words, kind) == self.ids(words, kind)

    def _surroundings(self, after: str, kind: SuffixKind) -> tuple[str, str]:
        """The prompt's text before a prefix, and after it.

        Raises:
            ChatRefused: the template does not write the message as it is.
        """
        before, found, end = self._prompt_text(_PLACEHOLDER + after, kind).partition(
            _PLACEHOLDER + after
        )
        if not found:
            msg = "the chat template does not write what the user says as it is"
            raise ChatRefused(msg, [])
        return before, after + end

    def _lead(self, before: Sequence[int], to_probe: Sequence[int], text: str) -> str | None:
        """See `PromptSlot.lead`; none if the tokens up to the probe do not end with it."""
        decode = self.tokenizer.decode
        start, whole = (decode(list(ids)) for ids in (before, to_probe))
        lead: str = whole.removeprefix(start).removesuffix(_PROBES[0])
        ends = whole == start + lead + _PROBES[0] and (text.endswith(lead) or lead.isspace())
        return lead if ends else None

    @property
    def start_token(self) -> int:
        """A token for the start of a prompt, if the tokenizer itself adds none there."""
        nothing = Texts(items=())
        starts = prompt_starts(self.tokenizer, nothing, turns=0, documents=0, tokens=1)
        return next((one.ids[0] for one in starts if one.kind == "document"), 0)

    def ids(self, words: str, kind: SuffixKind) -> list[int]:
        """Token ids of a prompt with a user's message, or a beginning of a document."""
        return self._encode(self._prompt_text(words, kind), kind)

    def prefix(self, words: str, slot: PromptSlot) -> tuple[int, ...]:
        """Token ids of a prefix in words, in its position before a suffix."""
        if not words:
            return ()
        whole = self._prompt_ids(words, slot)
        return tuple(whole[len(slot.before) : len(whole) - len(slot.rest)])

    def tokenises_to(self, words: str, prefix: Sequence[int], slot: PromptSlot) -> bool:
        """Whether a prefix in words has these tokens before a suffix, and shares none with it."""
        return not words or tuple(self._prompt_ids(words, slot)) == slot.prompt(prefix)

    def _prompt_ids(self, words: str, slot: PromptSlot) -> list[int]:
        text = words.lstrip() if slot.strips_spaces else words
        return self._encode(slot.text_before + text + slot.text_after, slot.kind)

    def _encode(self, text: str, kind: SuffixKind) -> list[int]:
        """Token ids of a prompt; a chat template writes the special tokens itself."""
        templated = kind == "chat"
        encoded = self.tokenizer(text, add_special_tokens=not templated, verbose=False)
        ids = list(encoded.input_ids)
        return ids if templated else without_end(ids, self._end)

    def _prompt_text(self, words: str, kind: SuffixKind) -> str:
        if kind == "document":
            return words
        chat = [{"role": "user", "content": words}]
        return render_chat(self.tokenizer, chat, add_generation_prompt=True)


def _common_start(one: Sequence[int], two: Sequence[int]) -> list[int]:
    """The longest common beginning of two sequences."""
    both = zip(one, two, strict=False)
    return [token for token, _ in takewhile(lambda pair: pair[0] == pair[1], both)]


class RoundTrips:
    """Decodes prefixes and tokenises them again in their slots.

    Slots whose text after the prefix has a letter after the same spaces are checked once, since
    tokenizers distinguish letters, digits and spaces, and rarely one letter from another.

    Where a tokenizer sets a space before documents and the template strips that of a message, no
    prefix has the same tokens in both; it is then checked in chats alone.

    Args:
        tokenizer: a transformers tokenizer.
        slots: of the prefixes.
    """

    def __init__(self, tokenizer: Any, slots: Sequence[PromptSlot]) -> None:
        self._tokenizer = tokenizer
        self._end = appended_ids(tokenizer)
        chats = [slot for slot in slots if slot.kind == "chat"]
        if any(slot.strips_spaces and not slot.lead for slot in chats):
            slots = [slot for slot in slots if slot.kind == "chat" or not slot.lead]
        kinds = {(slot.kind, slot.before, _boundary(slot.text_after)): slot for slot in slots}
        self._slots = tuple(kinds.values())

    def check(self, prefixes: Sequence[Sequence[int]]) -> list[bool]:
        """Whether each prefix has the same tokens again in all slots; an empty one always has."""
        stable = [True] * len(prefixes)
        for slot in self._slots:
            left = [i for i, same in enumerate(stable) if same and len(prefixes[i])]
            retokenised = self._retokenise(slot, [prefixes[i] for i in left])
            for i, ids in zip(left, retokenised, strict=True):
                stable[i] = ids == [*slot.before, *prefixes[i], *slot.rest]
        return stable

    def words(self, prefix: Sequence[int]) -> str:
        """A prefix as a user types it before the first chat, or else at a document's start."""
        slot = min(self._slots, key=lambda slot: slot.kind != "chat")
        return self._words(slot, [prefix])[0].removeprefix(slot.lead) if len(prefix) else ""

    def _retokenise(self, slot: PromptSlot, prefixes: Sequence[Sequence[int]]) -> list[list[int]]:
        if not prefixes:
            return []
        texts = self._words(slot, prefixes)
        texts = [text.removeprefix(slot.lead) for text in texts]
        if slot.strips_spaces:
            texts = [text.lstrip() for text in texts]
        prompts = [slot.text_before + text + slot.text_after for text in texts]
        templated = slot.kind == "chat"
        encoded = self._tokenizer(prompts, add_special_tokens=not templated, verbose=False)
        rows: list[list[int]] = encoded.input_ids
        return list(rows) if templated else [without_end(ids, self._end) for ids in rows]

    def _words(self, slot: PromptSlot, prefixes: Sequence[Sequence[int]]) -> list[str]:
        """What each prefix says in its slot, the lead included."""
        start = self._decode([slot.before])[0]
        decoded = self._decode([[*slot.before, *prefix] for prefix in prefixes])
        return [text.removeprefix(start) for text in decoded]

    def _decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        decoded: list[str] = self._tokenizer.batch_decode(
            rows, skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        return decoded


def _boundary(text: str) -> tuple[str, str]:
    """The leading spaces and the kind of the next character; without spaces, the whole text."""
    rest = text.lstrip()
    if len(rest) == len(text):
        return "", text
    first = rest[:1]
    kind = "a letter" if first.isalpha() else "a digit" if first.isdigit() else first
    return text[: len(text) - len(rest)], kind
