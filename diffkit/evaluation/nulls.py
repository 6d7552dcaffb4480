"""What the calibration nulls said: scores to test against, and claims to standardise by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from diffkit.evaluation.attempts import Asking, component_key
from diffkit.evaluation.cells import Cell, Conditions
from diffkit.evaluation.plan import Component
from diffkit.investigator import Case, Evidence, NullScores


@dataclass(frozen=True)
class Nulls:
    """What the nulls said under one set of conditions."""

    scores: tuple[NullScores, ...] = ()
    """By rung; one whose runs all failed is there, and empty."""
    claims: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Key of an investigator → its claims, over all rungs, by digest of the run."""


def calibrate(
    cells: Sequence[Cell], investigators: Sequence[Component], ask: Asking
) -> dict[Conditions, Nulls]:
    """What the calibration nulls among ``cells`` said, by conditions."""
    groups: dict[Conditions, list[Cell]] = {}
    for cell in cells:
        if cell.pair.role == "calibration":
            groups.setdefault(cell.conditions, []).append(cell)
    return {
        conditions: Nulls(_scores(group), _claims(group, investigators, ask))
        for conditions, group in groups.items()
    }


def claims_of(cell: Cell, investigators: Sequence[Component], ask: Asking) -> dict[str, str]:
    """What each investigator claimed of a null, by its key; who gave no verdict is left out."""
    keys = {component_key(investigator): investigator for investigator in investigators}
    if cell.known:
        return {key: cell.known.claims[key] for key in keys}
    if cell.run is None:
        return {}
    evidence = Evidence(method=cell.method.spec.name, findings=cell.run.findings)
    case = Case(handle=cell.handle, evidence=(evidence,))
    made = {key: ask(case, investigator).verdict for key, investigator in keys.items()}
    return {key: verdict.claim or "" for key, verdict in made.items() if verdict}


def _scores(cells: Sequence[Cell]) -> tuple[NullScores, ...]:
    found: dict[str, list[float]] = {}
    for cell in cells:
        scores = found.setdefault(cell.pair.rung, [])
        if cell.change_score is not None:
            scores.append(cell.change_score)
    return tuple(
        NullScores(rung=rung, scores=tuple(sorted(scores)))
        for rung, scores in sorted(found.items())
    )


def _claims(
    cells: Sequence[Cell], investigators: Sequence[Component], ask: Asking
) -> dict[str, tuple[str, ...]]:
    runs = {cell.digest: cell for cell in cells if cell.digest}  # two rungs may share a null
    found: dict[str, list[str]] = {}
    for digest in sorted(runs):
        for key, claim in claims_of(runs[digest], investigators, ask).items():
            found.setdefault(key, []).append(claim)
    return {key: tuple(claims) for key, claims in found.items()}
