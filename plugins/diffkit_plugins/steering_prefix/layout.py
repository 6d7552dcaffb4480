"""Where a prefix stands in a prompt."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["chat", "document"]
"""Whether a suffix is what a user says, or how a document begins."""

_STAND_INS = ("a", "0")
"""Two prefixes, to see which tokens around a prefix are the same whatever it is."""


@dataclass(frozen=True)
class Place:
    """A prompt with room for a prefix: before + prefix + rest, and the completion follows."""

    kind: Kind
    suffix: str
    """The user's words, or a document's first ones."""
    before: tuple[int, ...]
    """The template up to the user's words, or a document's start; may be empty."""
    rest: tuple[int, ...]
    """Separator, suffix, and the template's opening of an answer."""
    bare: tuple[int, ...]
    """The whole prompt where there is neither prefix nor separator."""
    words_before: str
    """What ``before`` is tokenised from, special tokens that the tokenizer adds left out."""
    words_after: str
    """What ``rest`` is tokenised from."""
    trims: bool
    """Whether the template takes away the spaces that a prefix begins with."""

    def prompt(self, prefix: Sequence[int]) -> tuple[int, ...]:
        """Token ids up to the completion; without a prefix there is no separator either."""
        return (*self.before, *prefix, *self.rest) if len(prefix) else self.bare


class Layout:
    """Makes prompts of prefixes and suffixes, as one tokenizer writes them.

    Args:
        tokenizer: a transformers tokenizer; without a chat template, what a user says is the
            beginning of a document.
        separator: what stands between prefix and suffix.
    """

    def __init__(self, tokenizer: Any, separator: str) -> None:
        self.tokenizer = tokenizer
        self._separator = separator

    def place(self, suffix: str, kind: Kind) -> Place:
        """Room for a prefix before a suffix.

        Raises:
            jinja2.TemplateError: the chat template refuses what the user says.
        """
        kind = kind if self.tokenizer.chat_template else "document"
        after = self._separator + suffix
        one, two = (self.ids(stand_in + after, kind) for stand_in in _STAND_INS)
        before = _shared(one, two)
        rest = _shared(one[len(before) :][::-1], two[len(before) :][::-1])[::-1]
        around = self._words(_STAND_INS[0] + after, kind)
        words_before, _, words_after = around.partition(_STAND_INS[0] + after)
        words_after = after + words_after
        if self.tokenizer.decode(rest).strip() != words_after.strip():
            # the stand-ins grew together with the suffix: the notebook's way, each for itself
            rest = self.tokenizer(words_after, add_special_tokens=False).input_ids
        return Place(
            kind,
            suffix,
            before=tuple(before),
            rest=tuple(rest),
            bare=tuple(self.ids(suffix, kind)),
            words_before=words_before,
            words_after=words_after,
            trims=" " + _STAND_INS[0] + after not in self._words(" " + _STAND_INS[0] + after, kind),
        )

    @property
    def opening(self) -> int:
        """A token to stand before the first word, where the tokenizer itself sets none there."""
        for token in (self.tokenizer.bos_token_id, self.tokenizer.eos_token_id):
            if token is not None:
                return int(token)
        return 0

    def ids(self, words: str, kind: Kind) -> list[int]:
        """Token ids of a prompt in which a user says something, or a document begins."""
        return self._encoded(self._words(words, kind), kind)

    def prefix(self, words: str, place: Place) -> tuple[int, ...]:
        """Token ids of a prefix given in words, as they stand before a suffix."""
        if not words:
            return ()
        whole = self._whole(words, place)
        return tuple(whole[len(place.before) : len(whole) - len(place.rest)])

    def stands(self, words: str, prefix: Sequence[int], place: Place) -> bool:
        """Whether a prefix in words is these tokens before a suffix, and grows into nothing."""
        return not words or tuple(self._whole(words, place)) == place.prompt(prefix)

    def _whole(self, words: str, place: Place) -> list[int]:
        said = words.lstrip() if place.trims else words
        return self._encoded(place.words_before + said + place.words_after, place.kind)

    def _encoded(self, text: str, kind: Kind) -> list[int]:
        """Token ids of a whole text; a template writes the special tokens itself."""
        templated = kind == "chat"
        encoded = self.tokenizer(text, add_special_tokens=not templated, verbose=False)
        return list(encoded.input_ids)

    def _words(self, words: str, kind: Kind) -> str:
        if kind == "document":
            return words
        chat = [{"role": "user", "content": words}]
        rendered: str = self.tokenizer.apply_chat_template(
            chat, tokenize=False, add_generation_prompt=True
        )
        return rendered


def _shared(one: Sequence[int], two: Sequence[int]) -> list[int]:
    """What two sequences begin with in common."""
    ends = (i for i, pair in enumerate(zip(one, two, strict=False)) if pair[0] != pair[1])
    return list(one[: next(ends, min(len(one), len(two)))])
