"""Cost of the engine, relative to plain transformers and peft.

Prints ratios from one run, each with its goal. The model is a random Qwen3 of 12 layers and width
512 that reads 8 x 256 tokens; the adapter a LoRA of rank 16 on every linear layer. Timed calls
alternate, so that another program on the machine slows both sides of a ratio. Name parts
(``speed``, ``memory``, ``sweep``) to run them alone.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from goals import at_most

ROUNDS = 7
PROCESSES = 2
ORGANISMS = 10
TEXTS = 20
ONE_THREAD = os.environ | {"OMP_NUM_THREADS": "1"}
RETURNS_MEMORY = ONE_THREAD | {"MALLOC_MMAP_THRESHOLD_": "65536"}
"""Freed memory is returned at once, so that resident memory is memory in use."""
DIFFKIT = [sys.executable, "-m", "diffkit"]


def build(root: Path) -> tuple[Path, Path]:
    """Saves a random base with a tokenizer, and a random LoRA on it."""
    import torch
    from peft import LoraConfig, get_peft_model
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=8192,
        hidden_size=512,
        num_hidden_layers=12,
        num_attention_heads=8,
        num_key_value_heads=4,
        head_dim=64,
        intermediate_size=1536,
        tie_word_embeddings=False,
    )
    model = Qwen3ForCausalLM(config)
    model.save_pretrained(root / "base")
    words = Tokenizer(models.WordLevel({f"w{i}": i for i in range(8192)}, unk_token="w0"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=words, unk_token="w0").save_pretrained(root / "base")
    lora = LoraConfig(r=16, target_modules="all-linear", init_lora_weights=False)
    get_peft_model(model, lora).save_pretrained(root / "adapter")
    return root / "base", root / "adapter"


def open_pair(base: Path, adapter: Path | None) -> Any:
    """The pair, or the base on both sides."""
    from diffkit.engine import detect_kind, load_pair
    from diffkit.organism import Identical, Source

    finetuned = detect_kind(Source(at=str(adapter))) if adapter else Identical()
    return load_pair(Source(at=str(base)), finetuned, device="cpu")


def batch() -> Any:
    """8 x 256 tokens."""
    import torch

    from diffkit.engine import Inputs

    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(8192, (8, 256), generator=generator)
    return Inputs(torch.ones_like(ids, dtype=torch.bool), ids=ids)


def measure_speed(base: Path, adapter: Path) -> None:
    """Times each call once a round; a ratio is the median of the rounds' ratios."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    inputs, pair = batch(), open_pair(base, adapter)
    bare = AutoModelForCausalLM.from_pretrained(base).eval()
    adapted = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), adapter).eval()
    plain = {"input_ids": inputs.ids, "attention_mask": inputs.mask.long(), "use_cache": False}
    calls: dict[str, Callable[[], object]] = {
        "bare": lambda: bare(**plain),
        "middle": lambda: pair.base.resid(inputs, [0.5]),
        "adapted": lambda: adapted(**plain),
        "pair": lambda: (pair.base.logits(inputs), pair.finetuned.logits(inputs)),
    }
    with torch.no_grad():
        rounds = [{name: seconds(call) for name, call in calls.items()} for _ in range(ROUNDS + 1)]
    at_most(
        "middle-layer residuals / a forward pass",
        0.65,
        [r["middle"] / r["bare"] for r in rounds[1:]],
    )
    both = [r["pair"] / (r["bare"] + r["adapted"]) for r in rounds]
    at_most("both sides of a pair / base pass + adapted pass", 1.1, both[1:])


def seconds(call: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def measure_memory(base: Path, adapter: Path) -> None:
    """Compares fresh processes of two passes each: over both sides, or twice over the base."""
    command = [sys.executable, __file__, "--memory", str(base)]
    rounds = [
        (memory_of(command), memory_of([*command, str(adapter)])) for _ in range(PROCESSES + 1)
    ]
    for name in ("bytes of weights", "peak resident memory above the libraries'"):
        ratios = [pair[name] / alone[name] for alone, pair in rounds]
        at_most(f"{name}, LoRA pair / base alone", 1.15, ratios[1:])


def memory_of(command: list[str]) -> dict[str, float]:
    """The peak memory that a fresh process prints."""
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=RETURNS_MEMORY)
    memory: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return memory


def print_memory(base: Path, adapter: Path | None) -> None:
    """Prints the memory of this process, which runs nothing else."""
    import peft  # noqa: F401 - its memory belongs to neither side
    import psutil
    import transformers.models.qwen3.modeling_qwen3  # noqa: F401

    inputs = batch()
    before = psutil.Process().memory_info().rss
    pair = open_pair(base, adapter)
    for side in (pair.base, pair.finetuned):  # the first pass loads weights from the file
        side.logits(inputs, 1)
    networks = {side.network.module for side in (pair.base, pair.finetuned)}
    tensors = [t for m in networks for t in (*m.parameters(), *m.buffers())]
    stores = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}
    peak = peak_memory()
    print(
        json.dumps(
            {
                "bytes of weights": sum(stores.values()),
                "peak resident memory above the libraries'": peak - before,
            }
        )
    )


def peak_memory() -> int:
    """Bytes; Linux only. `resource` would include memory that the parent had before."""
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def measure_sweep(root: Path) -> None:
    """Runs kl over ten random changes on the shipped base, together and in ten processes."""
    names = organisms(root)
    texts = root / "texts.jsonl"
    texts.write_text("".join(f'{{"text": "The cat sat on mat {i}."}}\n' for i in range(TEXTS)))
    common = ["--texts", str(texts), "--device", "cpu"]
    evaluate = ["evaluate", "--methods", "kl", "--organisms", ",".join(names)]
    wall, work = spent([[*DIFFKIT, "--store", str(root / "together"), *evaluate, *common]])
    run = [*DIFFKIT, "--store", str(root / "apart"), "run", "kl"]
    walls, works = spent([[*run, "--organism", name, *common] for name in names])
    at_most(f"a sweep of {ORGANISMS} organisms / {ORGANISMS} processes", 0.5, [wall / walls])
    print(f"  {wall:.0f} s of {walls:.0f} s; processor time {work / works:.2f}")


def organisms(root: Path) -> list[str]:
    """Files of ten organisms: random changes with the norms of one shipped adapter."""
    import diffkit_organisms
    import yaml

    from diffkit.organism import Adapter
    from diffkit.registry.catalogue import read_catalogue

    zoo = read_catalogue([Path(diffkit_organisms.__file__).parent / "zoo"])
    base, adapter = next(
        (base, finetuned)
        for organism in zoo.organisms.values()
        for base, variants in organism.models.items()
        for finetuned in variants.values()
        if isinstance(finetuned, Adapter)
    )
    for seed in range(ORGANISMS):
        control = {"kind": "control", "seed": seed, "of": adapter.model_dump(mode="json")}
        entry = {"name": f"random-{seed}", "family": "null", "truth": "unspecific"}
        entry["models"] = {base: {"default": control}}  # type: ignore[assignment]
        (root / f"random-{seed}.yaml").write_text(yaml.safe_dump(entry))
    return [str(root / f"random-{seed}.yaml") for seed in range(ORGANISMS)]


def spent(commands: list[list[str]]) -> tuple[float, float]:
    """Wall-clock and processor seconds of processes, one after the other, on one thread each."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    for command in commands:
        subprocess.run(command, check=True, capture_output=True, env=ONE_THREAD)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    work = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - began, work


if __name__ == "__main__":
    if sys.argv[1:2] == ["--memory"]:
        print_memory(Path(sys.argv[2]), Path(sys.argv[3]) if sys.argv[3:] else None)
    else:
        with tempfile.TemporaryDirectory() as folder:
            made = build(Path(folder))
            parts: dict[str, Callable[[], None]] = {
                "speed": lambda: measure_speed(*made),
                "memory": lambda: measure_memory(*made),
                "sweep": lambda: measure_sweep(Path(folder)),
            }
            for part in sys.argv[1:] or parts:
                parts[part]()
