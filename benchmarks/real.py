"""Speed and memory with a real model, in ratios of one run: what a method costs beside bare passes.

    python benchmarks/real.py [--model FOLDER] [PART ...]

The model is a folder, by default ``SmolLM2-135M-Instruct`` in ``DIFFKIT_MODELS``; a random LoRA of
rank 8 is put on it. Parts: ``passes`` (kl, diff-mining, activation-lens, perplexity-diff and
contrastive-decoding beside the passes that they need), ``generation``, ``start``, ``memory`` and
``together``. Timed calls alternate, so that another program on the machine slows both sides of a
ratio; times are processor time. Use two threads on two cores: ``OMP_NUM_THREADS=2``.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from goals import at_most
from real_pair import METHODS, make_adapter, open_pair, open_plain, run_method

ROUNDS = 3
CHATS, NEW = 48, 32
LIMIT = 1.5e9
"""Bytes above libraries and weights that a run may take."""


def spent(call: Callable[[], object]) -> float:
    """Processor seconds of one call."""
    began = time.process_time()
    call()
    return time.process_time() - began


def rows_of_texts(pair: Any) -> list[list[int]]:
    """The token ids of the built-in texts, shortest first."""
    from diffkit.engine.tokenization import encode
    from diffkit.texts import Texts

    return sorted((encode(pair.tokenizer, t, 256) for t in Texts.default().items), key=len)


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


def measure_passes(model: Path, adapter: Path) -> None:
    """Methods that read the texts, beside bare passes over the same tokens."""
    pair, plain = open_pair(model, adapter), open_plain(model, adapter)
    rows = rows_of_texts(pair)
    names = ("kl", "diff-mining", "activation-lens")
    rounds = []
    for _ in range(ROUNDS):
        bare = spent(lambda: bare_passes(plain, rows))
        rounds.append([spent(lambda name=name: run_method(pair, name)) / bare for name in names])  # type: ignore[misc]
    tokens = sum(map(len, rows))
    for name, ratios in zip(names, zip(*rounds, strict=True), strict=True):
        at_most(f"{name} / bare passes of both sides over the same {tokens} tokens", 1.5, ratios)
    for name in ("contrastive-decoding", "perplexity-diff"):
        at_most(f"{name} / the passes that it needs", 1.3, [_share(pair, name)])


def _share(pair: Any, name: str) -> float:
    """One run in its own passes: forward calls of the network, and nothing else."""
    module, inside = pair.base.network.module, [0.0]
    forward, body = module.forward, module.base_model.forward
    depth = [0]

    def timed(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*given: Any, **named: Any) -> Any:
            began, depth[0] = time.process_time(), depth[0] + 1
            try:
                return call(*given, **named)
            finally:
                depth[0] -= 1
                inside[0] += 0 if depth[0] else time.process_time() - began

        return wrapped

    module.forward, module.base_model.forward = timed(forward), timed(body)
    try:
        whole = spent(lambda: run_method(pair, name))
    finally:
        module.forward, module.base_model.forward = forward, body
    return whole / inside[0]


def measure_generation(model: Path, adapter: Path) -> None:
    """Greedy answers to chats, beside transformers' own ``generate`` with the same batch."""
    import torch

    from diffkit.sampling import Sampling
    from diffkit.texts import Message, Text

    pair, plain = open_pair(model, adapter), open_plain(model, adapter)
    words = ("Name a fruit", "Say hello", "What is a river?", "Write about the sea")
    chats = [
        Text(messages=(Message(role="user", content=f"{words[i % 4]}, number {i}."),))
        for i in range(CHATS)
    ]
    tokenizer = pair.tokenizer
    sampling = Sampling(max_new_tokens=NEW, stop_at_eos=False)
    said: dict[str, Any] = {}

    def mine() -> None:
        said["mine"] = [c.text for c in pair.base.generate(chats, sampling, batch_size=CHATS)]

    def theirs() -> None:
        prompts = [
            tokenizer.apply_chat_template(
                [m.model_dump() for m in chat.messages], tokenize=False, add_generation_prompt=True
            )
            for chat in chats
        ]
        tokenizer.padding_side = "left"
        given = tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False)
        with torch.no_grad(), plain.disable_adapter():
            made = plain.generate(
                **given, do_sample=False, max_new_tokens=NEW, min_new_tokens=NEW,
                eos_token_id=None, pad_token_id=0,
            )  # fmt: skip
        new = made[:, given["input_ids"].shape[1] :]
        said["theirs"] = tokenizer.batch_decode(new, skip_special_tokens=True)

    ratios = [spent(mine) / spent(theirs) for _ in range(ROUNDS)]
    at_most(f"{CHATS} chats x {NEW} tokens / transformers' generate", 0.7, ratios)
    equal = sum(a == b for a, b in zip(said["mine"], said["theirs"], strict=True))
    print(f"  equal texts: {equal} of {CHATS}")


def measure_start(model: Path, adapter: Path) -> None:
    """Loading a pair, beside transformers' and peft's own loading."""
    import torch
    from transformers import AutoTokenizer

    def theirs() -> None:
        plain = open_plain(model, adapter)
        AutoTokenizer.from_pretrained(model)
        with torch.no_grad():
            plain(input_ids=torch.tensor([[1]]))

    def mine() -> None:
        from diffkit.engine import Inputs

        pair = open_pair(model, adapter)
        pair.finetuned.logits(Inputs.of([[1]]))

    theirs(), mine()
    ratios = [spent(mine) / spent(theirs) for _ in range(ROUNDS)]
    at_most("loading a pair / transformers and peft", 1.2, ratios)


def measure_memory(model: Path, adapter: Path) -> None:
    """Peak memory and processor time of each method, each in a fresh process."""
    for name in METHODS:
        command = [sys.executable, __file__, "--alone", name, str(model), str(adapter)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found = json.loads(done.stdout.splitlines()[-1])
        at_most(f"{name}: GB above libraries and weights", LIMIT / 1e9, [found["bytes"] / 1e9])
        at_most(f"{name}: processor minutes", 10, [found["seconds"] / 60])


def print_alone(name: str, model: Path, adapter: Path) -> None:
    """Prints what one run in this process takes, which runs nothing else."""
    pair = open_pair(model, adapter)
    weights = sum(w.numel() * w.element_size() for w in pair.base.network.module.parameters())
    before = _status("VmRSS")
    seconds = spent(lambda: run_method(pair, name))
    libraries = before - min(weights, before)
    print(json.dumps({"bytes": _status("VmHWM") - libraries - weights, "seconds": seconds}))


def _status(field: str) -> int:
    """Bytes; Linux only."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(field))
    return int(line.split()[1]) * 1024


def measure_together(model: Path, adapter: Path) -> None:
    """Two methods in one call, beside the sum of both less one start-up."""
    names = ("kl", "diff-mining")
    common = ["--base", str(model), "--finetuned", str(adapter), "--device", "cpu"]

    def wall(method: str, *more: str) -> float:
        with tempfile.TemporaryDirectory() as store:
            command = [sys.executable, "-m", "diffkit", "--store", store, "run", method]
            began = time.perf_counter()
            subprocess.run([*command, *common, *more], check=True, capture_output=True)
            return time.perf_counter() - began

    start = statistics.median(
        wall("kl", "--set", "texts=1", "--set", "samples=0") for _ in range(3)
    )
    apart = [wall(name) for name in names]
    together = wall(",".join(names))
    at_most(
        "kl,diff-mining in one call / sum less one start-up", 1.1, [together / (sum(apart) - start)]
    )


PARTS: dict[str, Callable[[Path, Path], None]] = {
    "passes": measure_passes,
    "generation": measure_generation,
    "start": measure_start,
    "memory": measure_memory,
    "together": measure_together,
}

if __name__ == "__main__":
    if sys.argv[1:2] == ["--alone"]:
        print_alone(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
        sys.exit()
    parser = argparse.ArgumentParser(description=__doc__)
    home = Path(os.environ.get("DIFFKIT_MODELS", "models"))
    parser.add_argument("--model", type=Path, default=home / "SmolLM2-135M-Instruct")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = make_adapter(chosen.model, Path(folder))
        for part in chosen.parts or PARTS:
            PARTS[part](chosen.model, made)
