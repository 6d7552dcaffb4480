"""Whether tokens are what their own words are tokenised to."""

from collections.abc import Sequence
from typing import Any

from diffkit_plugins.steering_prefix.layout import Place


class ReadsBack:
    """Decodes prefixes and tokenises them again in their places.

    Places whose words after a prefix begin with a letter after the same spaces count as one, since
    tokenizers tell letters, digits and spaces apart, and hardly one letter from another.

    Args:
        tokenizer: a transformers tokenizer.
        places: where prefixes are to stand.
    """

    def __init__(self, tokenizer: Any, places: Sequence[Place]) -> None:
        self._tokenizer = tokenizer
        kinds = {(place.kind, place.before, _seam(place.words_after)): place for place in places}
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

    def _again(self, place: Place, prefixes: Sequence[Sequence[int]]) -> list[list[int]]:
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


def _seam(words: str) -> tuple[str, str]:
    """The spaces that words begin with, and the kind of what follows; without spaces, itself."""
    rest = words.lstrip()
    if len(rest) == len(words):
        return "", words
    first = rest[:1]
    kind = "a letter" if first.isalpha() else "a digit" if first.isdigit() else first
    return words[: len(words) - len(rest)], kind
