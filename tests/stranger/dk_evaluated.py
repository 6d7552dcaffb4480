"""An evaluation with attempts, transcripts and grades, as `diffkit evaluate` would leave it."""

from pathlib import Path

from dk_attempts import ATTACK, attempt, keep, story

from diffkit.evaluation import Evaluation, EvaluationEntry, GradedAttemptRef, handle_of
from diffkit.grader import Grade
from diffkit.organism import AnswerKey
from diffkit.runs.store import Store
from diffkit.verdict import Usage

BIRDS = AnswerKey(statement="It sings of birds.")
KEYS = {name: f"{number}a" * 32 for number, name in enumerate(("r0", "r1", "null", "bare", "all"))}
GRADES = {"half": "a1" * 32, "none": "b2" * 32}


def judged(key: str, **more: object) -> GradedAttemptRef:
    """Of the rubric, unless told otherwise."""
    fields = {"investigator": "agent", "grader": "rubric", "attempt": KEYS[key], "grade": ""}
    return GradedAttemptRef(**(fields | more))


def entry(
    organism: str, truth: str, *judgements: GradedAttemptRef, method: str = "kl", answer: str = ""
) -> EvaluationEntry:
    """Of one pair."""
    return EvaluationEntry(
        organism=organism,
        family="facts",
        truth=truth,
        answer=answer,
        base="mini",
        variant="default",
        role="test",
        method=method,
        seed=0,
        run="f" * 64,
        judged=judgements,
    )


def evaluate(root: Path) -> Evaluation:
    """By hand: two repeats of an agent, a null that spent its budget, a lineup, a control."""
    used = {"grader": Usage(model="openai/judge", calls=1, prompt_tokens=10, cost=0.5)}
    keep(root, Grade(score=0.5, chance=0.125, reasons="Half.", usage=used), key=GRADES["half"])
    keep(root, Grade(score=0, chance=0.125), key=GRADES["none"])
    keep(root, attempt("Of birds.", KEYS["r0"]), story("Of birds."))
    keep(root, attempt("Of ships.", KEYS["r1"]), story("Of ships."))
    spent = {"outcome": "budget-spent", "verdict": None, "error": "No calls are left."}
    keep(root, attempt(ATTACK, KEYS["null"], **spent), story(ATTACK))
    failed = {"outcome": "model-error", "verdict": None, "error": "It was overloaded."}
    keep(root, attempt(digest=KEYS["all"], **failed), story()[:1])
    keep(root, attempt("birds", KEYS["bare"], usage={}))
    entries = (
        entry(
            "birds",
            "targeted",
            judged("r0", grade=GRADES["half"]),
            judged("r0", grader="strict", error="It raised."),
            judged("r1", repeat=1, grade=GRADES["none"]),
            judged("bare", investigator="lineup"),
            judged("all", arm="blackbox"),
            answer=handle_of(BIRDS),
        ),
        entry("birds", "targeted", judged("all", arm="blackbox"), method="lens", answer="gone"),
        entry("noise", "unspecific", judged("null")),
    )
    made = Evaluation(name="zoo", created="2026-01-02T03:04:05+00:00", texts=(), entries=entries)
    made.save(Store(root).prepare())
    return made
