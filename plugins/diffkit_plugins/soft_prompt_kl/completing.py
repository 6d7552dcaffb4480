"""How a side goes on from contexts, under a soft prompt or without."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from diffkit import Model, Sampling
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig
from diffkit_plugins.soft_prompt_kl.joined import opened
from diffkit_plugins.soft_prompt_kl.passages import Context, Passage

AT_ONCE = 4
"""Completions drawn together for each that is read with gradients, which takes more memory."""


def complete(  # noqa: PLR0917 - all of them are needed, at every call
    side: Model,
    prompt: Float[Tensor, "length hidden"] | None,
    contexts: Sequence[Context],
    config: SoftPromptKLConfig,
    seed: int,
    vocabulary: int,
    *,
    numbers: Sequence[int] | None = None,
) -> tuple[Passage, ...]:
    """Completions, one for each context; an empty one is a passage of which nothing counts.

    Args:
        side: who speaks.
        prompt: the soft prompt; none: nothing stands before the contexts.
        contexts: what is gone on from.
        config: length and temperature of the completions, and how many are drawn at a time.
        seed: where draws come from, besides the numbers.
        vocabulary: ids from here on are never said: the other side could not read them.
        numbers: one for each context; none takes the contexts' own. The same seed and number meet
            the same draws.
    """
    sampling = Sampling(
        max_new_tokens=config.completion_tokens, temperature=config.temperature, seed=seed
    )
    if numbers is None:
        numbers = [context.number for context in contexts]
    said: list[tuple[int, ...]] = []
    size = AT_ONCE * config.micro_batch
    for start in range(0, len(contexts), size):
        part = slice(start, start + size)
        inputs = opened(side, prompt, contexts[part])
        rows = side.generate_ids(inputs, sampling, vocabulary=vocabulary, numbers=numbers[part])
        said += [row.ids for row in rows]
    return tuple(_passage(side, *both) for both in zip(contexts, said, strict=True))


def _passage(side: Model, context: Context, ids: tuple[int, ...]) -> Passage:
    return Passage(
        ids=context.ids + ids,
        start=len(context.ids),
        category=context.category,
        words=side.tokenizer.decode(ids, skip_special_tokens=True),
        context=context,
    )
