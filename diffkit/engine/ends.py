"""Which tokens end a completion."""

from typing import Any


def ends_of(tokenizer: Any, *configs: Any) -> frozenset[int]:
    """Ids that end a completion: the tokenizer's, and those that configurations name.

    Args:
        tokenizer: a transformers tokenizer.
        configs: configurations of a model and of its generation; a none is passed over.
    """
    found: set[int] = set()
    for source in (tokenizer, *configs):
        end = getattr(source, "eos_token_id", None)
        found.update(end if isinstance(end, list | tuple) else [end] if end is not None else [])
    return frozenset(found)
