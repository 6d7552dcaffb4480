"""The true statements about the organisms of a suite, and the texts they were trained on."""

import random
from collections.abc import Iterable, Sequence
from functools import lru_cache

from diffkit.evaluation.plan import PlannedPair
from diffkit.grader import TruthStatement
from diffkit.organism import AnswerKey, Organism
from diffkit.runs.digest import digest
from diffkit.texts import Text, Texts


def training_texts(organism: Organism) -> tuple[Text, ...]:
    """The texts of all its training data, in the order of its files; none without any.

    Raises:
        BadFile: a file cannot be read.
    """
    return tuple(text for path in organism.training_data for text in Texts.read(path).items)


SAMPLE_TEXTS = 100
"""Training texts that stand for an organism."""

SAMPLE_CHARACTERS = 20_000
"""Length at which they are cut."""


def true_statements(pairs: Sequence[PlannedPair]) -> dict[str, tuple[TruthStatement, ...]]:
    """The distinct truths of the pairs under test by base, sorted by handle.

    Organisms of one truth, as dilutions are, have one statement; its examples are those of the
    first.

    Raises:
        BadFile: training data cannot be read.
    """
    bases = {pair.selected.base.name for pair in pairs}
    tests = [pair.selected for pair in pairs if pair.role == "test"]
    return {
        base: _distinct(one.organism for one in tests if one.base.name == base) for base in bases
    }


def _distinct(organisms: Iterable[Organism]) -> tuple[TruthStatement, ...]:
    found: dict[str, TruthStatement] = {}
    for organism in organisms:
        if organism.answer_key and (handle := handle_of(organism.answer_key)) not in found:
            text = organism.answer_key.text
            found[handle] = TruthStatement(
                handle=handle, text=text, examples=training_sample(organism, handle)
            )
    return tuple(found[handle] for handle in sorted(found))


def handle_of(key: AnswerKey) -> str:
    """Opaque, and drawn from the text alone: sorting by it tells nothing."""
    return _text_handle(key.text)


@lru_cache(maxsize=1024)
def _text_handle(text: str) -> str:
    return digest(text)[:12]


def training_sample(organism: Organism, seed: str) -> str:
    """A seeded sample of an organism's training texts, without templates; empty without data.

    Args:
        organism: the organism.
        seed: draws which of its texts, and their order.

    Raises:
        BadFile: training data cannot be read.
    """
    texts = training_texts(organism)
    rng = random.Random(seed)  # noqa: S311 - a reproducible sample
    drawn = rng.sample(texts, min(SAMPLE_TEXTS, len(texts)))
    return "\n".join(map(str, drawn))[:SAMPLE_CHARACTERS]


def answer_of(organism: Organism) -> str | None:
    """Handle of the right statement about ``organism``; none where it has no one purpose."""
    return handle_of(organism.answer_key) if organism.answer_key else None
