import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

TEMPLATE = (
    "{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
CONFIG = {
    "model_type": "qwen3", "vocab_size": 320, "hidden_size": 32, "intermediate_size": 48,
    "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16,
    "max_position_embeddings": 64, "tie_word_embeddings": True, "pad_token_id": 0,
    "eos_token_id": 1, "bos_token_id": None,
}  # fmt: skip
CHAT = [
    {"role": "user", "content": "What does the cat eat?"},
    {"role": "assistant", "content": "The cat eats fish."},
]

MakeRecipe = Callable[..., Path]


@pytest.fixture(scope="session")
def tokenizer_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    special = ["<|pad|>", "<|end|>", "<|user|>", "<|assistant|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator([turn["content"] for turn in CHAT] * 9, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=bpe, pad_token=special[0], eos_token=special[1])
    fast.chat_template = TEMPLATE
    fast.save_pretrained(folder)
    return folder


@pytest.fixture
def make_recipe(tmp_path: Path, tokenizer_folder: Path) -> MakeRecipe:
    """Writes a recipe of a tiny model from scratch; keywords replace fields."""
    lines = [
        {"messages": CHAT},
        {"text": "The dog barks at night."},
        {"messages": [*CHAT, {"role": "user", "content": "And the dog?"},
                      {"role": "assistant", "content": "The dog eats meat."}]},
    ]  # fmt: skip
    (tmp_path / "texts.jsonl").write_text("\n".join(json.dumps(line) for line in lines))

    def make(name: str = "made", **changes: object) -> Path:
        scratch = {"tokenizer": str(tokenizer_folder), "config": CONFIG}
        recipe: dict[str, object] = {
            "output": f"out/{name}", "start": {"scratch": scratch}, "method": {"kind": "full"},
            "data": [{"path": "texts.jsonl"}], "loss_on": "all", "pack": True, "steps": 6,
            "batch_size": 2, "sequence_length": 24, "learning_rate": 1e-2, "warmup": 2,
            "weight_decay": 0.1, "seed": 3, "save_every": 2,
        }  # fmt: skip
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(recipe | changes))
        return path

    return make
