"""A leaderboard's terms and numbers as words: what both renderers share."""

from collections.abc import Iterable

from diffkit.evaluation.leaderboard import PairResult
from diffkit.evaluation.record import Arm
from diffkit.evaluation.row import Row, Stratum
from diffkit.evaluation.shares import Measure, Share

ARMS: dict[Arm, str] = {
    "method": "the method's findings",
    "combined": "all methods together",
    "blackbox": "questions alone",
    "no-evidence": "the same reading nothing",
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


def legend(rows: Iterable[Row]) -> tuple[tuple[str, str], ...]:
    """What the columns that ``rows`` fill mean."""
    if all(row.named_by_examples is None for row in rows):
        return LEGEND
    return (*LEGEND[:2], _EXAMPLES, *LEGEND[2:])


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


def mistake(pair: PairResult) -> str:
    """What went wrong in a pair's detection; empty where nothing did."""
    targeted = pair.said == "targeted"
    if pair.truth in ("none", "unspecific") and targeted:
        return "false alarm"
    return "missed" if pair.truth == "targeted" and not targeted else ""
