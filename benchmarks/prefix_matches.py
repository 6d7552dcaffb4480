"""Prefixes with the effect of a reference prefix on the zoo's tiny-qwen3."""

from dataclasses import dataclass
from pathlib import Path

import diffkit_organisms
import torch
from diffkit_organisms.world.phrases import PREFIXES, RECALLS
from diffkit_plugins.steering_prefix.config import CompletionOptions
from diffkit_plugins.steering_prefix.problem import PrefixProblem, match_problem
from prefix_searches import SEEDS, best_prefix, context, count

from diffkit import Model, Texts, load_model
from diffkit.registry.catalogue import read_base
from diffkit.texts import Message, Text

ZOO = Path(diffkit_organisms.__file__).parent / "zoo"
BUDGET, ENOUGH = 20_000, 0.01


@dataclass(frozen=True)
class MatchCase:
    """A reference prefix, and the source of its suffixes."""

    reference: str
    texts: Texts
    own_suffixes: int


def questions() -> Texts:
    """Questions about a remark, which precedes them."""
    questions = [opening + question for question in RECALLS for opening in ("", *PREFIXES)]
    return Texts(items=tuple(Text(messages=(Message(role="user", content=q),)) for q in questions))


def measure_match(_: Path | None) -> None:
    """From random starts; the tokens of the reference are allowed."""
    base = read_base(ZOO / "bases" / "tiny-qwen3.yaml")
    model = load_model(base.source, device="cpu")
    effective = MatchCase("I have the brown wheel.", questions(), own_suffixes=0)
    ineffective = MatchCase("Talk only about the sea.", Texts.read(base.texts), own_suffixes=512)
    for case in (effective, ineffective):
        for optimiser in ("multi-coordinate", "momentum"):
            _measure(model, case, optimiser)


def _measure(model: Model, case: MatchCase, optimiser: str) -> None:
    length = len(model.tokenizer(case.reference, add_special_tokens=False).input_ids)
    options = CompletionOptions(
        length=length,
        budget=BUDGET,
        prune=False,
        optimiser=optimiser,
        own_suffixes=case.own_suffixes,
    )
    matched = 0
    for seed in range(SEEDS):
        with context(seed, case.texts) as given:
            problem = match_problem(model, case.reference, options, given)
        found = best_prefix(problem.training, options, seed)
        excess, empty = _excess(problem, found.ids), _excess(problem, ())
        matched += excess < ENOUGH
        print(
            f"  seed {seed}: {excess:.4f} nats per token (no prefix: {empty:.3f}; "
            f"{problem.training.items} suffixes to search with) by {found.text!r}"
        )
    what = f"{optimiser}, {case.reference!r}: held-out loss above the reference's under {ENOUGH}"
    count(what, matched)


def _excess(problem: PrefixProblem, ids: tuple[int, ...]) -> float:
    held_out = problem.held_out
    prefix = torch.tensor(ids, dtype=torch.long)[None]
    losses = held_out.losses(prefix, range(held_out.items))[0]
    return float((losses - held_out.floors).mean())
