"""Puts cases to investigators, once each."""

import time
from pathlib import Path

from diffkit.errors import reason_of
from diffkit.evaluation.suite import Component
from diffkit.investigator import Case
from diffkit.runs.digest import digest
from diffkit.runs.files import read_stored
from diffkit.runs.store import Store
from diffkit.verdict import Attempt, Outcome, Verdict


def attempt(
    case: Case | None, investigator: Component, store: Store, *, fresh: bool = False
) -> Attempt:
    """The attempt at ``case``: the stored one, or a new one.

    One that failed is made again: its cause may be mended by now, or have been a network's.

    Args:
        case: what the investigator is given; none where the method's run failed.
        investigator: who is asked.
        store: where attempts are kept.
        fresh: whether it is asked although the store holds its attempt.
    """
    content = case.model_dump(mode="json") if case else None
    key = digest({"case": content, **component_identity(investigator)})
    again = fresh or (
        store.has("attempts", key) and read_attempt(store, key).outcome is Outcome.FAILED
    )

    def make(folder: Path) -> None:
        text = _ask(key, case, investigator).model_dump_json(indent=1) + "\n"
        (folder / "attempt.json").write_text(text, encoding="utf-8")

    store.obtain("attempts", key, make, fresh=again)
    return read_attempt(store, key)


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


def _ask(key: str, case: Case | None, investigator: Component) -> Attempt:
    if case is None:
        return Attempt(digest=key, outcome=Outcome.NO_EVIDENCE)
    clock = time.perf_counter()
    try:
        verdict = investigator.spec.load().investigate(case, investigator.config)
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
