"""Puts cases to investigators, once each."""

import hashlib
import time
from dataclasses import dataclass, field
from pathlib import Path

from diffkit.errors import reason_of
from diffkit.evaluation.plan import Component
from diffkit.investigator import AttemptContext, Case
from diffkit.runs.digest import digest
from diffkit.runs.files import read_stored
from diffkit.runs.store import Store
from diffkit.verdict import Attempt, Outcome, Verdict


@dataclass
class Asking:
    """Puts cases to investigators: each once, and not at all where the store holds the attempt.

    An attempt that failed is made again by the next evaluation: its cause may be mended by then, or
    have been a network's.
    """

    store: Store
    fresh: bool = False
    """Whether investigators are asked although the store holds their attempts."""
    _made: dict[str, Attempt] = field(default_factory=dict)
    """What was asked already, by key."""

    def __call__(self, case: Case | None, investigator: Component) -> Attempt:
        """The attempt at ``case``; none is what the method's run left where it failed."""
        key = digest({"case": _content(case), **component_identity(investigator)})
        if key not in self._made:
            self._made[key] = self._obtain(key, case, investigator)
        return self._made[key]

    def _obtain(self, key: str, case: Case | None, investigator: Component) -> Attempt:
        again = self.fresh or (
            self.store.has("attempts", key)
            and read_attempt(self.store, key).outcome is Outcome.FAILED
        )

        def make(folder: Path) -> None:
            text = _ask(key, case, investigator).model_dump_json(indent=1) + "\n"
            (folder / "attempt.json").write_text(text, encoding="utf-8")

        self.store.obtain("attempts", key, make, fresh=again)
        return read_attempt(self.store, key)


def _content(case: Case | None) -> str | None:
    """A case's content as a digest: several times faster than its canonical JSON."""
    return hashlib.sha256(case.model_dump_json().encode()).hexdigest() if case else None


def read_attempt(store: Store, key: str) -> Attempt:
    """A stored attempt.

    Raises:
        StoreError: it is gone, or damaged.
    """
    return read_stored(store.place("attempts", key) / "attempt.json", Attempt)


def component_identity(component: Component) -> dict[str, object]:
    """What of an investigator or grader enters a key."""
    spec = component.spec
    options = component.config.model_dump(mode="json")
    return {"name": spec.name, "version": spec.version, "options": options}


def component_key(component: Component) -> str:
    """Digest of `component_identity`."""
    return digest(component_identity(component))


def _ask(key: str, case: Case | None, investigator: Component) -> Attempt:
    if case is None:
        return Attempt(digest=key, outcome=Outcome.NO_EVIDENCE)
    clock = time.perf_counter()
    try:
        verdict = investigator.spec.load().investigate(case, investigator.config, AttemptContext())
        if not isinstance(verdict, Verdict):
            msg = f"investigate() returned {type(verdict).__name__}, not Verdict"
            raise TypeError(msg)
    except (Exception, SystemExit) as error:
        seconds = time.perf_counter() - clock
        reason = reason_of(error)
        return Attempt(digest=key, outcome=Outcome.FAILED, error=reason, seconds=seconds)
    silent = verdict.change == "unsure" and not verdict.claim
    outcome = Outcome.ABSTAINED if silent else Outcome.VERDICT
    seconds = time.perf_counter() - clock
    return Attempt(digest=key, outcome=outcome, verdict=verdict, seconds=seconds)
