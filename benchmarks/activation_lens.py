"""Cost of collecting mean differences, relative to the forward passes that it needs.

A random Qwen3 of 4 layers and width 256 with a random LoRA reads 2,000 texts of 64 to 128 tokens,
half of them chats, at the method's default layers and slots. The bare passes are those of both
sides on the same batches, tokenised beforehand and stopped at the deepest layer that is read. Both
alternate, 200 texts at a time, so that another program on the machine slows both. Peak memory is
that of fresh processes. Name parts (``speed``, ``memory``) to run them alone.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from goals import at_least, at_most

TEXTS = 2_000
ROUND = 200
SIZES = (500, 1_000, 2_000)
WORDS = 4_096
ONE_THREAD = os.environ | {"OMP_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": "65536"}
"""Freed memory is returned at once, so that resident memory is memory in use."""
TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|> {{ m.content }} <|end|> {% endfor %}"
    "{% if add_generation_prompt %}<|assistant|> {% endif %}"
)


def build(root: Path) -> None:
    """Saves a random base with a tokenizer, and a random LoRA on it."""
    import torch
    from peft import LoraConfig, get_peft_model
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=WORDS,
        hidden_size=256,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=64,
        intermediate_size=768,
    )
    model = Qwen3ForCausalLM(config)
    model.save_pretrained(root / "base")
    special = ["<|user|>", "<|assistant|>", "<|end|>"]
    names = special + [f"w{i}" for i in range(WORDS - len(special))]
    words = Tokenizer(models.WordLevel({w: i for i, w in enumerate(names)}, unk_token="w0"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="w0")
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(root / "base")
    lora = LoraConfig(r=16, target_modules="all-linear", init_lora_weights=False)
    get_peft_model(model, lora).save_pretrained(root / "adapter")


def texts(count: int) -> Any:
    """Documents and chats of random words, alternating."""
    from diffkit import Message, Text, Texts

    draw = random.Random(0)

    def words(least: int, most: int) -> str:
        return " ".join(f"w{draw.randrange(WORDS - 3)}" for _ in range(draw.randint(least, most)))

    def chat() -> Text:
        turns = (("user", words(24, 56)), ("assistant", words(36, 68)))
        return Text(messages=tuple(Message(role=r, content=c) for r, c in turns))

    return Texts(items=tuple(chat() if i % 2 else Text(text=words(64, 128)) for i in range(count)))


class StopPass(Exception):
    """Raised after the deepest block that is read."""


def measure_speed(root: Path) -> None:
    """Prints the ratio of token rates, of collection over bare passes, and its range."""
    from diffkit import Texts, detect_kind, load_pair
    from diffkit.organism import Source

    adapter = detect_kind(Source(at=str(root / "adapter")))
    everything = texts(TEXTS).items
    parts = [Texts(items=everything[i : i + ROUND]) for i in range(0, TEXTS, ROUND)]
    ratios, tokens, spent = [], 0, 0.0
    with load_pair(Source(at=str(root / "base")), adapter, device="cpu") as pair:
        collect(pair, parts[0], root)  # warms the caches
        for number, part in enumerate(parts):
            inputs = batches(pair, part)
            calls = [lambda i=inputs: bare(pair, i), lambda p=part: collect(pair, p, root)]
            order = (0, 1) if number % 2 else (1, 0)
            times = {which: seconds(calls[which]) for which in order}
            ratios.append(times[0] / times[1])
            tokens, spent = tokens + sum(int(i.mask.sum()) for i in inputs), spent + times[1]
    at_least(f"token rate of collecting {TEXTS:,} texts / of the bare passes", 0.9, ratios)
    print(f"  {tokens / spent:,.0f} tokens a second, both sides")


def seconds(call: Any) -> float:
    """Processor seconds of one call; on one thread they are the time on an idle machine."""
    began = time.process_time()
    call()
    return time.process_time() - began


def batches(pair: Any, part: Any) -> list[Any]:
    """The batches of the method."""
    from diffkit_plugins.activation_lens.config import ActivationLensConfig

    config = ActivationLensConfig()
    return [
        pair.base.inputs([part.items[n] for n in numbers], max_tokens=config.max_tokens)
        for numbers in part.batches(config.batch_size)
    ]


def bare(pair: Any, inputs: Sequence[Any]) -> None:
    """The forward passes of both sides only, by transformers and peft."""
    import torch
    from diffkit_plugins.activation_lens.config import ActivationLensConfig
    from diffkit_plugins.activation_lens.measure import ReadPlan

    def stop(*_: object) -> None:
        raise StopPass

    deepest = max(ReadPlan.of(pair.base, ActivationLensConfig()).blocks)
    handle = pair.base.network.blocks[deepest].register_forward_hook(stop)
    try:
        for batch in inputs:
            given = {"input_ids": batch.ids, "attention_mask": batch.mask.long()}
            for side in (pair.base, pair.finetuned):
                with side.active() as module, torch.no_grad():
                    try:
                        module(**given, use_cache=False)
                    except StopPass:
                        continue
    finally:
        handle.remove()


def collect(pair: Any, part: Any, root: Path) -> None:
    """The statistics of the method."""
    from diffkit_plugins.activation_lens.config import ActivationLensConfig
    from diffkit_plugins.activation_lens.measure import ReadPlan, collect_statistics

    from diffkit import Artifacts, Checkpoints, RunContext

    config = ActivationLensConfig()
    context = RunContext(0, part, Artifacts(root), Checkpoints(root))
    collect_statistics(pair, config, context, ReadPlan.of(pair.base, config))


def measure_memory(root: Path) -> None:
    """Compares the peaks of fresh processes that read more and more texts."""
    peaks = [memory_of(root, count) for count in SIZES]
    by_size = ", ".join(f"{c:,}: {p / 2**20:.0f} MiB" for c, p in zip(SIZES, peaks, strict=True))
    what = f"peak resident memory of collecting, {SIZES[-1]:,} texts / {SIZES[0]:,}"
    at_most(what, 1.05, [peaks[-1] / peaks[0]])
    print(f"  by number of texts: {by_size}")


def memory_of(root: Path, count: int) -> int:
    """The peak memory that a fresh process prints, in bytes."""
    command = [sys.executable, __file__, "--memory", str(root), str(count)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=ONE_THREAD)
    return int(done.stdout.splitlines()[-1])


def print_memory(root: Path, count: int) -> None:
    """Prints the peak memory of this process; Linux only."""
    from diffkit import detect_kind, load_pair
    from diffkit.organism import Source

    adapter = detect_kind(Source(at=str(root / "adapter")))
    with load_pair(Source(at=str(root / "base")), adapter, device="cpu") as pair:
        collect(pair, texts(count), root)
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    print(int(line.split()[1]) * 1024)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--memory"]:
        print_memory(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            build(Path(folder))
            measures = {"speed": measure_speed, "memory": measure_memory}
            for part in sys.argv[1:] or measures:
                measures[part](Path(folder))
