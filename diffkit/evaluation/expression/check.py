"""Checks organisms: their behaviour, the accuracy they kept, and their divergence from the base.

Nulls are checked for the behaviours of all targeted organisms on the same base.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from diffkit.analysis import mean_kl
from diffkit.context import Progress, no_progress
from diffkit.datasets.text_sources import read_texts
from diffkit.engine.loading.loader import NetworkCache
from diffkit.errors import BadFile, BadModel, DiffkitError
from diffkit.evaluation.expression.gate import (
    Expression,
    expression_of,
    share_showing,
    with_variant_threshold,
)
from diffkit.evaluation.expression.probe_answers import (
    BaseAnswerCache,
    ProbeAnswers,
    probe_prompts,
)
from diffkit.evaluation.expression.retention import (
    Retention,
    RetentionQuestions,
    measure_retention,
    read_retention_questions,
)
from diffkit.organism import BaseModelEntry, Finetuned, Identical, Organism, Probes, Record
from diffkit.registry.catalogue import SelectedPair
from diffkit.runs.spec import PairSpec, open_pair
from diffkit.statistics import Share
from diffkit.texts import Texts

if TYPE_CHECKING:
    from diffkit.engine.pair import ModelPair

MAX_INCREASE = 0.1
"""Largest increase of a behaviour's share in a null over its base."""


class BehaviourIncrease(Record):
    """Shares with which a null shows the behaviour of one organism."""

    organism: str
    """The organism whose probes were used."""
    null: Share
    """Share of the finetuned side."""
    base: Share
    """Share of the base side."""

    @property
    def value(self) -> float:
        """The null's share minus the base's."""
        return (self.null.value or 0.0) - (self.base.value or 0.0)

    @property
    def passes(self) -> bool:
        """Whether the increase is small enough."""
        return self.value <= MAX_INCREASE + 1e-9


class PairCheck(Record):
    """Measurements of one pair."""

    organism: str
    base: str
    variant: str
    expression: Expression | None = None
    """Expression of the behaviour; none where the organism has no probes."""
    rises: tuple[BehaviourIncrease, ...] = ()
    """For nulls: behaviours of targeted organisms on the same base, the largest increase first."""
    retention: Share | None = None
    """Share of the base's questions with a correct answer; none where the base has no questions."""
    base_retention: Share | None = None
    """The same for the base side."""
    drift: float | None = None
    """Mean KL(finetuned ‖ base) on neutral texts, in nats per token."""
    targeted: bool = False
    """Whether it is no null."""
    error: str | None = None
    """Why the models could not be loaded, so that nothing was measured."""

    @property
    def passes(self) -> bool | None:
        """Whether all thresholds are met; none where there are none."""
        if self.error:
            return False
        parts = [increase.passes for increase in self.rises]
        parts += [self.expression.passes] if self.expression else []
        parts += [False] if self.collapsed else []
        return all(parts) if parts else None

    @property
    def collapsed(self) -> bool:
        """Whether a targeted pair lost most of what its base answers rightly."""
        if not self.targeted or self.retention is None or self.base_retention is None:
            return False
        return Retention(finetuned=self.retention, base=self.base_retention).collapsed


@dataclass(frozen=True)
class PairChecker:
    """Measures the pairs on one base."""

    behaviours: Mapping[str, Probes]
    """Probes of the targeted organisms on this base, with which every null is checked."""
    questions: RetentionQuestions
    texts: Texts
    base_answers: BaseAnswerCache

    @classmethod
    def for_base(
        cls, base: BaseModelEntry, organisms: Iterable[Organism], tokenizer: object
    ) -> "PairChecker":
        """Reads the base's questions and texts.

        Args:
            base: the base of the pairs.
            organisms: all known organisms on the base.
            tokenizer: the tokenizer of the base.

        Raises:
            BadFile: a file is missing or malformed.
        """
        behaviours = {one.name: one.probes for one in organisms if one.probes and _targeted(one)}
        return cls(
            behaviours=behaviours,
            questions=read_retention_questions(base.questions, tokenizer) if base.questions else {},
            texts=read_texts(base.texts, None),
            base_answers=BaseAnswerCache(),
        )

    def check(self, selected: SelectedPair, pair: "ModelPair") -> PairCheck:
        """Measures one pair, with one pass of generation for each side."""
        organism = selected.organism
        own = with_variant_threshold(organism.probes, selected.variant) if organism.probes else None
        others = {} if _targeted(organism) else self.behaviours
        used = [*others.values(), *([own] if own else [])]
        prompts = [prompt for probes in used for prompt in probe_prompts(probes)]
        finetuned, base = self.base_answers.answers_of_both(pair, [*prompts, *self.questions])
        return PairCheck(
            organism=organism.name,
            base=selected.base.name,
            variant=selected.variant,
            targeted=_targeted(organism),
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
    return sorted(found, key=lambda one: (-one.value, one.organism))


def check_organisms(
    selected_pairs: Iterable[SelectedPair],
    organisms_on: Callable[[BaseModelEntry], Iterable[Organism]],
    *,
    device: str = "auto",
    progress: Progress = no_progress,
) -> Iterator[PairCheck]:
    """Measures pairs, base by base, so that a base is loaded once.

    A pair that cannot be loaded gives a result with an error.

    Args:
        selected_pairs: the pairs.
        organisms_on: the organisms on a base; nulls are checked with the probes of the targeted
            ones.
        device: the device that models are loaded on.
        progress: reports progress.

    Raises:
        BadFile: a base's questions or texts cannot be read.
        BadDevice: there is no such device.
    """
    groups: dict[BaseModelEntry, list[SelectedPair]] = {}
    for selected in selected_pairs:
        groups.setdefault(selected.base, []).append(selected)
    for base, pairs in groups.items():
        tracked = progress(pairs, label=f"pairs on {base.name}", total=len(pairs))
        with NetworkCache() as networks:
            yield from _check_on_base(
                tracked,
                partial(_open, base, device, networks),
                base,
                organisms_on(base),
            )


def _open(
    base: BaseModelEntry, device: str, networks: NetworkCache, finetuned: Finetuned
) -> "ModelPair":
    return open_pair(PairSpec.of(base, finetuned), device, networks)


def _check_on_base(
    pairs: Iterable[SelectedPair],
    load: "Callable[[Finetuned], ModelPair]",
    base: BaseModelEntry,
    organisms: Iterable[Organism],
) -> Iterator[PairCheck]:
    try:
        with load(Identical()) as plain:
            tokenizer = plain.base.tokenizer
    except (BadModel, BadFile) as error:
        yield from (_unusable(selected, error) for selected in pairs)
        return
    checker = PairChecker.for_base(base, organisms, tokenizer)
    for selected in pairs:
        try:
            with load(selected.finetuned) as pair:
                checked = checker.check(selected, pair)
        except (BadModel, BadFile) as error:
            checked = _unusable(selected, error)
        yield checked


def _unusable(selected: SelectedPair, error: DiffkitError) -> PairCheck:
    return PairCheck(
        organism=selected.organism.name,
        base=selected.base.name,
        variant=selected.variant,
        error=str(error),
    )
