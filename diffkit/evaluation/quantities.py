"""Numbers of a leaderboard that are no shares: differences, budget curves, costs."""

from collections.abc import Mapping

from pydantic import Field

from diffkit.organism import Record


class Difference(Record):
    """Mean of paired differences over truths on a base that both were graded on."""

    mean: float
    n: int = Field(ge=1)
    """Pairs."""
    low: float | None = None
    """Lower end of the 95 % bootstrap interval, clustered by truth; none of a single truth."""
    high: float | None = None
    """Upper end."""
    p: float | None = None
    """Two-sided test by random signs, one to a truth; not corrected for how many are looked at."""
    mcnemar: float | None = None
    """McNemar's exact test; none where it does not apply: a truth was hit in part, or lies on
    several bases."""


class CurvePoint(Record):
    """The mean score after so many questions."""

    score: float
    low: float | None = None
    """Lower end of the 95 % bootstrap interval, clustered by truth; none of a single truth."""
    high: float | None = None
    """Upper end."""


class BudgetCurve(Record):
    """What guesses are worth by the number of questions that were put to the models.

    A guess stands until the next one, and the verdict beyond the attempt's end. Before the first
    guess an attempt counts with the chance of its grade.
    """

    points: Mapping[int, CurvePoint]
    """Questions → mean over truths, where it changes; from 0 to the most that any row asked."""
    area: float
    """Mean height: the area under the curve over its length."""


class RoleUse(Record):
    """What a language model uses in one role, as means over attempts, or over grades."""

    models: tuple[str, ...]
    """As they were asked for."""
    calls: float
    prompt_tokens: float
    completion_tokens: float
    cost: float | None = None
    """US dollars; none where the price of any of it is unknown."""
