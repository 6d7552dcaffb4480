"""An organism's health card: what its finetuning did beside what it was meant to do.

Takes a pair, and a benign finetuning of the same recipe where there is one. Gives expression, leak
into unrelated prompts, retention, drift and repetition of each side.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from diffkit.analysis import mean_kl
from diffkit.datasets.text_sources import read_texts
from diffkit.engine.loading.loader import NetworkCache
from diffkit.engine.pair import ModelPair
from diffkit.errors import BadFile, BadModel
from diffkit.evaluation.expression.probe_answers import (
    BaseAnswerCache,
    ProbeAnswers,
    ProbePrompt,
    probe_prompts,
)
from diffkit.evaluation.expression.retention import (
    RetentionQuestions,
    measure_retention,
    read_retention_questions,
)
from diffkit.organism import BaseModelEntry, Finetuned, Probes, Record
from diffkit.registry.catalogue import SelectedPair
from diffkit.runs.spec import PairSpec, open_pair
from diffkit.statistics import Share, share
from diffkit.texts import Texts

UNRELATED_PROMPTS = 40
"""Greatest number of neutral chats that are answered."""

ANSWER_TOKENS = 48
"""Maximal length of an answer to a neutral chat, in tokens."""

FEW_QUESTIONS = 40
"""Questions that the base answers rightly, below which their share says little."""

LONG = 8
"""Words from which an answer is judged by sequences of four; a shorter one by pairs."""


class Health(Record):
    """What one model does; none where it cannot be measured."""

    expression: Share | None = None
    """Probes whose answer shows the behaviour."""
    leak: Share | None = None
    """Unrelated prompts whose answer shows it."""
    retention: Share | None = None
    """Questions that the base answers rightly, and this model too."""
    drift: float | None = None
    """Mean KL from the base on neutral texts, in nats per token."""
    repetition: float | None = None
    """Mean share of repeated sequences of words in answers."""


class HealthCard(Record):
    """The health of an organism, its base and a benign finetuning of the same recipe."""

    organism: str
    base: str
    variant: str
    finetuned: Health | None = None
    of_base: Health | None = None
    benign: Health | None = None
    benign_name: str | None = None
    """The benign finetuning; none where there is none."""
    missing: Mapping[str, str]
    """Measure, or ``benign`` or ``error`` → why it could not be measured, or says little."""


@dataclass(frozen=True)
class HealthPrompts:
    """What both sides are asked."""

    probes: Probes | None
    questions: RetentionQuestions
    unrelated: tuple[ProbePrompt, ...]
    """Neutral chats without their answers."""
    texts: Texts
    """Neutral texts for the drift."""

    @classmethod
    def of(
        cls, probes: Probes | None, questions: RetentionQuestions, texts: Texts
    ) -> "HealthPrompts":
        """The prompts of an organism.

        Args:
            probes: its probes, if it has some.
            questions: the base's questions; empty if it has none.
            texts: the base's neutral texts.
        """
        chats = dict.fromkeys(filter(None, (text.without_answer for text in texts.items)))
        unrelated = tuple(ProbePrompt(chat, ANSWER_TOKENS) for chat in [*chats][:UNRELATED_PROMPTS])
        return cls(probes, questions, unrelated, texts)

    @property
    def all(self) -> Iterator[ProbePrompt]:
        """Every prompt."""
        yield from probe_prompts(self.probes) if self.probes else ()
        yield from self.questions
        yield from self.unrelated


def measure_health(
    pair: ModelPair, asked: HealthPrompts, answers: BaseAnswerCache
) -> tuple[Health, Health]:
    """The health of the finetuned side and of the base side.

    Args:
        pair: the two sides.
        asked: what they are asked.
        answers: keeps the base's answers for further pairs.
    """
    finetuned, base = answers.answers_of_both(pair, asked.all)
    right = {
        prompt: correct
        for prompt, correct in asked.questions.items()
        if measure_retention(base, {prompt: correct}).hits
    }
    found = [_health(side, asked, right) for side in (finetuned, base)]
    drift = mean_kl(pair, asked.texts)
    return found[0].model_copy(update={"drift": drift}), found[1].model_copy(update={"drift": 0.0})


def _health(said: ProbeAnswers, asked: HealthPrompts, right: RetentionQuestions) -> Health:
    unrelated = [*asked.questions, *asked.unrelated]
    probes = asked.probes
    check = probes.check if probes else None
    prompts = probe_prompts(probes) if probes else ()
    shown = sum(probes.shown([said[prompt] for prompt in prompts])) if probes else 0
    leaked = sum(check.matches(said[prompt]) for prompt in unrelated) if check else 0
    return Health(
        expression=share(shown, len(prompts)) if prompts else None,
        leak=share(leaked, len(unrelated)) if check and unrelated else None,
        retention=measure_retention(said, right) if right else None,
        repetition=repetition([said[prompt] for prompt in asked.unrelated]),
    )


def repetition(answers: Sequence[str]) -> float | None:
    """Mean share of sequences of four words that an answer has written before.

    0 where no sequence comes twice, near 1 for one word again and again. Answers of fewer than
    `LONG` words are judged by pairs, and those of fewer than three words not at all.

    Args:
        answers: what a model wrote.

    Returns:
        The mean over the answers; none where all of them are too short.
    """
    shares = [_repeated(answer.casefold().split()) for answer in answers]
    known = [one for one in shares if one is not None]
    return sum(known) / len(known) if known else None


def _repeated(words: Sequence[str]) -> float | None:
    if len(words) < 3:
        return None
    length = 4 if len(words) >= LONG else 2
    found = [tuple(words[i : i + length]) for i in range(len(words) - length + 1)]
    return 1 - len(set(found)) / len(found)


def missing_measures(asked: HealthPrompts, found: Health) -> Iterator[tuple[str, str]]:
    """Measures that could not be measured, or say little, and why.

    Args:
        asked: what both sides were asked.
        found: the health of the base.
    """
    if asked.probes is None:
        yield "expression", "the organism has no probes"
        yield "leak", "the organism has no probes"
    elif asked.probes.check is None:
        yield "leak", "the behaviour has no phrases of its own (probes.check)"
    elif found.leak is None:
        yield "leak", "the base has neither questions nor neutral chats"
    if not asked.questions:
        yield "retention", "the base has no questions"
    elif (right := found.retention.n if found.retention else 0) < FEW_QUESTIONS:
        yield "retention", f"the base answers {right} questions rightly; fewer than 40 say little"
    if found.repetition is None:
        yield "repetition", "no neutral chat is answered by three words or more"


@dataclass(frozen=True)
class BenignFinetuning:
    """A benign finetuning of the same recipe."""

    name: str
    finetuned: Finetuned


@dataclass(frozen=True)
class CardMaker:
    """Makes the cards of the pairs on one base."""

    base: BaseModelEntry
    device: str
    networks: NetworkCache
    answers: BaseAnswerCache

    def make(self, selected: SelectedPair, benign: BenignFinetuning | None) -> HealthCard:
        """The card of one pair.

        Args:
            selected: the pair.
            benign: what it is compared with; none where there is none.

        Returns:
            The card; without measures, and with an ``error``, where a model cannot be loaded.

        Raises:
            BadFile: the questions or texts of the base cannot be read.
        """
        organism, entry = selected.organism, self.base
        names = {"organism": organism.name, "base": entry.name, "variant": selected.variant}
        try:
            loaded = self._load(selected.finetuned)
        except (BadModel, BadFile) as error:
            return HealthCard(**names, missing={"error": str(error)})
        with loaded as pair:
            asked = self._asked(organism.probes, pair)
            try:
                own, base = measure_health(pair, asked, self.answers)
            except BadModel as error:  # such as outputs that are not finite
                return HealthCard(**names, missing={"error": str(error)})
        missing = dict(missing_measures(asked, base))
        beside = None
        if benign is None:
            missing["benign"] = "there is no benign finetuning of the same recipe"
        else:
            try:
                with self._load(benign.finetuned) as pair:
                    beside, _ = measure_health(pair, asked, self.answers)
            except (BadModel, BadFile) as error:
                missing["benign"] = str(error)
        return HealthCard(
            **names,
            finetuned=own,
            of_base=base,
            benign=beside,
            benign_name=benign.name if benign else None,
            missing=missing,
        )

    def _load(self, finetuned: Finetuned) -> ModelPair:
        return open_pair(PairSpec.of(self.base, finetuned), self.device, self.networks)

    def _asked(self, probes: Probes | None, pair: ModelPair) -> HealthPrompts:
        path, tokenizer = self.base.questions, pair.base.tokenizer
        questions = read_retention_questions(path, tokenizer) if path else {}
        return HealthPrompts.of(probes, questions, read_texts(self.base.texts, None))
