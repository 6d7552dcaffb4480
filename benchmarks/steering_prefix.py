"""What searching for a prefix costs beside nanoGCG, and how near it comes.

Prints figures from one run, each beside its goal. nanoGCG 0.3.0 is needed for `speed` and `search`,
in a folder of its own, since its pins are old:

    pip install --no-deps --target FOLDER nanogcg==0.3.0
    python benchmarks/steering_prefix.py --nanogcg FOLDER

It runs with `use_prefix_cache=False`; with its cache it fails on the transformers of today.

`speed`: losses of the same candidates a second. The model is a random Qwen2 of 1.6 million
parameters and 4,096 words; a prompt is 4 tokens of template, 20 that are searched for and 10 of the
target. Each candidate differs from the current prefix in one token, as nanoGCG draws them. Both
have one thread, and seconds are the processor's.

`search`: the least loss that either finds with the same readings, each from its own random start.
A reading is a candidate read once; a gradient counts three. The optimiser is `multi-coordinate`,
the one for a single prompt; the default, `momentum`, which is made for many, is beside it. Options
are otherwise the defaults; candidates a step are the same.

`match`: prefixes that do what a reference prefix does on the zoo's tiny-qwen3, from random starts;
the reference's own tokens are allowed. What is told is the held-out loss beyond the reference's.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import diffkit_organisms
import torch
from diffkit_plugins.steering_prefix.completing import Continuation
from diffkit_plugins.steering_prefix.completions import CompletionObjective
from diffkit_plugins.steering_prefix.layout import Layout
from diffkit_plugins.steering_prefix.objective import Objective
from diffkit_plugins.steering_prefix.problem import match_problem
from diffkit_plugins.steering_prefix.references import Reference
from diffkit_plugins.steering_prefix.search_options import CompletionOptions
from diffkit_plugins.steering_prefix.searched import Search
from diffkit_plugins.steering_prefix.searching import search
from diffkit_plugins.steering_prefix.space import TokenSpace
from jaxtyping import Float, Int
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import Tensor
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from diffkit import Model, RunContext, Texts, load_model
from diffkit.catalogue import read_base
from diffkit.context import Artifacts, Checkpoints
from diffkit.engine.architectures import architecture_of
from diffkit.engine.network import Network

ZOO = Path(diffkit_organisms.__file__).parent / "zoo"
ROUNDS, SEEDS = 5, 5
WORDS, TEMPLATE, LENGTH, TARGET = 4_096, 4, 20, 10
WIDTH, SHARED_BATCH = 512, 128
STEPS, SEARCH_WIDTH, GRADIENT = 48, 128, 3
REFERENCE = "Talk only about the sea."
MATCH_BUDGET = 20_000


@dataclass(frozen=True)
class Task:
    """A model, and what it is to say."""

    module: Qwen2ForCausalLM
    tokenizer: PreTrainedTokenizerFast
    target: Int[Tensor, " target"]
    objective: CompletionObjective

    @property
    def words(self) -> str:
        """The target as it reads."""
        words: str = self.tokenizer.decode(self.target)
        return words


def write_tokenizer() -> PreTrainedTokenizerFast:
    """One token a word; prompts begin with as many words of template."""
    words = ["a", "0", *(f"w{i}" for i in range(WORDS - 4)), "<pad>", "<unk>"]
    vocabulary = {word: i for i, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    opening = " ".join(words[10 : 10 + TEMPLATE])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        unk_token="<unk>",
        chat_template=opening + " {{ messages[0]['content'] }}",
    )


def build(seed: int) -> Task:
    """A random model, and a random target."""
    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=WORDS,
        hidden_size=128,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=4,
        intermediate_size=512,
        max_position_embeddings=128,
        initializer_range=0.1,  # the usual start is so near zero that prefixes hardly matter
        tie_word_embeddings=True,
    )
    module, tokenizer = Qwen2ForCausalLM(config).eval(), write_tokenizer()
    model = Model(Network(module, tokenizer, architecture_of("qwen2")))
    target = torch.randint(2, WORDS - 2, (TARGET,))
    return Task(module, tokenizer, target, aim(model, tokenizer, target))


def aim(
    model: Model, tokenizer: PreTrainedTokenizerFast, target: Int[Tensor, " target"]
) -> CompletionObjective:
    """Mean −log p of the target's tokens after the prefix, as nanoGCG's loss is."""
    layout = Layout(tokenizer, separator="")
    ids, nought = tuple(target.tolist()), torch.zeros(len(target))
    reference = Reference(
        Continuation(ids, finished=False, text=tokenizer.decode(ids)),
        targets=ids,
        top=target[:, None],
        log_top=nought[:, None],
        log_rest=nought,
        log_targets=nought,
    )
    options = CompletionOptions(loss="cross-entropy", early_weight=1, batch_size=SHARED_BATCH)
    places = [layout.place("", "chat")]
    return CompletionObjective(
        model, layout, places, [reference], vocabulary=WORDS, options=options
    )


def nanogcg(folder: Path | None) -> ModuleType | None:
    """nanoGCG, or none where it is not installed."""
    os.environ.setdefault("TQDM_DISABLE", "1")
    sys.path += [str(folder)] if folder else []
    try:
        import nanogcg.gcg as module
    except ImportError:
        print("nanoGCG is not installed, so nothing is compared with it; see the top of this file")
        return None
    module.logger.setLevel("ERROR")
    return module


class Theirs:
    """How nanoGCG reads candidates in each of its steps."""

    def __init__(self, gcg: Any, task: Task, batch_size: int) -> None:
        self._gcg, self._task, self._batch_size = gcg, task, batch_size
        self._reader = gcg.GCG(task.module, task.tokenizer, gcg.GCGConfig(use_prefix_cache=False))
        self._reader.target_ids = task.target[None]

    def __call__(self, prefixes: Int[Tensor, "tried length"]) -> Float[Tensor, " tried"]:
        embed, count = self._task.module.get_input_embeddings(), len(prefixes)
        (place,) = self._task.objective.places
        with torch.no_grad():
            parts = (torch.tensor(place.before)[None], prefixes, self._task.target[None])
            embeds = [embed(ids).expand(count, -1, -1) for ids in parts]
            find = self._gcg.find_executable_batch_size(
                self._reader._compute_candidates_loss_original, self._batch_size
            )
            losses: Tensor = find(torch.cat(embeds, dim=1))
        return losses


def measure_speed(folder: Path | None) -> None:
    """The same candidates, in turns; nanoGCG as many at a time as we, and all at once (its way)."""
    gcg = nanogcg(folder)
    if gcg is None:
        return
    task = build(0)
    print(f"{sum(p.numel() for p in task.module.parameters()):,} parameters")
    for batch_size in (SHARED_BATCH, WIDTH):
        theirs = Theirs(gcg, task, batch_size)
        rates, apart = compare(task, theirs)
        report(f"candidates a second, ours / nanoGCG's ({batch_size} at a time)", 4, rates)
        print(f"  losses of the same candidates differ by at most {apart:.0e}; goal at most 1e-05")


def compare(task: Task, theirs: Theirs) -> tuple[list[float], float]:
    """Both read the same candidates, one after the other; ratios, and how far losses are apart."""
    near = torch.randint(2, WORDS - 2, (LENGTH,))
    rates, apart = [], 0.0
    for _ in range(ROUNDS + 1):
        tried = near.repeat(WIDTH, 1)
        drawn = torch.randint(2, WORDS - 2, (WIDTH,))
        tried[torch.arange(WIDTH), torch.randint(LENGTH, (WIDTH,))] = drawn
        began = time.process_time()
        expected = theirs(tried)
        middle = time.process_time()
        found = task.objective.losses(tried, [0], near=near)[:, 0]
        rates.append((middle - began) / (time.process_time() - middle))
        print(f"  {WIDTH / (middle - began):.0f} and {WIDTH / (middle - began) * rates[-1]:.0f}")
        apart = max(apart, float((found - expected).abs().max()))
    return rates, apart


def measure_search(folder: Path | None) -> None:
    """The least loss with the same readings."""
    gcg = nanogcg(folder)
    if gcg is None:
        return
    readings = 1 + STEPS * (SEARCH_WIDTH + GRADIENT)
    won = 0
    for seed in range(SEEDS):
        task = build(seed)
        words = task.tokenizer.decode(torch.randint(2, WORDS - 2, (LENGTH,)))
        config = gcg.GCGConfig(
            num_steps=STEPS,
            search_width=SEARCH_WIDTH,
            optim_str_init=words,
            use_prefix_cache=False,
            seed=seed,
        )
        theirs = gcg.GCG(task.module, task.tokenizer, config).run("{optim_str}", task.words)
        torch.use_deterministic_algorithms(False)  # nanoGCG turns them on for good
        found = {}
        for optimiser in ("multi-coordinate", "momentum"):
            options = CompletionOptions(
                optimiser=optimiser,
                length=LENGTH,
                budget=readings,
                candidates=SEARCH_WIDTH,
                prune=False,
            )
            found[optimiser] = searched(task.objective, options, seed).loss
        won += found["multi-coordinate"] < theirs.best_loss
        ours = ", ".join(f"{name} {loss:.3f}" for name, loss in found.items())
        print(f"  seed {seed}: {ours}; nanoGCG {theirs.best_loss:.3f} nats per token")
    count(f"multi-coordinate: lower loss after {readings:,} readings", won)


def measure_match(_: Path | None) -> None:
    """From random starts, with the reference's own tokens."""
    base = read_base(ZOO / "bases" / "tiny-qwen3.yaml")
    model, texts = load_model(base.source, device="cpu"), Texts.read(base.texts)
    length = len(model.tokenizer(REFERENCE, add_special_tokens=False).input_ids)
    options = CompletionOptions(length=length, budget=MATCH_BUDGET, prune=False)
    near = 0
    for seed in range(SEEDS):
        with context(seed, texts) as given:
            problem = match_problem(model, REFERENCE, options, given)
        found = searched(problem.training, options, seed)
        held_out = problem.held_out
        losses = held_out.losses(torch.tensor([found.ids]), range(held_out.items))[0]
        excess = float((losses - held_out.floors).mean())
        empty = float((held_out.empty - held_out.floors).mean())
        near += excess < 0.01
        print(
            f"  seed {seed}: {excess:.4f} nats per token (no prefix: {empty:.3f}) by {found.text!r}"
        )
    count(f"held-out loss beyond the reference's under 0.01, {REFERENCE!r}", near)


@contextmanager
def context(seed: int, texts: Texts) -> Iterator[RunContext]:
    """A run without a store."""
    with tempfile.TemporaryDirectory() as folder:
        yield RunContext(seed, texts, Artifacts(Path(folder)), Checkpoints(Path(folder)))


def searched(objective: Objective, options: CompletionOptions, seed: int) -> Search:
    """The best prefix that an optimiser finds."""
    with context(seed, Texts.of()) as given:
        return search(objective, TokenSpace.of(objective, options), options, given).best


def report(what: str, goal: float, ratios: list[float]) -> None:
    """Prints the median; the first round, which warms the caches, does not count."""
    low, *_, high = sorted(ratios[1:])
    middle = statistics.median(ratios[1:])
    verdict = "met" if middle >= goal else "MISSED"
    print(
        f"{what}: {middle:.1f} ({low:.1f} to {high:.1f}, n = {len(ratios) - 1}); "
        f"goal at least {goal}: {verdict}"
    )


def count(what: str, seeds: int) -> None:
    """Prints on how many seeds something holds."""
    verdict = "met" if seeds >= SEEDS - 1 else "MISSED"
    print(f"{what}: {seeds} of {SEEDS} seeds; goal at least {SEEDS - 1}: {verdict}")


if __name__ == "__main__":
    torch.set_num_threads(1)  # so that CPU time is what counts, whatever else the machine does
    parts: dict[str, Callable[[Path | None], None]] = {
        "speed": measure_speed,
        "search": measure_search,
        "match": measure_match,
    }
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=parts, default=list(parts))
    parser.add_argument("--nanogcg", type=Path, help="folder that nanoGCG is installed in")
    given = parser.parse_args()
    for part in given.parts:
        parts[part](given.nanogcg)
