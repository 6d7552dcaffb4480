"""What an export says of an attempt beside what was said in it."""

from typing import Any

from diffkit.export.tried import Tried


def outcome(one: Tried) -> dict[str, Any]:
    """What the attempt came to."""
    attempt = one.attempt
    said = attempt.verdict.model_dump(mode="json") if attempt.verdict else None
    return {
        "attempt": attempt.digest,
        "outcome": attempt.outcome.value,
        "error": attempt.error,
        "questions": attempt.questions,
        "verdict": said,
        "guesses": [guess.model_dump(mode="json") for guess in attempt.guesses],
    }


def place(one: Tried) -> dict[str, Any]:
    """What it was an attempt at."""
    entry, first = one.behind.entry, one.behind.first
    names = {"organism", "family", "truth", "base", "variant", "role", "seed", "run", "lexical"}
    return {
        **entry.model_dump(mode="json", include=names),
        "method": one.method,
        "methods": list(one.behind.methods),
        "arm": first.arm,
        "repeat": first.repeat,
        "grades": {judged.grader: judged.grade for judged in one.behind.judged},
        "grader_errors": {j.grader: j.error for j in one.behind.judged if j.error},
    }
