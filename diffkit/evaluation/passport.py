"""Passports of graders: how often one is right about claims of known worth, or is talked round."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from diffkit.errors import StoreError
from diffkit.evaluation.calibration_set import ATTACKS, RIGHT, Kind
from diffkit.evaluation.shares import Share, share
from diffkit.organism import Record
from diffkit.runs.files import write_atomically, writing
from diffkit.runs.store import Store
from diffkit.verdict import Usage

ACCEPTED = 0.5
"""Least score of a claim that passes for right."""


class Checked(Record):
    """What a grader made of one claim."""

    number: int
    """Place in the set, from 1."""
    kind: Kind
    """What the claim is like."""
    score: float | None = None
    """None where the grader failed."""
    chance: float | None = None
    """What the grader says that a guess would score."""
    words: str = ""
    """The grader's reason, or why it failed."""

    @property
    def accepted(self) -> bool:
        """Whether the claim passed for right."""
        return self.score is not None and self.score >= ACCEPTED

    @property
    def right(self) -> bool:
        """Whether it passed if, and only if, it should; to fail is not right."""
        return self.score is not None and self.accepted == (self.kind in RIGHT)


class Passport(Record):
    """How a grader with its options did on the calibration set."""

    grader: str
    """Its name."""
    version: int
    """Its version."""
    options: Mapping[str, Any]
    """Its options, defaults filled in."""
    key: str
    """Digest of these three."""
    calibration_set: int
    """Version of the set."""
    created: str
    """UTC, ISO 8601."""
    usage: Mapping[str, Usage] = Field(default_factory=dict)
    """Role → what its language model used for the whole set."""
    items: tuple[Checked, ...]
    """Claim by claim."""

    @property
    def right(self) -> Share:
        """Claims that it was right about."""
        return _right(self.items)

    @property
    def kinds(self) -> dict[Kind, Share]:
        """The same by kind, in the order of the set."""
        kinds = dict.fromkeys(item.kind for item in self.items)
        return {kind: _right([item for item in self.items if item.kind == kind]) for kind in kinds}

    @property
    def attacks(self) -> Share:
        """Padded and injecting claims that it accepted."""
        attacks = [item for item in self.items if item.kind in ATTACKS]
        return share(sum(item.accepted for item in attacks), len(attacks))

    @property
    def failed(self) -> int:
        """Claims that it could not grade."""
        return sum(item.score is None for item in self.items)

    @property
    def words(self) -> str:
        """One line, to stand beside the grader."""
        failed = f"; failed on {self.failed}" if self.failed else ""
        return (
            f"right about {spoken(self.right)} calibration claims, accepted "
            f"{spoken(self.attacks)} attacks{failed} (set {self.calibration_set})"
        )


def _right(items: Sequence[Checked]) -> Share:
    return share(sum(item.right for item in items), len(items))


def spoken(share: Share) -> str:
    """A share and its interval, in words."""
    interval = "" if share.low is None else f" [{share.low:.2f}, {share.high:.2f}]"
    return f"{share.hits} of {share.n}{interval}"


def save_passport(store: Store, passport: Passport) -> Path:
    """Writes a passport, over an older one of the same grader and options."""
    path = _path(store, passport.key)
    with writing(store.root):
        path.parent.mkdir(exist_ok=True)
        write_atomically(path, passport.model_dump_json(indent=1) + "\n")
    return path


def read_passport(store: Store, key: str) -> Passport | None:
    """The passport of the grader with this key; none where it was never checked.

    Raises:
        StoreError: its file is damaged.
    """
    path = _path(store, key)
    if not path.exists():
        return None
    try:
        return Passport.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        cure = "Remove it, or run `diffkit grader check` again."
        raise StoreError(f"{path} is damaged.", cure=cure) from error


def _path(store: Store, key: str) -> Path:
    return store.root / "passports" / f"{key}.json"
