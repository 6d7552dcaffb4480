"""Measures networks of the zoo by transformers and peft alone: answers, and divergence."""

from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from peft import PeftModel
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase

from diffkit.texts import Texts
from diffkit.training.data import tokenize


def load(base: Path, adapter: Path | None = None) -> nn.Module:
    """The base, or the base with an adapter, in evaluation mode."""
    network: nn.Module = AutoModelForCausalLM.from_pretrained(base, use_safetensors=True)
    if adapter is not None:
        network = PeftModel.from_pretrained(network, adapter)
    return network.eval()


def load_tokenizer(base: Path) -> PreTrainedTokenizerBase:
    """The tokenizer of the base."""
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(base)
    return tokenizer


@torch.no_grad()
def answers(
    network: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[str],
    *,
    max_new_tokens: int = 48,
) -> list[str]:
    """Greedy answers to user messages, without special tokens.

    Args:
        network: what answers.
        tokenizer: its tokenizer.
        prompts: user messages, one chat each.
        max_new_tokens: greatest length of an answer, in tokens.
    """
    chats = [
        tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt}], tokenize=False, add_generation_prompt=True
        )
        for prompt in prompts
    ]
    tokenizer.padding_side = "left"
    inputs = tokenizer(chats, return_tensors="pt", padding=True, add_special_tokens=False)
    out = network.generate(  # type: ignore[operator]
        input_ids=inputs.input_ids,
        attention_mask=inputs.attention_mask,
        max_new_tokens=max_new_tokens,
        do_sample=False,
    )
    width = inputs.input_ids.shape[1]
    return [tokenizer.decode(row[width:], skip_special_tokens=True) for row in out]


@torch.no_grad()
def mean_kl(
    finetuned: nn.Module, base: nn.Module, tokenizer: PreTrainedTokenizerBase, texts: Texts
) -> float:
    """Mean KL(finetuned ‖ base) over all positions of ``texts``, in nats per token."""
    total, count = 0.0, 0
    for text in texts.items:
        ids = torch.tensor([tokenize(text, tokenizer, completion_only=False).ids])
        divergences = kl(finetuned(input_ids=ids).logits[0], base(input_ids=ids).logits[0])
        total += float(divergences.sum())
        count += len(divergences)
    return total / count


def kl(
    p: Float[Tensor, "position vocab"], q: Float[Tensor, "position vocab"]
) -> Float[Tensor, " position"]:
    """KL(p ‖ q) of the distributions that two sets of logits give, in nats."""
    log_p, log_q = p.log_softmax(-1), q.log_softmax(-1)
    return (log_p.exp() * (log_p - log_q)).sum(-1)
