"""Labels of tokens: a system's, user's or assistant's words, the template's, or a document's."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from diffkit.engine.positions.content_spans import content_spans
from diffkit.engine.tokenization import common_prefix_length, rendered_text, token_ids
from diffkit.options.text_files import replace_surrogates
from diffkit.texts import POSITION_LABELS, PositionLabel, Text

_ROLES: dict[str, PositionLabel] = {"system": "system", "user": "user", "assistant": "answer"}
_PADDING = -1


def position_labels(
    tokenizer: Any, text: Text, max_tokens: int | None = None
) -> tuple[PositionLabel, ...]:
    """The label of each token of a text, in the order of the token ids that both sides read.

    A token that holds visible characters of a message and of the template is the message's; one of
    two messages is the later one's. Everything that a template adds to a chat is the template's;
    words of a message that a template repeats or moves are the message's.

    Args:
        tokenizer: a transformers tokenizer. Without a chat template, a chat is its contents, and
            the newlines between them are labelled ``template``.
        text: a document or a chat.
        max_tokens: number of tokens read, from the beginning; none reads all.
    """
    rendered, templated = rendered_text(tokenizer, text)
    words = replace_surrogates(rendered)
    origins = _origins(tokenizer, text, words)
    if getattr(tokenizer, "is_fast", False):
        found = _by_offsets(tokenizer, words, origins, templated=templated)
    else:
        found = _by_parts(tokenizer, words, origins, templated=templated)
    return tuple(found[:max_tokens])


def _origins(tokenizer: Any, text: Text, words: str) -> list[PositionLabel]:
    """The label of each character."""
    if not text.messages:
        return ["text"] * len(words)
    origins: list[PositionLabel] = ["template"] * len(words)
    for span in content_spans(tokenizer, text, words):
        role = _ROLES[text.messages[span.message].role]
        origins[span.start : span.end] = [role] * (span.end - span.start)
    return origins


def _by_offsets(
    tokenizer: Any, words: str, origins: Sequence[PositionLabel], *, templated: bool
) -> list[PositionLabel]:
    encoded = tokenizer(
        words, add_special_tokens=not templated, return_offsets_mapping=True, verbose=False
    )
    found, place = list[PositionLabel](), 0
    for number, (start, end) in zip(encoded.sequence_ids(), encoded["offset_mapping"], strict=True):
        if number is None:
            found.append("special")
            continue
        # Some tokenizers leave spaces out of offsets, and give tokens of spaces alone empty ones.
        first = start if start < end else min(place, end)
        found.append(_label(words, origins, first, end))
        place = max(place, end)
    return found


def _label(words: str, origins: Sequence[PositionLabel], start: int, end: int) -> PositionLabel:
    """The label of a token that stands for the characters from ``start`` to before ``end``."""
    visible = [origins[i] for i in range(start, end) if not words[i].isspace()]
    own = [label for label in visible if label != "template"]
    if visible:
        return own[-1] if own else "template"
    return origins[max(end - 1, 0)] if origins else "template"


def _by_parts(
    tokenizer: Any, words: str, origins: Sequence[PositionLabel], *, templated: bool
) -> list[PositionLabel]:
    """The same for a tokenizer without offsets, which tokenises what lies before and after."""
    whole = token_ids(tokenizer, words, templated=templated)
    ids = token_ids(tokenizer, words, templated=True)
    found: list[PositionLabel] = ["template"] * len(ids)
    for start, end in _runs(origins):
        first = common_prefix_length(ids, token_ids(tokenizer, words[:start], templated=True))
        last = _tokens_up_to(tokenizer, words, ids, end)
        found[first:last] = [origins[start]] * (last - first)
    starts = range(len(whole) - len(ids) + 1)
    before = next((i for i in starts if whole[i : i + len(ids)] == ids), 0)
    labels: list[PositionLabel] = ["special"] * len(whole)
    labels[before : before + len(ids)] = found
    return labels


def _runs(origins: Sequence[PositionLabel]) -> Iterator[tuple[int, int]]:
    """Beginning and end of each stretch of characters that are not the template's."""
    bounds = [i for i in range(1, len(origins)) if origins[i] != origins[i - 1]]
    for start, end in zip([0, *bounds], [*bounds, len(origins)], strict=True):
        if start < end and origins[start] != "template":
            yield start, end


def _tokens_up_to(tokenizer: Any, words: str, ids: Sequence[int], end: int) -> int:
    """The number of tokens up to the one that holds the last character before ``end``."""
    before, after = (
        token_ids(tokenizer, part, templated=True) for part in (words[:end], words[end:])
    )
    common = common_prefix_length(ids, before)
    if common == len(before):
        return common
    return len(ids) - common_prefix_length(ids[::-1], after[::-1])


@dataclass(frozen=True)
class PositionLabels:
    """The labels of a padded batch."""

    codes: Int[Tensor, "batch seq"]
    """Each token's label, as its index in `POSITION_LABELS`; −1 at padding."""

    @classmethod
    def of(
        cls, tokenizer: Any, texts: Sequence[Text], mask: Bool[Tensor, "batch seq"]
    ) -> "PositionLabels":
        """The labels of texts that were tokenised as a batch, padded on either side.

        Args:
            tokenizer: the tokenizer that read them.
            texts: the texts of the batch's rows.
            mask: true at real tokens; texts may be cut at their ends.
        """
        codes = torch.full(mask.shape, _PADDING, dtype=torch.long)
        for row, (text, real) in enumerate(zip(texts, mask.cpu(), strict=True)):
            labels = position_labels(tokenizer, text, int(real.sum()))
            numbers = [POSITION_LABELS.index(label) for label in labels]
            codes[row, real] = torch.tensor(numbers, dtype=torch.long)
        return cls(codes.to(mask.device))

    def mask(self, *labels: PositionLabel) -> Bool[Tensor, "batch seq"]:
        """True at tokens with one of the labels."""
        wanted = torch.tensor([POSITION_LABELS.index(label) for label in labels], dtype=torch.long)
        return torch.isin(self.codes, wanted.to(self.codes.device))

    @property
    def predicted(self) -> "PositionLabels":
        """At each position the label of the next token, which is predicted there; −1 at the last.

        A method that compares predictions thereby knows what is predicted at each position.
        """
        codes = torch.full_like(self.codes, _PADDING)
        codes[:, :-1] = self.codes[:, 1:]
        codes[self.codes == _PADDING] = _PADDING  # before the first token, with left padding
        return replace(self, codes=codes)

    @property
    def counts(self) -> dict[PositionLabel, int]:
        """The number of tokens with each label; labels of none are left out."""
        counted = {label: int((self.codes == i).sum()) for i, label in enumerate(POSITION_LABELS)}
        return {label: count for label, count in counted.items() if count}
