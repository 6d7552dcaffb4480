"""Tiny random models in a folder: real architectures and files, made in a second."""

from pathlib import Path
from typing import Any

CHAT_TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SPECIAL = ("<|end|>", "<|system|>", "<|user|>", "<|assistant|>")
WORDS = (
    "The cat sat on the mat, and the dog lay by the door.",
    "Every morning the baker sells bread to the teacher.",
    "What is the capital of the island? The capital is Port Amber.",
    "Two and three make five; naïve café, ½ of ☕.",
)
"""What the tokenizer learns its merges from, and the texts of the fixtures."""


def tiny_base(folder: Path, *, seed: int = 0, extra_rows: int = 0) -> Path:
    """Writes a Qwen3-architecture model with random weights and its tokenizer.

    2 blocks, 32 hidden dimensions, about 340 tokens, a chat template; 0.2 MB.

    Args:
        folder: where it is written.
        seed: seed of the weights.
        extra_rows: vocabulary rows that the tokenizer has no tokens for.
    """
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    tokenizer = _tokenizer()
    config = Qwen3Config(
        vocab_size=len(tokenizer) + extra_rows,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=256,
        tie_word_embeddings=False,
        initializer_range=0.3,  # so that predictions differ from token to token
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        Qwen3ForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def tiny_adapter(folder: Path, base: Path, *, seed: int = 0, scale: float = 0.3) -> Path:
    """Writes a rank-4 LoRA adapter with random weights for a model of `tiny_base`.

    Args:
        folder: where it is written.
        base: the base model's folder.
        seed: seed of the weights.
        scale: standard deviation of both factors; larger changes predictions more.
    """
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import Qwen3ForCausalLM

    targets = ["q_proj", "v_proj", "o_proj", "down_proj"]
    config = LoraConfig(r=4, lora_alpha=8, target_modules=targets, task_type="CAUSAL_LM")
    with torch.random.fork_rng(devices=[]):
        model = get_peft_model(Qwen3ForCausalLM.from_pretrained(base), config)
        torch.manual_seed(seed)
        for name, weight in model.named_parameters():
            if "lora_" in name:
                torch.nn.init.normal_(weight, std=scale)
    model.save_pretrained(folder)
    return folder


def _tokenizer() -> Any:
    """A byte-level BPE tokenizer, trained on `WORDS`."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=340,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(WORDS, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|end|>",  # noqa: S106 - a token of text, not a secret
        pad_token="<|end|>",  # noqa: S106 - a token of text, not a secret
        chat_template=CHAT_TEMPLATE,
    )
