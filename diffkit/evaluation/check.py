"""Checks of organisms: behaviour, what else was lost or moved, and nulls that show no behaviour."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from diffkit.catalogue import Selected
from diffkit.context import Progress, no_progress
from diffkit.engine.drift import drift
from diffkit.engine.load import Networks, load_pair
from diffkit.errors import BadFile, BadModel, DiffkitError
from diffkit.evaluation.asking import Answers, Memory, asks
from diffkit.evaluation.gate import Expression, bounded, expressed, shown
from diffkit.evaluation.retention import Questions, read_questions, retention
from diffkit.evaluation.shares import Share
from diffkit.organism import BaseModelEntry, Finetuned, Identical, Organism, Probes, Record
from diffkit.texts import Texts

if TYPE_CHECKING:
    from diffkit.engine.pair import ModelPair

AT_MOST = 0.1
"""How far a null's share of any organism's probes may lie above its base's."""


class Rise(Record):
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
        return self.value <= AT_MOST + 1e-9


class Checked(Record):
    """What was measured of one pair."""

    organism: str
    base: str
    variant: str
    expression: Expression | None = None
    """The behaviour; none where the organism has no probes."""
    rises: tuple[Rise, ...] = ()
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
class Checker:
    """What the pairs on one base are measured by."""

    behaviours: Mapping[str, Probes]
    """Targeted organism on this base → its probes, which are put to every null."""
    questions: Questions
    texts: Texts
    memory: Memory

    @classmethod
    def of(
        cls, base: BaseModelEntry, organisms: Iterable[Organism], tokenizer: object
    ) -> "Checker":
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
            questions=read_questions(base.questions, tokenizer) if base.questions else {},
            texts=Texts.read(base.texts) if base.texts else Texts.default(),
            memory=Memory(),
        )

    def check(self, selected: Selected, pair: "ModelPair") -> Checked:
        """Measures one pair, with one round of questions for each side."""
        organism = selected.organism
        own = bounded(organism.probes, selected.variant) if organism.probes else None
        others = {} if _targeted(organism) else self.behaviours
        put = [*others.values(), *([own] if own else [])]
        wanted = [ask for probes in put for ask in asks(probes)]
        finetuned, base = self.memory.both(pair, [*wanted, *self.questions])
        return Checked(
            organism=organism.name,
            base=selected.base.name,
            variant=selected.variant,
            expression=expressed(finetuned, base, own) if own else None,
            rises=tuple(_rises(finetuned, base, others)),
            retention=retention(finetuned, self.questions) if self.questions else None,
            base_retention=retention(base, self.questions) if self.questions else None,
            drift=drift(pair, self.texts),
        )


def _targeted(organism: Organism) -> bool:
    return organism.truth == "targeted"


def _rises(finetuned: Answers, base: Answers, others: Mapping[str, Probes]) -> Sequence[Rise]:
    found = [
        Rise(organism=name, null=shown(finetuned, probes), base=shown(base, probes))
        for name, probes in others.items()
    ]
    return sorted(found, key=lambda rise: (-rise.value, rise.organism))


def check_all(
    chosen: Iterable[Selected],
    known: Callable[[BaseModelEntry], Iterable[Organism]],
    *,
    device: str = "auto",
    progress: Progress = no_progress,
) -> Iterator[Checked]:
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
    groups: dict[BaseModelEntry, list[Selected]] = {}
    for selected in chosen:
        groups.setdefault(selected.base, []).append(selected)
    for base, pairs in groups.items():
        load = partial(
            load_pair, base.source, device=device, dtype=base.dtype, attention=base.attention
        )
        shown = progress(pairs, label=f"pairs on {base.name}", total=len(pairs))
        with Networks() as networks:
            yield from _on_base(shown, partial(load, networks=networks), base, known)


def _on_base(
    pairs: Iterable[Selected],
    load: "Callable[[Finetuned], ModelPair]",
    base: BaseModelEntry,
    known: Callable[[BaseModelEntry], Iterable[Organism]],
) -> Iterator[Checked]:
    try:
        with load(Identical()) as plain:
            tokenizer = plain.base.tokenizer
    except (BadModel, BadFile) as error:
        yield from (_unusable(selected, error) for selected in pairs)
        return
    checker = Checker.of(base, known(base), tokenizer)
    for selected in pairs:
        try:
            with load(selected.finetuned) as pair:
                found = checker.check(selected, pair)
        except (BadModel, BadFile) as error:
            found = _unusable(selected, error)
        yield found


def _unusable(selected: Selected, error: DiffkitError) -> Checked:
    return Checked(
        organism=selected.organism.name,
        base=selected.base.name,
        variant=selected.variant,
        error=str(error),
    )
