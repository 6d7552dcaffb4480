"""Cost of `pair_loss`, relative to the plain way: all logits of both sides, softmax, KL, backward.

Prints ratios from one run, each with its goal, and the differences of loss and gradients. 1,024
positions of a random LoRA pair of width 256 over 50,304 words. Timed calls alternate, so that
another program on the machine slows both sides of a ratio; memory is that of fresh processes. Name
parts (``equal``, ``speed``, ``memory``, ``chunks``) to run them alone.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from goals import at_most

POSITIONS, WORDS, WIDTH = 1024, 50_304, 256
ROUNDS = 7
PROCESSES = 2
CHUNKS = (16, 32, 64, 128)
RETURNS_MEMORY = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536"}
"""Freed memory is returned at once, so that resident memory is memory in use."""


def build(root: Path) -> None:
    """Saves a random base of one layer with a tokenizer, and a random LoRA on it."""
    import torch
    from peft import LoraConfig, get_peft_model
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=WORDS,
        hidden_size=WIDTH,
        num_hidden_layers=1,
        num_attention_heads=4,
        num_key_value_heads=4,
        head_dim=64,
        intermediate_size=WIDTH,
        initializer_range=0.1,  # predictions as peaked as those of a trained model
    )
    model = Qwen3ForCausalLM(config)
    model.save_pretrained(root / "base")
    words = Tokenizer(models.WordLevel({f"w{i}": i for i in range(WORDS)}, unk_token="w0"))
    PreTrainedTokenizerFast(tokenizer_object=words, unk_token="w0").save_pretrained(root / "base")
    lora = LoraConfig(r=16, target_modules="all-linear", init_lora_weights=False)
    get_peft_model(model, lora).save_pretrained(root / "adapter")


def read(root: Path) -> tuple[Any, list[Any]]:
    """The pair, and both sides' states at the positions, as leaves."""
    import torch

    from diffkit.engine import Inputs, detect_kind, load_pair
    from diffkit.organism import Source

    finetuned = detect_kind(Source(at=str(root / "adapter")))
    pair = load_pair(Source(at=str(root / "base")), finetuned, device="cpu")
    ids = torch.randint(WORDS, (8, POSITIONS // 8), generator=torch.Generator().manual_seed(0))
    inputs = Inputs(torch.ones_like(ids, dtype=torch.bool), ids=ids)
    sides = (pair.base, pair.finetuned)
    return pair, [side.final_states(inputs).flatten(0, 1).requires_grad_() for side in sides]


def plain(pair: Any, states: list[Any]) -> Any:
    """The loss; the states keep its gradients."""
    from torch.nn.functional import kl_div

    log_q, log_p = (
        side.project(each)[:, : pair.vocabulary].log_softmax(dim=-1)
        for side, each in zip((pair.base, pair.finetuned), states, strict=True)
    )
    loss = kl_div(log_q, log_p, log_target=True, reduction="sum")
    loss.backward()
    return loss.detach()


def chunked(pair: Any, states: list[Any], **options: int) -> Any:
    """The same by `pair_loss`."""
    from diffkit.engine import pair_loss
    from diffkit.maths import DIVERGENCES

    loss = pair_loss(pair, *states, lambda p, q, _: DIVERGENCES["kl"](p, q), **options)
    loss.total.backward()
    return loss.total.detach()


def measure_equal(root: Path) -> None:
    """Prints the largest differences, each relative to the largest value of its kind."""
    pair, states = read(root)
    results = []
    for way in (plain, chunked):
        for each in states:
            each.grad = None
        results.append([way(pair, states), *(each.grad for each in states)])
    names = ("loss", "gradient at the base", "gradient at the finetuned side")
    for name, one, other in zip(names, *results, strict=True):
        difference = float((one - other).abs().max() / one.abs().max())
        print(f"largest relative difference, {name}: {difference:.1e}")
    print(f"the divergence: {float(results[0][0]) / POSITIONS:.3f} nats per position")


def measure_speed(root: Path, **options: int) -> None:
    """Times each way once a round; a ratio is the median of the rounds' ratios."""
    pair, states = read(root)
    ways = (partial(plain, pair, states), partial(chunked, pair, states, **options))
    rounds = [[spent(way) for way in ways] for _ in range(ROUNDS + 1)]
    for clock, name in enumerate(("time", "processor time")):
        # the first round, which warms the caches, does not count
        ratios = [of_chunked[clock] / of_plain[clock] for of_plain, of_chunked in rounds[1:]]
        at_most(f"{name}, chunked / plain{_options_text(options)}", 1.1, ratios)
        alone = [statistics.median(r[way][clock] for r in rounds[1:]) for way in (1, 0)]
        print(f"  {alone[0]:.2f} s and {alone[1]:.2f} s", flush=True)


def spent(call: Callable[[], object]) -> tuple[float, float]:
    """Wall-clock and processor seconds of one call."""
    began, work = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - began, time.process_time() - work


def measure_memory(root: Path, **options: int) -> None:
    """Compares fresh processes, one way in each."""
    rounds = [(memory_of(root, {}, "plain"), memory_of(root, options)) for _ in range(PROCESSES)]
    ratios = [b / a for a, b in rounds]
    at_most(f"extra peak memory, chunked / plain{_options_text(options)}", 0.1, ratios)
    most = [statistics.median(each) / 1e6 for each in zip(*rounds, strict=True)]
    print(f"  {most[1]:.0f} MB and {most[0]:.0f} MB")


def memory_of(root: Path, options: dict[str, int], way: str = "chunked") -> int:
    """The peak memory that a fresh process prints, in bytes."""
    command = [sys.executable, __file__, "--memory", str(root), way, json.dumps(options)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=RETURNS_MEMORY)
    return int(done.stdout.splitlines()[-1])


def print_memory(root: Path, way: str, options: dict[str, int]) -> None:
    """Runs in a process of its own; two positions first, which load libraries and weights."""
    pair, states = read(root)
    call = {"plain": plain, "chunked": chunked}[way]
    call(pair, [each[:2].detach().requires_grad_() for each in states])
    for each in states:  # the result: either way has it
        each.grad = each.detach().clone()
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
    before = peak_memory()
    call(pair, states, **options)
    print(peak_memory() - before)


def peak_memory() -> int:
    """Bytes; Linux only."""
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def measure_chunks(root: Path) -> None:
    """Both ratios at several sizes: where the default comes from."""
    for chunk in CHUNKS:
        measure_speed(root, chunk=chunk)
        measure_memory(root, chunk=chunk)


def _options_text(options: dict[str, int]) -> str:
    return "".join(f", {name} {value}" for name, value in options.items())


if __name__ == "__main__":
    if sys.argv[1:2] == ["--memory"]:
        print_memory(Path(sys.argv[2]), sys.argv[3], json.loads(sys.argv[4]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            build(Path(folder))
            parts: dict[str, Callable[[Path], None]] = {
                "equal": measure_equal,
                "speed": measure_speed,
                "memory": measure_memory,
                "chunks": measure_chunks,
            }
            for part in sys.argv[1:] or parts:
                parts[part](Path(folder))
