"""Completions of contexts, with or without a soft prompt before them.

Takes contexts and a soft prompt. Gives passages, or completions by any generator that reads
embeddings.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit import Completion, Generator, Model, Sampling, UserError
from diffkit.analysis import user_turn
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig
from diffkit_plugins.soft_prompt_kl.data import Passage, PromptContext
from diffkit_plugins.soft_prompt_kl.prediction import prompted_contexts

AT_ONCE = 4
"""Completions drawn together for each that is read with gradients, which takes more memory."""


def complete(  # noqa: PLR0917 - all of them are needed, at every call
    side: Model,
    prompt: Float[Tensor, "length hidden"] | None,
    contexts: Sequence[PromptContext],
    config: SoftPromptKLConfig,
    seed: int,
    vocabulary: int,
    *,
    numbers: Sequence[int] | None = None,
) -> tuple[Passage, ...]:
    """Completions, one for each context; an empty one is a passage of which nothing counts.

    Args:
        side: the side that completes them.
        prompt: the soft prompt; none: no prompt is before the contexts.
        contexts: the openings that are completed.
        config: length and temperature of the completions, and how many are drawn at a time.
        seed: the seed of the draws, with the numbers.
        vocabulary: ids from this one on are never generated: the other side does not have them.
        numbers: one for each context; none takes the contexts' own. The same seed and number have
            the same draws.
    """
    sampling = Sampling(
        max_new_tokens=config.completion_tokens, temperature=config.temperature, seed=seed
    )
    if numbers is None:
        numbers = [context.number for context in contexts]
    completions: list[tuple[int, ...]] = []
    size = AT_ONCE * config.micro_batch
    for start in range(0, len(contexts), size):
        part = slice(start, start + size)
        inputs = prompted_contexts(side, prompt, contexts[part])
        rows = side.generate_ids(inputs, sampling, vocabulary=vocabulary, row_seeds=numbers[part])
        completions += [row.ids for row in rows]
    return tuple(_passage(side, *both) for both in zip(contexts, completions, strict=True))


def _passage(side: Model, context: PromptContext, ids: tuple[int, ...]) -> Passage:
    return Passage(
        ids=context.ids + ids,
        start=len(context.ids),
        category=context.category,
        words=side.tokenizer.decode(ids, skip_special_tokens=True),
        context=context,
    )


def prompted_completions(
    generator: Generator,
    model: Model,
    prompt: Float[Tensor, "length hidden"] | None,
    texts: Sequence[str],
    sampling: Sampling,
) -> tuple[Completion, ...]:
    """How a side answers what users say, with the soft prompt before the whole chat.

    Args:
        generator: the generator that answers.
        model: the same side, whose table the texts' embeddings come from.
        prompt: the soft prompt, as `prompt_file.load` reads it; none puts nothing before the texts.
        texts: what users say; for a tokenizer without a chat template, how documents begin.
        sampling: how tokens are chosen; a text's draws come from the seed and its place.

    Raises:
        UserError: the generator takes no embeddings, or a text makes no chat.
    """
    rows = [model.embed(torch.tensor([opening_ids(model, text)]))[0] for text in texts]
    if prompt is not None:
        rows = [torch.cat([prompt.to(row), row]) for row in rows]
    done = generator.generate_from(rows, sampling)
    return tuple(
        one.model_copy(update={"prompt": text}) for one, text in zip(done, texts, strict=True)
    )


def opening_ids(model: Model, text: str) -> tuple[int, ...]:
    """The token ids of the prompt with which a model answers a user.

    Raises:
        UserError: the chat template refuses the text.
    """
    turn = user_turn(model.tokenizer, text)
    if turn is None:
        raise UserError(f"No chat can be made of {text!r}.", hint="Give another text.")
    return turn.ids
