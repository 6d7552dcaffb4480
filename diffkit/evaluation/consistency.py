"""Refuses to compare runs that were not made alike."""

from collections.abc import Mapping

from diffkit.errors import StoreError
from diffkit.evaluation.record import Entry, Evaluation
from diffkit.runs.manifest import StoredRun


def check_alike(evaluation: Evaluation, runs: Mapping[str, StoredRun]) -> None:
    """Holds the runs of each method, and the texts of each base, against the first of them.

    Raises:
        StoreError: two runs of a method differ in version or options, or two on a base in texts.
    """
    first: dict[tuple[str, str], tuple[Entry, object]] = {}
    for entry in evaluation.entries:
        if entry.run not in runs:
            continue
        made = runs[entry.run].manifest.identity
        alike: dict[tuple[str, str], object] = {
            ("the version of", entry.method): made.version,
            ("the options of", entry.method): dict(made.options),
            ("the texts on", entry.base): made.texts,
        }
        for key, value in alike.items():
            other, expected = first.setdefault(key, (entry, value))
            if value != expected:
                raise _differ(evaluation.name, " ".join(key), other, entry, _shown(expected, value))


def _shown(expected: object, value: object) -> str:
    """What differs, of options only those that do."""
    if isinstance(expected, dict) and isinstance(value, dict):
        names = [name for name in {**expected, **value} if expected.get(name) != value.get(name)]
        return " against ".join(
            ", ".join(f"{name}={options.get(name)!r}" for name in names)
            for options in (expected, value)
        )
    return " against ".join(
        f"{one:.12}" if isinstance(one, str) else f"{one}" for one in (expected, value)
    )


def _differ(name: str, what: str, one: Entry, other: Entry, values: str) -> StoreError:
    where = " and ".join(
        f"{entry.organism} ({entry.variant}, run {entry.run[:12]})" for entry in (one, other)
    )
    return StoreError(
        f"The evaluation {name!r} cannot be compared: {what} differ between {where}: {values}.",
        cure="Evaluate all of them by one suite: diffkit evaluate SUITE; runs that fit are found.",
    )
