"""Checks organisms: their behaviour, the accuracy they kept, and their divergence from the base.

Nulls are checked for the behaviours of all targeted organisms on the same base.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffkit.analysis.predictions import mean_kl
from diffkit.context import Progress, no_progress
from diffkit.engine.loading.loader import NetworkCache, load_pair
from diffkit.errors import BadFile, BadModel, DiffkitError
from diffkit.evaluation.expression.gate import (
    Expression,
    expression_of,
    share_showing,
    with_variant_threshold,
)
from diffkit.evaluation.expression.probe_answers import (
    Ask,
    BaseAnswerCache,
    ProbeAnswers,
    probe_prompts,
)
from diffkit.organism import BaseModelEntry, Finetuned, Identical, Organism, Probes, Record
from diffkit.registry.catalogue import SelectedPair
from diffkit.statistics.shares import Share, share
from diffkit.texts import Text, Texts

if TYPE_CHECKING:
    from diffkit.engine.pair import ModelPair

ANSWER_SLACK = 24
"""Tokens that an answer may be longer than the longest right one: it may say it in a sentence."""

_WORD = re.compile(r"\w+")

RetentionQuestions = dict[Ask, str]
"""Question → its one right answer."""


def read_retention_questions(path: Path, tokenizer: Any) -> RetentionQuestions:
    """Questions and right answers: chats that end with the answer.

    Args:
        path: JSONL of chats.
        tokenizer: tells how long answers may be.

    Raises:
        BadFile: the file is missing or malformed, or a line is no such chat.
    """
    chats = Texts.read(path).items
    for number, chat in enumerate(chats, 1):
        if len(chat.messages) < 2 or chat.messages[-1].role != "assistant":
            what = f"holds no question with an answer in its text number {number}."
            hint = "Put {\"messages\": [a user's message, the assistant's answer]} on each line."
            raise BadFile(path, what, field="messages", hint=hint)
    rights = [chat.messages[-1].content for chat in chats]
    longest = max(len(tokenizer(right)["input_ids"]) for right in rights) + ANSWER_SLACK
    return {
        Ask(Text(messages=chat.messages[:-1]), longest): right
        for chat, right in zip(chats, rights, strict=True)
    }


def measure_retention(said: ProbeAnswers, questions: RetentionQuestions) -> Share:
    """Share of the questions whose answer holds the words of the right one, whatever is around."""
    right = sum(_words(answer) in _words(said[ask]) for ask, answer in questions.items())
    return share(right, len(questions))


def _words(text: str) -> str:
    """Casefolded words with one space around each, so that no word is found inside another."""
    return f" {' '.join(_WORD.findall(text.casefold()))} "


MAX_INCREASE = 0.1
"""How far a null's share of any organism's probes may lie above its base's."""


class BehaviourIncrease(Record):
    """How often a null shows the behaviour of one organism."""

    organism: str
    """Whose probes were put."""
    null: Share
    """The null's finetuned side."""
    base: Share
    """Its base side."""

    @property
    def value(self) -> float:
        """The null's share less the base's."""
        return (self.null.value or 0.0) - (self.base.value or 0.0)

    @property
    def passes(self) -> bool:
        """Whether it is within bounds."""
        return self.value <= MAX_INCREASE + 1e-9


class PairCheck(Record):
    """What was measured of one pair."""

    organism: str
    base: str
    variant: str
    expression: Expression | None = None
    """The behaviour; none where the organism has no probes."""
    rises: tuple[BehaviourIncrease, ...] = ()
    """For nulls: the behaviours of targeted organisms on the same base, the largest rise first."""
    retention: Share | None = None
    """Share of the base's questions that are answered rightly; none where it brings none."""
    base_retention: Share | None = None
    """The same of the base side."""
    drift: float | None = None
    """Mean KL(finetuned ‖ base) on neutral texts, in nats per token."""
    error: str | None = None
    """Why the models could not be used; nothing was measured then."""

    @property
    def passes(self) -> bool | None:
        """Whether all bounds are kept; none where there are none."""
        if self.error:
            return False
        parts = [rise.passes for rise in self.rises]
        parts += [self.expression.passes] if self.expression else []
        return all(parts) if parts else None


@dataclass(frozen=True)
class PairChecker:
    """What the pairs on one base are measured by."""

    behaviours: Mapping[str, Probes]
    """Targeted organism on this base → its probes, which are put to every null."""
    questions: RetentionQuestions
    texts: Texts
    memory: BaseAnswerCache

    @classmethod
    def of(
        cls, base: BaseModelEntry, organisms: Iterable[Organism], tokenizer: object
    ) -> "PairChecker":
        """Reads the base's questions and texts.

        Args:
            base: the base of the pairs.
            organisms: all that are known on it.
            tokenizer: the base's.

        Raises:
            BadFile: a file is missing or malformed.
        """
        behaviours = {one.name: one.probes for one in organisms if one.probes and _targeted(one)}
        return cls(
            behaviours=behaviours,
            questions=read_retention_questions(base.questions, tokenizer) if base.questions else {},
            texts=Texts.read(base.texts) if base.texts else Texts.default(),
            memory=BaseAnswerCache(),
        )

    def check(self, selected: SelectedPair, pair: "ModelPair") -> PairCheck:
        """Measures one pair, with one round of questions for each side."""
        organism = selected.organism
        own = with_variant_threshold(organism.probes, selected.variant) if organism.probes else None
        others = {} if _targeted(organism) else self.behaviours
        put = [*others.values(), *([own] if own else [])]
        wanted = [ask for probes in put for ask in probe_prompts(probes)]
        finetuned, base = self.memory.both(pair, [*wanted, *self.questions])
        return PairCheck(
            organism=organism.name,
            base=selected.base.name,
            variant=selected.variant,
            expression=expression_of(finetuned, base, own) if own else None,
            rises=tuple(_increases(finetuned, base, others)),
            retention=measure_retention(finetuned, self.questions) if self.questions else None,
            base_retention=measure_retention(base, self.questions) if self.questions else None,
            drift=mean_kl(pair, self.texts),
        )


def _targeted(organism: Organism) -> bool:
    return organism.truth == "targeted"


def _increases(
    finetuned: ProbeAnswers, base: ProbeAnswers, others: Mapping[str, Probes]
) -> Sequence[BehaviourIncrease]:
    found = [
        BehaviourIncrease(
            organism=name, null=share_showing(finetuned, probes), base=share_showing(base, probes)
        )
        for name, probes in others.items()
    ]
    return sorted(found, key=lambda rise: (-rise.value, rise.organism))


def check_organisms(
    chosen: Iterable[SelectedPair],
    known: Callable[[BaseModelEntry], Iterable[Organism]],
    *,
    device: str = "auto",
    progress: Progress = no_progress,
) -> Iterator[PairCheck]:
    """Measures pairs, base by base, each of which is loaded once.

    A pair whose models cannot be used costs its own result alone.

    Args:
        chosen: the pairs.
        known: the organisms on a base; the probes of the targeted ones are put to every null.
        device: where the models go.
        progress: shows how far it is.

    Raises:
        BadFile: a base's questions or texts cannot be read.
        BadDevice: there is no such device.
    """
    groups: dict[BaseModelEntry, list[SelectedPair]] = {}
    for selected in chosen:
        groups.setdefault(selected.base, []).append(selected)
    for base, pairs in groups.items():
        load = partial(
            load_pair, base.source, device=device, dtype=base.dtype, attention=base.attention
        )
        shown = progress(pairs, label=f"pairs on {base.name}", total=len(pairs))
        with NetworkCache() as networks:
            yield from _on_base(shown, partial(load, networks=networks), base, known)


def _on_base(
    pairs: Iterable[SelectedPair],
    load: "Callable[[Finetuned], ModelPair]",
    base: BaseModelEntry,
    known: Callable[[BaseModelEntry], Iterable[Organism]],
) -> Iterator[PairCheck]:
    try:
        with load(Identical()) as plain:
            tokenizer = plain.base.tokenizer
    except (BadModel, BadFile) as error:
        yield from (_unusable(selected, error) for selected in pairs)
        return
    checker = PairChecker.of(base, known(base), tokenizer)
    for selected in pairs:
        try:
            with load(selected.finetuned) as pair:
                found = checker.check(selected, pair)
        except (BadModel, BadFile) as error:
            found = _unusable(selected, error)
        yield found


def _unusable(selected: SelectedPair, error: DiffkitError) -> PairCheck:
    return PairCheck(
        organism=selected.organism.name,
        base=selected.base.name,
        variant=selected.variant,
        error=str(error),
    )
