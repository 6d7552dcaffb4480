"""A leaderboard's terms and numbers as text, for the terminal and for HTML."""

from collections.abc import Iterable
from typing import get_args

from diffkit.evaluation.leaderboard.schema import (
    CurvePoint,
    Difference,
    Measure,
    PairResult,
    Row,
    Stratum,
)
from diffkit.evaluation.record import Arm, MainArm
from diffkit.plain_text import formatting
from diffkit.runs.manifest import UNKNOWN, RunLabels
from diffkit.statistics import Share

ARMS: dict[Arm, str] = {
    "method": "the method's findings",
    "combined": "all methods together",
    "blackbox": "questions alone",
    "no-evidence": "no findings at all",
    "base-only": "only what the base says",
    "evidence-swap": "another organism's findings",
    "random": "a random change's findings",
    "ceiling": "ceiling: words of the training data",
}
"""What an investigator was given, for readers who see it for the first time."""

STRATA: dict[Stratum, str] = {
    "all": "",
    "non-lexical": ", where no particular words show it",
}
"""What a title says of the organisms that are counted."""


def name(record: Row | PairResult) -> str:
    """A method; of another arm, what the investigator was given."""
    return record.method if record.arm == "method" else ARMS[record.arm]


def subject(row: Row) -> bool:
    """Whether a row is no control."""
    return row.arm in get_args(MainArm)


def part(name: str) -> str:
    """A part of a grade as a column's title."""
    return name.replace("_", " ")


def difference(found: Difference | None) -> str:
    """``+0.25 [+0.05, +0.45]``."""
    if found is None:
        return formatting.NONE
    span = "" if found.low is None else f" [{found.low:+.2f}, {found.high:+.2f}]"
    return f"{found.mean + 0.0:+.2f}{span}"


def point(found: CurvePoint) -> str:
    """``0.40 [0.21, 0.59]``."""
    span = "" if found.low is None else f" [{found.low:.2f}, {found.high:.2f}]"
    return f"{found.score:.2f}{span}"


def total(measure: Measure | None) -> str:
    """A count with its interval; nothing where nothing was counted."""
    if measure is None or not measure.n:
        return formatting.NONE
    return f"{value(measure)} {interval(measure)}".strip()


NO_COUNT = "untestable"
"""Shown in place of a count where no test could have been significant."""
NO_RESULT = (NO_COUNT, "not tested")
"""What is said of a pair's detection where it has no result, so that nothing went wrong."""


def says(row: Row) -> dict[str, Share]:
    """What the investigator says, regardless of the test."""
    both = {"of truths": row.says_targeted, "of nulls": row.says_targeted_of_nulls}
    return {kind: share for kind, share in both.items() if share}


def run_cost(row: Row) -> tuple[str, str]:
    """Time and memory of a run; none of arms that are no method's."""
    if row.arm != "method":
        return formatting.NONE, formatting.NONE
    return formatting.duration(row.seconds), formatting.memory(row.peak_bytes)


def dollars(cost: float | None) -> str:
    """US dollars; what is not known is no zero."""
    if cost is None:
        return "unknown"
    return "$0" if not cost else f"${cost:.2f}" if cost >= 1 else f"${cost:.2g}"


def count(share: Share) -> str:
    """Hits of how many; those that count in part have a decimal, be it zero."""
    whole = share.hits == int(share.hits)
    return f"{share.hits:.0f}/{share.n}" if whole else f"{share.hits:.1f}/{share.n}"


def value(measure: Measure) -> str:
    """A share as a count; of what is no share, the mean."""
    if measure.low is not None or measure.value is None:
        return count(measure)
    return f"{measure.value:.2f}"


def interval(share: Share) -> str:
    """The 95 % interval of a share; empty where there is none."""
    if share.low is None or share.high is None:
        return ""
    return f"[{share.low:.2f}, {share.high:.2f}]"


def reader(row: Row | PairResult) -> str:
    """Who read a method's findings, and who graded."""
    return f"{row.investigator} · {row.grader}"


def detection_remark(pair: PairResult) -> str:
    """What went wrong in a pair's detection, or that nothing could be tested; empty otherwise.

    A null is a false alarm where its test passes, or nobody tested it and the reader calls it
    targeted. An organism is missed where its test could have seen it and did not, or nobody tested
    it and the reader says that nothing targeted changed.
    """
    says = pair.said == "targeted"
    if pair.truth == "targeted":
        return "" if says or pair.test == "significant" else _unseen(pair)
    if pair.truth not in ("none", "unspecific"):
        return ""
    if pair.test == "significant" or (says and pair.test == "not tested"):
        return "false alarm"
    return "says targeted" if says else ""


def _unseen(pair: PairResult) -> str:
    if pair.test == "not tested" and pair.said in ("none", "unspecific"):
        return "missed"
    return "missed" if pair.test == "not significant" else pair.test


def label_fields(labels: RunLabels) -> tuple[tuple[str, str], ...]:
    """What a run compared, field by field; one field says so where it is unknown."""
    if not labels.known:
        return (("models", UNKNOWN),)
    variant = f" / {labels.variant}" if labels.variant else ""
    fields = (
        ("organism", f"{labels.organism}{variant}" if labels.organism else ""),
        ("base" if labels.finetuned else "model", labels.base),
        ("finetuned", labels.finetuned),
    )
    return tuple((name, value) for name, value in fields if value)


LEGEND = (
    ("top-1", "the truth came first among all choices, “none of these” being one of them"),
    ("named", "it came first among the truths alone"),
    ("1/rank", "mean over truths of 1 / rank of the truth among all choices"),
    ("none of these", "said so where the truth was not among the choices"),
    ("[ , ]", "95 % Wilson interval of a share of truths; several cases of one count in part"),
    ("chance", "what the best blind guesser gets"),
    ("p", "share of permutations of the truths over the findings that do at least as well"),
    ("tied", "methods that share a letter are not told apart by a test"),
)
"""What the columns of a leaderboard mean."""

NORMAL = "scores of nulls are normally distributed"
"""What a p-value by Student's t assumes."""

T_P = (
    "p (t)",
    "Student's t of a new observation: assumes that the nulls' scores, as logarithms where they are"
    " positive, are normally distributed. Detection does not use it",
)
"""What the p-values that assume a distribution mean."""

NAMED_BY_EXAMPLES = "named by training examples"

_EXAMPLES = (
    NAMED_BY_EXAMPLES,
    "the same with each truth's training data in the place of its statement: easier, and no proof"
    " that a person would recognise the truth",
)

_SCORE = ("score", "the grader's, from 0 to 1")

_LINEUPS = ("top-1", "named", "1/rank", "none of these")

AGENT_LEGEND = (
    ("detected at", "truths whose test passes at that level; false alarms: nulls that pass it"),
    ("says targeted", "what the reader says itself, where that differs"),
    ("difference", "mean over the truths that both were graded on"),
    ("[ , ] of it", "95 % bootstrap interval, truths drawn as wholes"),
    ("p of it", "two-sided, by random signs; not corrected for how many are looked at"),
    ("McNemar", "exact test of truths that one hit and the other missed; – where it does not apply:"
     " a truth was hit in part, or lies on several bases"),
    ("mean height", "of the curve: a guess stands until the next; before the first one, chance"),
    ("with a verdict", "attempts that ended with one that says something"),
)  # fmt: skip
"""What the tables of readers that ask language models mean."""


def legend(rows: Iterable[Row]) -> tuple[tuple[str, str], ...]:
    """What the columns that ``rows`` fill mean."""
    rows = tuple(rows)
    graded = [row for row in rows if row.top1.n]
    lineups = [row for row in graded if row.named or row.reciprocal_rank]
    if graded and not lineups:
        return (_SCORE, *(known for known in LEGEND if known[0] not in _LINEUPS))
    scores = () if len(lineups) == len(graded) else (_SCORE,)
    taught = any(row.named_by_examples is not None for row in rows)
    return (*scores, *LEGEND[:2], *((_EXAMPLES,) if taught else ()), *LEGEND[2:])


def pair_p_values(pairs: Iterable[PairResult]) -> dict[str, str]:
    """The p-values that some pair has: column → name of the field."""
    assumed = any(pair.t_p is not None for pair in pairs)
    return {"p": "p", T_P[0]: "t_p"} if assumed else {"p": "p"}


UNTESTABLE = (
    "untestable",
    "too few nulls to calibrate a test at this level: give some with"
    " diffkit evaluate … --calibrate NULL:DRAWS, or `calibration` in the suite",
)
"""How rows without a test get one."""


def calibration_help(rows: Iterable[Row]) -> tuple[tuple[str, str], ...]:
    """What to do about rows whose organisms cannot be tested; empty if there are none."""
    return (UNTESTABLE,) if any("untestable" in row.calibration for row in rows) else ()
