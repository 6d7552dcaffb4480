"""Attempts and grades in the store: finding, listing and showing them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from diffkit.cli.app_context import context

if TYPE_CHECKING:
    from diffkit.evaluation.record import StoredTranscript
    from diffkit.runs.manifest import StoredRun
    from diffkit.runs.store import Unfinished
    from diffkit.verdict import Attempt

_COLUMNS = (
    *("attempt", "outcome", "investigator's model", "questions", "calls", "cost"),
    "claim or error",
)

_CLAIM_LENGTH = 60
"""Characters of a claim, or of an error, in a listing."""


def find_record(prefix: str) -> "StoredRun | StoredTranscript | Unfinished":
    """The run, attempt, grade or unfinished run, in this order, whose digest starts so.

    Raises:
        UserError: none does, or several do.
        StoreError: it is damaged.
    """
    from diffkit.evaluation.record import read_transcript_of

    path = context.store.find(prefix, ("runs", "attempts", "grades", "work"))
    match path.parent.name:
        case "attempts":
            return read_transcript_of(context.store, "attempts", path.name)
        case "grades":
            return read_transcript_of(context.store, "grades", path.name)
        case "work":
            return next(one for one in context.store.unfinished() if one.digest == path.name)
        case _:
            return context.store.run(path.name)


def show_transcript(transcript: "StoredTranscript", *, full: bool, json: bool) -> None:
    """Prints what was said, turn by turn."""
    from diffkit.cli.console import out, print_json
    from diffkit.render.terminal.attempts import render_attempt

    if json:
        events = [event.model_dump(mode="json") for event in transcript.events]
        print_json({transcript.noun: transcript.record.model_dump(mode="json"), "events": events})
    else:
        render_attempt(transcript, out, full=full)


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
    title = f"Attempts in {context.store_folder}"
    print_table(title, _COLUMNS, [_row(attempt) for attempt in attempts])


def _check_outcome(name: str) -> None:
    from diffkit.errors import UserError, did_you_mean
    from diffkit.verdict import Outcome

    known = [outcome.value for outcome in Outcome]
    if name not in known:
        hint = f"{did_you_mean(name, known)} There are: {', '.join(known)}."
        raise UserError(f"--outcome {name!r}: no attempt ends so.", hint=hint.strip())


def _attempts() -> "list[Attempt]":
    from diffkit.cli.console import warn
    from diffkit.errors import StoreError
    from diffkit.runs.files import read_stored
    from diffkit.verdict import Attempt

    found = []
    for folder in context.store.folders("attempts"):
        try:
            found.append(read_stored(folder / "attempt.json", Attempt))
        except StoreError as error:
            warn(str(error))
    return found


def _row(attempt: "Attempt") -> tuple[object, ...]:
    from diffkit.plain_text import formatting
    from diffkit.render import attempt_fields

    used = attempt.usage.get("investigator")
    said = (attempt.verdict.claim or "") if attempt.verdict else attempt.error
    return (
        attempt.digest[:12],
        attempt.outcome.value,
        formatting.clean(used.model) if used else "",
        attempt.questions or "",
        used.calls if used else "",
        attempt_fields.money(used.cost) if used else "",
        formatting.clean(said[:_CLAIM_LENGTH]) + ("…" if len(said) > _CLAIM_LENGTH else ""),
    )
