"""Attempts and grades: what ``diffkit runs`` and ``diffkit report`` do with them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from diffkit.cli.state import state

if TYPE_CHECKING:
    from diffkit.evaluation.told import Told
    from diffkit.runs.manifest import StoredRun
    from diffkit.verdict import Attempt

_COLUMNS = (
    *("attempt", "outcome", "investigator's model", "questions", "calls", "cost"),
    "claim or error",
)
_CLAIM = 60
"""Characters of a claim, or of an error, in a listing."""


def find(prefix: str) -> "StoredRun | Told":
    """The run whose digest starts so; where none does, the attempt, or else the grade.

    Raises:
        UserError: none does, or several do.
        StoreError: it is damaged.
    """
    from diffkit.evaluation.told import read_told

    path = state.store.find(prefix, ("runs", "attempts", "grades"))
    match path.parent.name:
        case "attempts":
            return read_told(state.store, "attempts", path.name)
        case "grades":
            return read_told(state.store, "grades", path.name)
        case _:
            return state.store.run(path.name)


def show(told: "Told", *, full: bool, json: bool) -> None:
    """Prints what was said, turn by turn."""
    from diffkit.cli.console import out, print_json
    from diffkit.render.text_attempt import render_told

    if json:
        events = [event.model_dump(mode="json") for event in told.events]
        print_json({told.noun: told.record.model_dump(mode="json"), "events": events})
    else:
        render_told(told, out, full=full)


def list_attempts(outcomes: Sequence[str] | None = None, *, json: bool) -> None:
    """Prints attempts, oldest first.

    Args:
        outcomes: how those ended that are wanted; none for all.
        json: whether as JSON.

    Raises:
        UserError: there is no such outcome.
    """
    from diffkit.cli.console import print_json, print_table
    from diffkit.verdict import Outcome

    for name in outcomes or ():
        _check_outcome(name)
    wanted = outcomes or list(Outcome)
    attempts = [attempt for attempt in _attempts() if attempt.outcome in wanted]
    if json:
        print_json([attempt.model_dump(mode="json") for attempt in attempts])
        return
    title = f"Attempts in {state.store_folder}"
    print_table(title, _COLUMNS, [_row(attempt) for attempt in attempts])


def _check_outcome(name: str) -> None:
    from diffkit.errors import UserError, did_you_mean
    from diffkit.verdict import Outcome

    known = [outcome.value for outcome in Outcome]
    if name not in known:
        cure = f"{did_you_mean(name, known)} There are: {', '.join(known)}."
        raise UserError(f"--outcome {name!r}: no attempt ends so.", cure=cure.strip())


def _attempts() -> "list[Attempt]":
    from diffkit.cli.console import warn
    from diffkit.errors import StoreError
    from diffkit.runs.files import read_stored
    from diffkit.verdict import Attempt

    found = []
    for folder in state.store.folders("attempts"):
        try:
            found.append(read_stored(folder / "attempt.json", Attempt))
        except StoreError as error:
            warn(str(error))
    return found


def _row(attempt: "Attempt") -> tuple[object, ...]:
    from diffkit.render import verdicts, words

    used = attempt.usage.get("investigator")
    said = (attempt.verdict.claim or "") if attempt.verdict else attempt.error
    return (
        attempt.digest[:12],
        attempt.outcome.value,
        words.clean(used.model) if used else "",
        attempt.questions or "",
        used.calls if used else "",
        verdicts.money(used.cost) if used else "",
        words.clean(said[:_CLAIM]) + ("…" if len(said) > _CLAIM else ""),
    )
