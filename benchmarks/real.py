"""Speed and memory with a real model, in ratios of one run: what a method costs beside bare passes.

    python benchmarks/real.py [--model FOLDER] [--adapter FOLDER] [--only NAME …] [PART …]

The model is `make real`'s SmolLM2 in ``DIFFKIT_MODELS``; without an adapter a random LoRA of rank 8
is put on it. Parts: ``reading`` (kl, diff-mining and activation-lens beside bare passes over the
same tokens), ``passes`` (contrastive-decoding and perplexity-diff beside their own passes),
``generation``, ``start``, ``memory``, ``together`` and ``step`` (soft-prompt-kl's). Timed calls
alternate, so that another program on the machine slows both sides of a ratio; times are processor
time. Bare passes have linear layers multiply as the engine does, unless ``--torch`` is given: a
processor without instructions for bfloat16 takes four times as long in torch's own way.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from goals import at_most
from real_pair import METHODS, READING, make_adapter, open_pair, open_plain, run_method
from real_passes import bare_passes, rows_of_texts, step_and_passes

CHATS, NEW = 48, 32
LIMIT = 1.5e9
"""Bytes above libraries and weights that a run may take."""


@dataclass(frozen=True)
class Plan:
    """What is measured."""

    model: Path
    adapter: Path
    texts: int | None
    """Of the built-in ones; none: all."""
    rounds: int
    only: Sequence[str]
    """Methods; empty: all."""
    preset: str | None
    """Of options, where a method has presets; none: defaults."""
    like_engine: bool

    def names(self, every: Iterable[str]) -> list[str]:
        """The methods that are measured."""
        return [name for name in every if not self.only or name in self.only]

    def pair(self) -> Any:
        """Both sides, in diffkit."""
        return open_pair(self.model, self.adapter)

    def plain(self) -> Any:
        """Both sides, in transformers and peft."""
        return open_plain(self.model, self.adapter, like_engine=self.like_engine)


def spent(call: Callable[[], object]) -> float:
    """Processor seconds of one call, which are printed: what is cut off has said something."""
    began = time.process_time()
    call()
    seconds = time.process_time() - began
    print(f"  {seconds:.1f} s", file=sys.stderr, flush=True)
    return seconds


def measure_reading(plan: Plan) -> None:
    """Methods that read the texts, beside bare passes over the same tokens."""
    pair, plain = plan.pair(), plan.plain()
    rows = rows_of_texts(pair, plan.texts)
    names = plan.names(READING)
    rounds = []
    for _ in range(plan.rounds):
        bare = spent(lambda: bare_passes(plain, rows))
        rounds.append([_of_run(pair, name, plan) / bare for name in names])
    tokens = sum(map(len, rows))
    for name, ratios in zip(names, zip(*rounds, strict=True), strict=True):
        at_most(f"{name} / bare passes of both sides over the same {tokens} tokens", 1.5, ratios)


def _of_run(pair: Any, name: str, plan: Plan) -> float:
    return spent(lambda: run_method(pair, name, READING[name], plan.texts))


def measure_passes(plan: Plan) -> None:
    """Methods that generate or read much, beside the passes that they make."""
    pair = plan.pair()
    for name in plan.names(("contrastive-decoding", "perplexity-diff")):
        at_most(f"{name} / the passes that it needs", 1.3, [_share(pair, name, plan.texts)])


def _share(pair: Any, name: str, texts: int | None) -> float:
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
        whole = spent(lambda: run_method(pair, name, texts=texts))
    finally:
        module.forward, module.base_model.forward = forward, body
    return whole / inside[0]


def measure_generation(plan: Plan) -> None:
    """Greedy answers to chats, beside transformers' own ``generate`` with the same batch."""
    import torch

    from diffkit.sampling import Sampling
    from diffkit.texts import Message, Text

    pair, plain = plan.pair(), plan.plain()
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

    ratios = [spent(mine) / spent(theirs) for _ in range(plan.rounds)]
    at_most(f"{CHATS} chats x {NEW} tokens / transformers' generate", 0.7, ratios)
    equal = sum(a == b for a, b in zip(said["mine"], said["theirs"], strict=True))
    print(f"  equal texts: {equal} of {CHATS}")


def measure_start(plan: Plan) -> None:
    """Loading a pair, beside transformers' and peft's own loading."""
    import torch
    from transformers import AutoTokenizer

    def theirs() -> None:
        plain = open_plain(plan.model, plan.adapter)
        AutoTokenizer.from_pretrained(plan.model)
        with torch.no_grad():
            plain(input_ids=torch.tensor([[1]]))

    def mine() -> None:
        from diffkit.engine import Inputs

        plan.pair().finetuned.logits(Inputs.of([[1]]))

    theirs(), mine()
    ratios = [spent(mine) / spent(theirs) for _ in range(plan.rounds)]
    at_most("loading a pair / transformers and peft", 1.2, ratios)


def measure_memory(plan: Plan) -> None:
    """Peak memory and processor time of each method, each in a fresh process."""
    for name in plan.names(METHODS):
        command = [sys.executable, __file__, "--alone", name, str(plan.model), str(plan.adapter)]
        command += [plan.preset] if plan.preset else []
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found = json.loads(done.stdout.splitlines()[-1])
        at_most(f"{name}: GB above libraries and weights", LIMIT / 1e9, [found["bytes"] / 1e9])
        at_most(f"{name}: processor minutes", 10, [found["seconds"] / 60])


def print_alone(name: str, model: Path, adapter: Path, preset: str | None = None) -> None:
    """Prints what one run in this process takes, which runs nothing else."""
    for library in ("torch", "peft", "transformers.models.llama.modeling_llama", "diffkit.engine"):
        import_module(library)
    libraries = _status("VmRSS")
    pair = open_pair(model, adapter)
    weights = sum(w.numel() * w.element_size() for w in pair.base.network.module.parameters())
    seconds = spent(lambda: run_method(pair, name, preset))
    print(json.dumps({"bytes": _status("VmHWM") - libraries - weights, "seconds": seconds}))


def _status(field: str) -> int:
    """Bytes; Linux only."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(field))
    return int(line.split()[1]) * 1024


def measure_together(plan: Plan) -> None:
    """Two methods in one call, beside the sum of both less one start-up."""
    names = ("kl", "diff-mining")
    common = ["--base", str(plan.model), "--finetuned", str(plan.adapter), "--device", "cpu"]
    few = ["--texts-limit", str(plan.texts)] if plan.texts else []

    def spent_by(method: str, *more: str) -> float:
        """Processor seconds of a process of its own."""
        with tempfile.TemporaryDirectory() as store:
            command = [sys.executable, "-m", "diffkit", "--store", store, "run", method]
            before = os.times()
            subprocess.run([*command, *common, *(more or few)], check=True, capture_output=True)
            after = os.times()
        return sum(after[2:4]) - sum(before[2:4])

    start = spent_by("kl", "--texts-limit", "1")
    apart = [spent_by(name) for name in names]
    ratios = [spent_by(",".join(names)) / (sum(apart) - start)]
    at_most("kl,diff-mining in one call / sum less one start-up", 1.1, ratios)


def measure_step(plan: Plan) -> None:
    """A step of soft-prompt-kl, beside forward and backward passes of both sides."""
    step, passes = step_and_passes(plan.pair(), plan.plain())
    step(), passes()
    ratios = [spent(step) / spent(passes) for _ in range(plan.rounds)]
    at_most("a step of soft-prompt-kl / forward and backward passes of both sides", 1.3, ratios)


PARTS: dict[str, Callable[[Plan], None]] = {
    "reading": measure_reading,
    "passes": measure_passes,
    "generation": measure_generation,
    "start": measure_start,
    "memory": measure_memory,
    "together": measure_together,
    "step": measure_step,
}


def main() -> None:
    """Measures what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    home = Path(os.environ.get("DIFFKIT_MODELS", "models"))
    parser.add_argument("--model", type=Path, default=home / "weights/smollm2-135m-instruct")
    parser.add_argument("--adapter", type=Path, help="default: a random one")
    parser.add_argument("--only", nargs="+", choices=METHODS, default=(), help="methods")
    parser.add_argument("--texts", type=int, help="so many of the built-in ones; default: all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--preset", help="of options, in the part memory")
    parser.add_argument("--torch", action="store_true", help="bare passes in torch's own way")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        adapter = given.adapter or make_adapter(given.model, Path(folder))
        plan = Plan(
            given.model,
            adapter,
            given.texts,
            given.rounds,
            given.only,
            given.preset,
            like_engine=not given.torch,
        )
        for part in given.parts or PARTS:
            PARTS[part](plan)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--alone"]:
        print_alone(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]), *sys.argv[5:])
    else:
        main()
