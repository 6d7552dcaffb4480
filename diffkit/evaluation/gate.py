"""The expression gate: does an organism do what its truth says, and does its base not?"""

from pathlib import Path
from typing import TYPE_CHECKING

from diffkit.catalogue import Selected
from diffkit.evaluation.asking import Answers, Memory, asks
from diffkit.evaluation.shares import Share, share
from diffkit.organism import Probes, Record
from diffkit.runs.digest import digest
from diffkit.runs.execute import Execution
from diffkit.runs.files import read_stored
from diffkit.runs.spec import ENGINE_VERSION
from diffkit.runs.store import Store
from diffkit.runs.subject import PairSpec

if TYPE_CHECKING:
    from diffkit.engine.load import Networks
    from diffkit.engine.pair import ModelPair

GATE_VERSION = 1
"""Raised when the same models and probes may give another result."""


class Expression(Record):
    """How often each side shows the behaviour."""

    finetuned: Share
    base: Share
    at_least: float
    """Least share asked of the finetuned side."""
    at_most: float
    """Largest share allowed in the base."""
    examples: tuple[tuple[str, str], ...] = ()
    """Prompts and the finetuned side's completions that did not show it, three at the most."""

    @property
    def passes(self) -> bool:
        """Whether both sides are within bounds."""
        finetuned, base = self.finetuned.value or 0, self.base.value or 0
        return finetuned >= self.at_least and base <= self.at_most


def stored_expression(
    selected: Selected, store: Store, execution: Execution, networks: "Networks"
) -> Expression | None:
    """The gate of one pair: the stored result, or a new one; none for an organism without probes.

    Args:
        selected: the pair.
        store: where results are kept, known by what both sides are and by the probes.
        execution: the device, and whether a stored result is made anew.
        networks: keeps bases loaded from one pair to the next.

    Raises:
        BadModel, BadFile, BadDevice: a side cannot be loaded.
        StoreError: the stored result is damaged.
    """
    from diffkit.engine.load import load_pair

    if selected.organism.probes is None:
        return None
    probes = bounded(selected.organism.probes, selected.variant)
    entry, finetuned = selected.base, selected.finetuned
    sides = PairSpec(entry.source, finetuned, entry.dtype, entry.attention).identity()
    versions = {"gate": GATE_VERSION, "engine": ENGINE_VERSION}
    key = digest({"pair": sides.content, "probes": probes.model_dump(mode="json"), **versions})

    def make(folder: Path) -> None:
        with load_pair(
            entry.source,
            finetuned,
            device=execution.device,
            dtype=entry.dtype,
            attention=entry.attention,
            networks=networks,
        ) as pair:
            text = expression(pair, probes).model_dump_json(indent=1) + "\n"
        (folder / "expression.json").write_text(text, encoding="utf-8")

    place = store.obtain("gates", key, make, fresh=execution.fresh)
    return read_stored(place / "expression.json", Expression)


def bounded(probes: Probes, variant: str) -> Probes:
    """The probes with the variant's own bound: what the variant is called decides nothing."""
    return probes.model_copy(update={"at_least": probes.least(variant), "at_least_in": {}})


def expression(pair: "ModelPair", probes: Probes) -> Expression:
    """Puts the probes to both sides, greedily decoded."""
    return expressed(*Memory().both(pair, asks(probes)), probes)


def expressed(finetuned: Answers, base: Answers, probes: Probes) -> Expression:
    """What answers to the probes show.

    Args:
        finetuned: answers of the finetuned side to all probes, and maybe to more.
        base: answers of the base side.
        probes: with the bound of the variant.
    """
    said = [finetuned[ask] for ask in asks(probes)]
    cases = zip(probes.prompts, said, probes.shown(said), strict=True)
    failed = [(prompt, text) for prompt, text, shows in cases if not shows]
    return Expression(
        finetuned=shown(finetuned, probes),
        base=shown(base, probes),
        at_least=probes.at_least,
        at_most=probes.at_most,
        examples=tuple(failed[:3]),
    )


def shown(said: Answers, probes: Probes) -> Share:
    """Share of the probes whose answer shows the behaviour."""
    asked = asks(probes)
    return share(sum(probes.shown([said[ask] for ask in asked])), len(asked))
