"""Batches of training texts, drawn from (seed, step) alone so that a resumed run sees the same."""

import functools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from diffkit.engine.forward.limits import position_limit
from diffkit.engine.tokenization import encode
from diffkit.errors import BadModel, UserError
from diffkit.texts import Text
from diffkit.training.chats import answer_spans, chat_ids, with_eos
from diffkit.training.recipe import Recipe

IGNORED = -100
"""Label of a position that does not count."""


@dataclass(frozen=True)
class TokenizedText:
    """A text as token ids, and the labels that count."""

    ids: tuple[int, ...]
    """Token ids."""
    labels: tuple[int, ...]
    """The same ids, or `IGNORED`."""


@dataclass(frozen=True)
class TrainingBatch:
    """The rows of one step, padded on the right."""

    ids: Int[Tensor, "row position"]
    """Token ids."""
    mask: Int[Tensor, "row position"]
    """1 where there is a token, 0 where there is padding."""
    labels: Int[Tensor, "row position"]
    """Ids that count, or `IGNORED`."""


def tokenize(
    text: Text,
    tokenizer: PreTrainedTokenizerBase,
    *,
    completion_only: bool,
    add_eos: bool = True,
    max_tokens: int | None = None,
) -> TokenizedText:
    """One text as tokens.

    Args:
        text: a document or a chat.
        tokenizer: the base's.
        completion_only: whether only the assistant's turns of a chat count.
        add_eos: whether documents, and chats without a template, end with the end-of-text token.
        max_tokens: number of tokens that a row can take from the text. What a document has beyond
            is not tokenised, and such a document does not end; chats are kept whole.

    Raises:
        UserError: the base's chat template cannot be used for it.
    """
    if text.text is not None:
        ids = tuple(encode(tokenizer, text, max_tokens))
        whole = max_tokens is None or len(ids) < max_tokens
        ids = with_eos(ids, tokenizer) if add_eos and whole else ids
        return TokenizedText(ids, ids)
    turns = [message.model_dump() for message in text.messages]
    ids = chat_ids(turns, tokenizer, add_eos=add_eos)
    if not completion_only:
        return TokenizedText(ids, ids)
    labels = [IGNORED] * len(ids)
    for first, last in answer_spans(turns, tokenizer, add_eos=add_eos):
        labels[first:last] = ids[first:last]
    return TokenizedText(ids, tuple(labels))


@dataclass(frozen=True)
class Corpus:
    """The tokenised data of a recipe."""

    files: Sequence[Sequence[TokenizedText]]
    """Texts, source by source."""
    recipe: Recipe
    """The recipe they belong to."""
    pad: int
    """Id that fills rows up."""

    def batch(self, step: int) -> TrainingBatch:
        """The batch of ``step`` (from 0), always the same for the recipe's seed.

        Raises:
            UserError: no token of it counts, so that it has no loss.
        """
        rng = random.Random(f"{self.recipe.seed}/{step}")  # noqa: S311 - a reproducible draw
        rows = [self._row(rng) for _ in range(self.recipe.batch_size)]
        # The first token of a row is predicted from nothing.
        if all(label == IGNORED for row in rows for label in row.labels[1:]):
            raise self._nothing_counts(step)
        longest = max(len(row.ids) for row in rows)
        gaps = [longest - len(row.ids) for row in rows]
        pairs = list(zip(rows, gaps, strict=True))
        return TrainingBatch(
            ids=torch.tensor([[*row.ids, *[self.pad] * gap] for row, gap in pairs]),
            mask=torch.tensor([[1] * len(row.ids) + [0] * gap for row, gap in pairs]),
            labels=torch.tensor([[*row.labels, *[IGNORED] * gap] for row, gap in pairs]),
        )

    def _nothing_counts(self, step: int) -> UserError:
        recipe = self.recipe
        length = f"sequence_length {recipe.sequence_length}"
        if recipe.loss_on == "all":
            what = f"No token of step {step + 1} counts: its texts have one token or none."
            return UserError(what, hint="Set pack: true, or give longer texts.")
        what = f"No token of step {step + 1} counts: no assistant's turn begins within {length}."
        return UserError(what, hint="Raise sequence_length, or use loss_on: all.")

    def _row(self, rng: random.Random) -> TokenizedText:
        length = self.recipe.sequence_length
        ids: list[int] = []
        labels: list[int] = []
        while True:
            weights = [data.weight for data in self.recipe.data]
            text = rng.choice(rng.choices(self.files, weights)[0])
            ids += text.ids
            labels += text.labels
            if not self.recipe.pack or len(ids) >= length:
                return TokenizedText(tuple(ids[:length]), tuple(labels[:length]))


def read_corpus(recipe: Recipe, tokenizer: PreTrainedTokenizerBase) -> Corpus:
    """Reads and tokenises the data of ``recipe``.

    Raises:
        BadFile: a file is missing, empty or malformed.
        UserError: a dataset cannot be read, or a chat cannot be put through the template.
        MissingExtra: a dataset, without the library that reads it.
    """
    read = functools.partial(
        tokenize,
        tokenizer=tokenizer,
        completion_only=recipe.loss_on == "completion",
        add_eos=recipe.add_eos,
        max_tokens=recipe.sequence_length,
    )
    files = [[read(text) for text in data.texts(recipe.root)] for data in recipe.data]
    pad = tokenizer.pad_token_id
    return Corpus(files, recipe, pad if pad is not None else tokenizer.eos_token_id or 0)


def check_corpus_fits(
    corpus: Corpus, network: nn.Module, tokenizer: PreTrainedTokenizerBase
) -> None:
    """Refuses data that the network cannot read.

    Raises:
        BadModel: a token has no row in the embedding.
        UserError: rows are longer than the positions that the network has learned.
    """
    embedding: Any = network.get_input_embeddings()  # type: ignore[operator]
    rows = int(embedding.weight.shape[0])
    largest = max((max(text.ids) for file in corpus.files for text in file if text.ids), default=0)
    if largest >= rows:
        name = tokenizer.convert_ids_to_tokens(largest)
        what = f"The data have the token {name!r} (id {largest}), and the base's embedding {rows}"
        hint = "Take the token out of the data and the chat template, or resize the base."
        raise BadModel(f"{what} rows.", hint=hint)
    limit, recipe = position_limit(network), corpus.recipe
    longest = max((len(text.ids) for file in corpus.files for text in file), default=0)
    length = recipe.sequence_length if recipe.pack else min(recipe.sequence_length, longest)
    if limit is not None and length > limit:
        what = f"Rows have up to {length} tokens, and the base has learned {limit} positions."
        raise UserError(what, hint=f"Set sequence_length to {limit} or less.")
