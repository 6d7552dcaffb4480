"""Completions by one model."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from diffkit.engine.decode import Decoded, decode
from diffkit.engine.encode import encode_prompt
from diffkit.engine.inputs import Inputs
from diffkit.engine.step import CachedStep
from diffkit.generator import Completion, Sampling
from diffkit.texts import Text

if TYPE_CHECKING:
    from diffkit.engine.model import Model


def completions(
    model: "Model", prompts: Sequence[Text | str], sampling: Sampling, batch_size: int
) -> Iterator[Completion]:
    """One for each prompt, as `Model.generate` describes them."""
    for start in range(0, len(prompts), batch_size):
        batch = prompts[start : start + batch_size]
        rows = [encode_prompt(model.tokenizer, prompt) for prompt in batch]
        inputs = Inputs.of(rows, side="left", pad=model.tokenizer.pad_token_id or 0)
        words = [str(prompt) for prompt in batch]
        yield from completions_from(model, inputs, sampling, words, start)


def completions_from(
    model: "Model", inputs: Inputs, sampling: Sampling, prompts: Sequence[str], first: int
) -> Iterator[Completion]:
    """One for each row of a batch, as `Model.generate_from` describes them."""
    numbers = range(first, first + len(inputs.mask))
    rows = decoded_from(model, inputs, sampling, model.vocabulary, numbers)
    for prompt, row in zip(prompts, rows, strict=True):
        text = model.tokenizer.decode(row.ids, skip_special_tokens=True)
        yield Completion(prompt=prompt, text=text, tokens=len(row.ids), finished=row.finished)


def decoded_from(
    model: "Model", inputs: Inputs, sampling: Sampling, vocabulary: int, numbers: Sequence[int]
) -> list[Decoded]:
    """Token ids for each row of a batch, as `Model.generate_ids` describes them."""
    with model.active() as module:
        return decode(
            CachedStep(module, inputs.to(model.device), keeps_few=model.network.keeps_few),
            sampling,
            vocabulary=vocabulary,
            ends=model.ends,
            numbers=numbers,
        )
