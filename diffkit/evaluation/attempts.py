"""Puts cases to investigators, once each."""

import time
from pathlib import Path

from diffkit.evaluation.suite import Component
from diffkit.investigator import Case
from diffkit.runs.digest import digest
from diffkit.runs.store import Store
from diffkit.verdict import Attempt, Outcome, Verdict

POLL = 0.2
"""Seconds between two looks at an attempt that another process is making."""


def attempt(case: Case | None, investigator: Component, store: Store) -> Attempt:
    """The attempt at ``case``: the stored one, or a new one.

    Args:
        case: what the investigator is given; none where the method's run failed.
        investigator: who is asked.
        store: where attempts are kept.
    """
    key = digest(
        {"case": case and case.model_dump(mode="json"), **component_identity(investigator)}
    )
    while not store.has("attempts", key):
        with store.work("attempts", key) as folder:
            if folder is not None:
                made = _ask(key, case, investigator)
                _write(folder / "attempt.json", made)
                continue
        time.sleep(POLL)
    return read_attempt(store, key)


def read_attempt(store: Store, key: str) -> Attempt:
    """A stored attempt."""
    text = (store.place("attempts", key) / "attempt.json").read_text(encoding="utf-8")
    return Attempt.model_validate_json(text)


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
        verdict: Verdict = investigator.spec.load().investigate(case, investigator.config)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        return Attempt(digest=key, outcome=Outcome.FAILED, error=reason)
    outcome = Outcome.ABSTAINED if verdict.change == "unsure" else Outcome.VERDICT
    return Attempt(
        digest=key, outcome=outcome, verdict=verdict, seconds=time.perf_counter() - clock
    )


def _write(path: Path, record: Attempt) -> None:
    path.write_text(record.model_dump_json(indent=1) + "\n", encoding="utf-8")
