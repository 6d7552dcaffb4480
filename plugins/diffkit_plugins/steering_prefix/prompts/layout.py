"""The position of a prefix in a prompt, and whether its tokens survive a round trip.

Takes a tokenizer and suffixes. Gives the token ids of prompts, and tells whether a prefix that is
decoded and tokenised again in its position has the same token ids.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

SuffixKind = Literal["chat", "document"]
"""Whether a suffix is what a user says, or how a document begins."""

_PROBES = ("a", "0")
"""Two prefixes, to see which tokens around a prefix are the same whatever it is."""


@dataclass(frozen=True)
class PromptSlot:
    """A prompt with room for a prefix: before + prefix + rest, and the completion follows."""

    kind: SuffixKind
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


class PromptLayout:
    """Makes prompts of prefixes and suffixes, as one tokenizer writes them.

    Args:
        tokenizer: a transformers tokenizer; without a chat template, what a user says is the
            beginning of a document.
        separator: what stands between prefix and suffix.
    """

    def __init__(self, tokenizer: Any, separator: str) -> None:
        self.tokenizer = tokenizer
        self._separator = separator

    def place(self, suffix: str, kind: SuffixKind) -> PromptSlot:
        """Room for a prefix before a suffix.

        Raises:
            jinja2.TemplateError: the chat template refuses what the user says.
        """
        kind = kind if self.tokenizer.chat_template else "document"
        after = self._separator + suffix
        one, two = (self.ids(stand_in + after, kind) for stand_in in _PROBES)
        before = _common_start(one, two)
        rest = _common_start(one[len(before) :][::-1], two[len(before) :][::-1])[::-1]
        around = self._words(_PROBES[0] + after, kind)
        words_before, _, words_after = around.partition(_PROBES[0] + after)
        words_after = after + words_after
        if self.tokenizer.decode(rest).strip() != words_after.strip():
            # the stand-ins grew together with the suffix: the notebook's way, each for itself
            rest = self.tokenizer(words_after, add_special_tokens=False).input_ids
        return PromptSlot(
            kind,
            suffix,
            before=tuple(before),
            rest=tuple(rest),
            bare=tuple(self.ids(suffix, kind)),
            words_before=words_before,
            words_after=words_after,
            trims=" " + _PROBES[0] + after not in self._words(" " + _PROBES[0] + after, kind),
        )

    @property
    def opening(self) -> int:
        """A token to stand before the first word, where the tokenizer itself sets none there."""
        for token in (self.tokenizer.bos_token_id, self.tokenizer.eos_token_id):
            if token is not None:
                return int(token)
        return 0

    def ids(self, words: str, kind: SuffixKind) -> list[int]:
        """Token ids of a prompt in which a user says something, or a document begins."""
        return self._encoded(self._words(words, kind), kind)

    def prefix(self, words: str, place: PromptSlot) -> tuple[int, ...]:
        """Token ids of a prefix given in words, as they stand before a suffix."""
        if not words:
            return ()
        whole = self._whole(words, place)
        return tuple(whole[len(place.before) : len(whole) - len(place.rest)])

    def stands(self, words: str, prefix: Sequence[int], place: PromptSlot) -> bool:
        """Whether a prefix in words is these tokens before a suffix, and grows into nothing."""
        return not words or tuple(self._whole(words, place)) == place.prompt(prefix)

    def _whole(self, words: str, place: PromptSlot) -> list[int]:
        said = words.lstrip() if place.trims else words
        return self._encoded(place.words_before + said + place.words_after, place.kind)

    def _encoded(self, text: str, kind: SuffixKind) -> list[int]:
        """Token ids of a whole text; a template writes the special tokens itself."""
        templated = kind == "chat"
        encoded = self.tokenizer(text, add_special_tokens=not templated, verbose=False)
        return list(encoded.input_ids)

    def _words(self, words: str, kind: SuffixKind) -> str:
        if kind == "document":
            return words
        chat = [{"role": "user", "content": words}]
        rendered: str = self.tokenizer.apply_chat_template(
            chat, tokenize=False, add_generation_prompt=True
        )
        return rendered


def _common_start(one: Sequence[int], two: Sequence[int]) -> list[int]:
    """What two sequences begin with in common."""
    ends = (i for i, pair in enumerate(zip(one, two, strict=False)) if pair[0] != pair[1])
    return list(one[: next(ends, min(len(one), len(two)))])


class RoundTrips:
    """Decodes prefixes and tokenises them again in their places.

    Places whose words after a prefix begin with a letter after the same spaces count as one, since
    tokenizers tell letters, digits and spaces apart, and hardly one letter from another.

    Args:
        tokenizer: a transformers tokenizer.
        places: where prefixes are to stand.
    """

    def __init__(self, tokenizer: Any, places: Sequence[PromptSlot]) -> None:
        self._tokenizer = tokenizer
        kinds = {
            (place.kind, place.before, _boundary(place.words_after)): place for place in places
        }
        self._places = tuple(kinds.values())

    def __call__(self, prefixes: Sequence[Sequence[int]]) -> list[bool]:
        """Whether each prefix is itself again in all places; none at all always is."""
        kept = [True] * len(prefixes)
        for place in self._places:
            live = [i for i, keeps in enumerate(kept) if keeps and len(prefixes[i])]
            wholes = self._again(place, [prefixes[i] for i in live])
            for i, whole in zip(live, wholes, strict=True):
                kept[i] = whole == [*place.before, *prefixes[i], *place.rest]
        return kept

    def _again(self, place: PromptSlot, prefixes: Sequence[Sequence[int]]) -> list[list[int]]:
        if not prefixes:
            return []
        start = self._decode([place.before])[0]
        decoded = self._decode([[*place.before, *prefix] for prefix in prefixes])
        said = [words.removeprefix(start) for words in decoded]
        if place.trims:
            said = [words.lstrip() for words in said]
        whole = [place.words_before + words + place.words_after for words in said]
        templated = place.kind == "chat"
        encoded = self._tokenizer(whole, add_special_tokens=not templated, verbose=False)
        return list(encoded.input_ids)

    def _decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        decoded: list[str] = self._tokenizer.batch_decode(
            rows, skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        return decoded


def _boundary(words: str) -> tuple[str, str]:
    """The spaces that words begin with, and the kind of what follows; without spaces, itself."""
    rest = words.lstrip()
    if len(rest) == len(words):
        return "", words
    first = rest[:1]
    kind = "a letter" if first.isalpha() else "a digit" if first.isdigit() else first
    return words[: len(words) - len(rest)], kind
