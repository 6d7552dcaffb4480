"""Which tokens are text by themselves."""

import re
import unicodedata

import torch
from jaxtyping import Bool
from torch import Tensor

from diffkit import Model

_UNUSED = re.compile(r"[\[<(|]+(unused|reserved|extra|dummy|pad)[\w ]*\d*[\])>|]*", re.IGNORECASE)
_CHUNK = 4_096


def token_texts(model: Model) -> list[str]:
    """What each token of the vocabulary says by itself."""
    texts: list[str] = []
    for start in range(0, model.vocabulary, _CHUNK):
        ids = range(start, min(start + _CHUNK, model.vocabulary))
        texts += model.tokenizer.batch_decode(
            [[token] for token in ids], clean_up_tokenization_spaces=False
        )
    return texts


def usable(model: Model, texts: list[str]) -> Bool[Tensor, " vocabulary"]:
    """Tokens that a user can type: none special, added, unused, invisible or half a character.

    Args:
        model: the model that reads them.
        texts: what `token_texts` gives.
    """
    tokenizer = model.tokenizer
    apart = {*tokenizer.all_special_ids, *tokenizer.get_added_vocab().values(), *model.ends}
    names = tokenizer.convert_ids_to_tokens(list(range(model.vocabulary)))
    return torch.tensor(
        [
            token not in apart and name is not None and _typed(text) and not _UNUSED.fullmatch(name)
            for token, (name, text) in enumerate(zip(names, texts, strict=True))
        ],
        dtype=torch.bool,
    )


def _typed(text: str) -> bool:
    return bool(text) and all(
        char in "\n\t"
        or (char != "\N{REPLACEMENT CHARACTER}" and unicodedata.category(char)[0] != "C")
        for char in text
    )
