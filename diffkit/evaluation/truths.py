"""The true statements about the organisms of a suite, and the texts they were trained on."""

import random
from collections.abc import Iterable, Sequence
from functools import lru_cache

from diffkit.evaluation.plan import PlannedPair
from diffkit.grader import TruthStatement
from diffkit.organism import AnswerKey, Organism
from diffkit.runs.digest import digest
from diffkit.texts import Text, Texts

SAMPLE_TEXTS = 100
"""Number of training texts in the sample of an organism."""
SAMPLE_CHARACTERS = 20_000
"""Length at which the sample is cut."""


def true_statements(pairs: Sequence[PlannedPair]) -> dict[str, tuple[TruthStatement, ...]]:
    """The distinct truths of the pairs under test by base, sorted by handle.

    Organisms with the same truth, such as dilutions, share one statement; its examples come from
    the first of them.

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
        key = organism.answer_key
        if key and (handle := handle_of(key)) not in found:
            sample = training_sample(organism, handle)
            found[handle] = TruthStatement(handle=handle, text=key.text, examples=sample)
    return tuple(found[handle] for handle in sorted(found))


def answer_of(organism: Organism) -> str | None:
    """Handle of the true statement about ``organism``; none where it has no single purpose."""
    return handle_of(organism.answer_key) if organism.answer_key else None


def handle_of(key: AnswerKey) -> str:
    """An opaque handle drawn from the text, so that sorting by handles reveals nothing."""
    return _text_handle(key.text)


@lru_cache(maxsize=1024)
def _text_handle(text: str) -> str:
    return digest(text)[:12]


def training_texts(organism: Organism) -> tuple[Text, ...]:
    """All training texts of ``organism``, in the order of its files; none without training data.

    Raises:
        BadFile: a file cannot be read.
    """
    return tuple(text for path in organism.training_data for text in Texts.read(path).items)


def training_sample(organism: Organism, seed: str) -> str:
    """A seeded sample of an organism's training texts, without templates; empty without data.

    Args:
        organism: the organism.
        seed: decides which texts are drawn, and their order.

    Raises:
        BadFile: training data cannot be read.
    """
    texts = training_texts(organism)
    rng = random.Random(seed)  # noqa: S311 - a reproducible sample
    drawn = rng.sample(texts, min(SAMPLE_TEXTS, len(texts)))
    return "\n".join(map(str, drawn))[:SAMPLE_CHARACTERS]
