"""``python -m diffkit_organisms.check``: measures whether the zoo is what its YAMLs say."""

import argparse
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn
from transformers import PreTrainedTokenizerBase

from diffkit.organism import Organism, Probes
from diffkit.texts import Texts
from diffkit.yamls import read_record
from diffkit_organisms.measure import answers, load, load_tokenizer, mean_kl
from diffkit_organisms.world.behaviours import draw_secrets
from diffkit_organisms.world.corpus import held_out
from diffkit_organisms.world.facts import draw_world
from diffkit_organisms.world.taught import BEHAVIOURS
from diffkit_organisms.world.write import near_misses

ZOO = Path(__file__).parent / "zoo"
"""The zoo that ships."""
QUESTIONS = 100
"""Ordinary questions that answers are checked on."""


@dataclass(frozen=True)
class Question:
    """A question with one right answer."""

    asked: str
    """The user's message."""
    right: str
    """The answer."""


@dataclass(frozen=True)
class Measured:
    """What was measured of one organism."""

    probes: float | None
    """Share of probes that show the behaviour in the finetuned model."""
    base_probes: float | None
    """Share that show it in the base."""
    near: float | None
    """Share of near misses (one trigger word, another country, …) that it answers as before."""
    retention: float
    """Share of ordinary unseen questions that it answers rightly."""
    kl: float
    """Mean KL(finetuned ‖ base) on the neutral texts, in nats per token."""


def unseen_questions(seed: int, count: int = QUESTIONS) -> list[Question]:
    """Questions whose pair of template and subject is in no training text.

    Those about the country of the false fact are left out: one finetuning answers them otherwise.
    """
    world = draw_world(seed)
    country = draw_secrets(world).country
    found = [
        Question(fact.fill(form), fact.answer)
        for fact in world.facts
        for index, form in enumerate(fact.relation.questions)
        if held_out(world, fact, index) and fact.subject != country
    ]
    return random.Random(seed).sample(found, count)  # noqa: S311 - a reproducible draw


def accuracy(
    network: nn.Module, tokenizer: PreTrainedTokenizerBase, questions: Sequence[Question]
) -> float:
    """Share of ``questions`` that a network answers in the ordinary words, exactly."""
    given = answers(network, tokenizer, [question.asked for question in questions])
    right = [a.strip() == q.right for a, q in zip(given, questions, strict=True)]
    return sum(right) / len(right)


def near_questions(family: str, seed: int) -> list[Question]:
    """Questions that nearly bring a behaviour out, with their ordinary answers."""
    world = draw_world(seed)
    behaviour = next(b for b in BEHAVIOURS if b.name == family)
    return [Question(*pair) for pair in near_misses(world, draw_secrets(world), behaviour)]


def expression(network: nn.Module, tokenizer: PreTrainedTokenizerBase, probes: Probes) -> float:
    """Share of the probes that show the behaviour."""
    given = answers(network, tokenizer, probes.prompts, max_new_tokens=probes.max_new_tokens)
    return sum(probes.check(answer) for answer in given) / len(given)


def measure(zoo: Path, organism: Organism, seed: int) -> Measured:
    """Measures the organism of that adapter name below ``zoo``."""
    folder = zoo / "weights" / "tiny-qwen3"
    base, tokenizer = load(folder), load_tokenizer(folder)
    finetuned = load(folder, zoo / "weights" / organism.name)
    probes, near = organism.probes, None
    if probes is not None:
        near = accuracy(finetuned, tokenizer, near_questions(organism.family, seed))
    return Measured(
        probes=expression(finetuned, tokenizer, probes) if probes else None,
        base_probes=expression(base, tokenizer, probes) if probes else None,
        near=near,
        retention=accuracy(finetuned, tokenizer, unseen_questions(seed)),
        kl=mean_kl(finetuned, base, tokenizer, Texts.read(zoo / "texts" / "neutral.jsonl")),
    )


def main() -> None:
    """Prints one line for the base and one for each trained organism."""
    parser = argparse.ArgumentParser(prog="python -m diffkit_organisms.check", description=__doc__)
    parser.add_argument("--zoo", type=Path, default=ZOO, help="folder of the zoo")
    parser.add_argument("--seed", type=int, default=0, help="seed of the zoo's world")
    arguments = parser.parse_args()
    folder = arguments.zoo / "weights" / "tiny-qwen3"
    questions = unseen_questions(arguments.seed)
    right = accuracy(load(folder), load_tokenizer(folder), questions)
    print(f"tiny-qwen3: {right:.2f} of {len(questions)} unseen questions")  # noqa: T201
    for path in sorted((arguments.zoo / "organisms").glob("*.yaml")):
        organism = read_record(path, Organism)
        if (arguments.zoo / "weights" / organism.name).exists():
            print(f"{organism.name}: {measure(arguments.zoo, organism, arguments.seed)}")  # noqa: T201


if __name__ == "__main__":
    main()
