"""The nulls that a suite is calibrated on: drawn anew, or the variants of an organism."""

from collections.abc import Sequence
from itertools import count, islice

from pydantic import Field

from diffkit.catalogue import Catalogue, Selected
from diffkit.errors import UserError
from diffkit.organism import Control, Organism, Record

DRAWS = 19
"""The fewest nulls that can give p = 0.05."""


class Calibration(Record):
    """Nulls of one kind that a method's change score is held against."""

    organism: str
    """A null. One whose only variant on a base is a ``control`` is drawn anew from each seed; of
    another every variant is a null."""
    rung: str | None = None
    """Name of this kind of null; none: ``random`` where it is drawn anew, else the organism's."""
    draws: int | None = Field(default=None, ge=1)
    """Number of draws, from the first seeds that no pair under test has; none: 19, the fewest that
    can give p = 0.05. Only for nulls that are drawn anew."""


def calibration_nulls(
    item: Calibration, catalogue: Catalogue, tests: Sequence[Selected]
) -> list[tuple[str, Selected]]:
    """Rung and pair of each null, on each base of the tests; no pair under test is among them.

    Raises:
        UnknownName: there is no such organism.
        UserError: it is no null, lies on none of the bases, or has no variant left.
    """
    null = catalogue.organism(item.organism)
    _check_null(null)
    bases = dict.fromkeys(one.base.name for one in tests if one.base.name in null.models)
    if not bases:
        what = f"The calibration null {item.organism!r} is on none of the suite's base models."
        raise UserError(what, cure=f"It is on: {', '.join(null.models)}.")
    return [found for base in bases for found in _on(base, item, catalogue, tests)]


def _check_null(null: Organism) -> None:
    if null.truth != "unspecific":
        what = f"{null.name!r} cannot be a calibration null: its truth class is {null.truth!r}."
        raise UserError(what, cure="Name an organism whose truth class is 'unspecific'.")


def _on(
    base: str, item: Calibration, catalogue: Catalogue, tests: Sequence[Selected]
) -> list[tuple[str, Selected]]:
    variants = catalogue.variants(item.organism, base=base)
    first = variants[0].finetuned
    if len(variants) == 1 and isinstance(first, Control):
        return [
            (item.rung or "random", _drawn(variants[0], first, seed))
            for seed in _free_seeds(tests, item.draws or DRAWS)
        ]
    name = variants[0].organism.name
    if item.draws is not None:
        what = f"The calibration null {name!r} cannot be drawn {item.draws} times: it is fixed."
        raise UserError(what, cure=f"Leave out 'draws': all its {len(variants)} variants count.")
    tested = [one.finetuned for one in tests if one.base.name == base]
    free = [(item.rung or name, one) for one in variants if one.finetuned not in tested]
    if not free:
        what = f"Every variant of the calibration null {name!r} on {base!r} is under test itself."
        raise UserError(what, cure="Calibrate on another null, or leave it out of the organisms.")
    return free


def _free_seeds(tests: Sequence[Selected], number: int) -> list[int]:
    taken = {one.finetuned.seed for one in tests if isinstance(one.finetuned, Control)}
    return list(islice((seed for seed in count(1) if seed not in taken), number))


def _drawn(null: Selected, control: Control, seed: int) -> Selected:
    anew = control.model_copy(update={"seed": seed})
    return Selected(null.organism, null.base, f"draw-{seed}", anew)
