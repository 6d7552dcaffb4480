"""Bare passes of both sides over the tokens that a method reads, and a step of soft-prompt-kl."""

from collections.abc import Callable, Sequence
from typing import Any

ROWS, CONTEXT, COMPLETION, PROMPT = 4, 32, 16, 8


def rows_of_texts(pair: Any, texts: int | None) -> list[list[int]]:
    """The token ids of the built-in texts, shortest first."""
    from diffkit.engine.tokenization import encode
    from diffkit.texts import Texts

    items = Texts.default().first(texts).items
    return sorted((encode(pair.tokenizer, text, 256) for text in items), key=len)


def bare_passes(plain: Any, rows: Sequence[Sequence[int]], size: int = 16) -> None:
    """Both sides' logits of rows, in batches of similar length, by transformers and peft alone."""
    import torch

    for first in range(0, len(rows), size):
        batch = rows[first : first + size]
        width = max(map(len, batch))
        ids = torch.tensor([[*row, *[0] * (width - len(row))] for row in batch])
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in batch])
        with torch.no_grad():
            plain(input_ids=ids, attention_mask=mask, use_cache=False)
            with plain.disable_adapter():
                plain(input_ids=ids, attention_mask=mask, use_cache=False)


def step_and_passes(pair: Any, plain: Any) -> tuple[Callable[[], None], Callable[[], None]]:
    """Both as functions to time: forward and backward, of the same rows.

    Args:
        pair: both sides, in diffkit.
        plain: both sides, in transformers and peft.
    """
    import torch
    from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig
    from diffkit_plugins.soft_prompt_kl.data import Passage, PromptData
    from diffkit_plugins.soft_prompt_kl.training.objective import prompt_task
    from diffkit_plugins.soft_prompt_kl.training.optimizer import prompt_gradient

    drawing = torch.Generator().manual_seed(0)
    ids = torch.randint(1000, 30_000, (ROWS, CONTEXT + COMPLETION), generator=drawing)
    passages = [Passage(tuple(row), CONTEXT, "drawn") for row in ids.tolist()]
    task = prompt_task(pair, SoftPromptKLConfig(), PromptData((), ()), 0)
    prompt = pair.base.embed(ids[:1, :PROMPT])[0].float()

    def step() -> None:
        prompt_gradient(task, prompt, passages, lambda loss: loss)

    def side() -> None:
        table = plain.get_input_embeddings()
        embeds = torch.cat([table(ids[:, :PROMPT]), table(ids)], dim=1).detach().requires_grad_()
        kept = torch.arange(PROMPT + CONTEXT - 1, PROMPT + CONTEXT + COMPLETION - 1)
        logits = plain(inputs_embeds=embeds, use_cache=False, logits_to_keep=kept).logits
        lost = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1).float(), ids[:, CONTEXT:].flatten()
        )
        lost.backward()  # type: ignore[no-untyped-call]

    def passes() -> None:
        side()
        with plain.disable_adapter():
            side()

    return step, passes
