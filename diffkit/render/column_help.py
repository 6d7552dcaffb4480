"""What the columns of a leaderboard mean, printed below its tables."""

from collections.abc import Iterable

from diffkit.evaluation.leaderboard.schema import Row

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

EXAMPLES = "named by training examples"

_EXAMPLES = (
    EXAMPLES,
    "the same with each truth's training data in the place of its statement: easier, and no proof"
    " that a person would recognise the truth",
)

_SCORE = ("score", "the grader's, from 0 to 1")

_LINEUPS = ("top-1", "named", "1/rank", "none of these")

READERS = (
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


UNTESTABLE = (
    "untestable",
    "too few nulls to calibrate a test at this level: give some with"
    " diffkit evaluate … --calibrate NULL:DRAWS, or `calibration` in the suite",
)
"""How rows without a test get one."""


def calibration_help(rows: Iterable[Row]) -> tuple[tuple[str, str], ...]:
    """What to do about rows whose organisms cannot be tested; empty if there are none."""
    return (UNTESTABLE,) if any("untestable" in row.calibration for row in rows) else ()
