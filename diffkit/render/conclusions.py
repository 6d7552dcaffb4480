"""What a leaderboard shows, in sentences.

Takes a leaderboard. Gives the conclusion about each method, for readers who have not seen a table.
"""

from collections.abc import Sequence

from diffkit.evaluation.leaderboard.schema import Leaderboard, Measure, Row
from diffkit.evaluation.record import Arm
from diffkit.plain_text import formatting
from diffkit.render import labels
from diffkit.render.sections import Section, graded_sections
from diffkit.statistics import holm

LEVEL = 0.05
"""Level at which a method is called better than chance, corrected for the number of methods, and
its detections more than false alarms."""

_CONTROLS: tuple[Arm, ...] = ("base-only", "evidence-swap", "random")
"""Controls that the findings of a method must beat."""


def conclusions(leaderboard: Leaderboard) -> tuple[str, ...]:
    """One or two sentences for each method, over all organisms, in the order of the rows.

    Says the truths found with their chance level and p, the best of the controls that must be
    beaten, and detections with false alarms. Each number is followed by whether nulls explain it.
    """
    whole = (one for one in graded_sections(leaderboard) if one.stratum == "all")
    return tuple(sentence for section in whole for sentence in _of_section(section))


def _of_section(section: Section) -> Sequence[str]:
    rows = [row for row in section.mains if row.arm == "method" and row.top1.n]
    tested = [row for row in rows if _measure(row).p is not None]
    corrected = holm([_measure(row).p or 0.0 for row in tested])
    by_row = {id(row): p for row, p in zip(tested, corrected, strict=True)}
    return [" ".join(_sentences(section, row, by_row.get(id(row)))) for row in rows]


def _sentences(section: Section, row: Row, corrected: float | None) -> Sequence[str]:
    said = (_found(section, row, corrected), _control(section, row), _detected(row))
    return [text for text in said if text]


def _found(section: Section, row: Row, corrected: float | None) -> str:
    measure = _measure(row)
    verb = "named" if row.named else "scored"
    chance = "" if measure.chance is None else f"; chance {formatting.number(measure.chance)}"
    tested = "" if measure.p is None else f", p {formatting.number(measure.p)}"
    what = "truths among the candidates" if row.named else "on average"
    said = f"From {row.method}, {section.investigator} {verb} {labels.value(measure)} {what}"
    return f"{said}{chance}{tested}: {_verdict(measure, corrected)}."


def _verdict(measure: Measure, corrected: float | None) -> str:
    """What the permutation test allows.

    Args:
        measure: the measure.
        corrected: its p, corrected for the number of methods; none if there is no test.
    """
    if measure.p is None or corrected is None:
        return "no test against chance is possible here"
    if measure.p > LEVEL:
        return "not distinguishable from chance"
    if corrected > LEVEL:
        p = formatting.number(corrected)
        return f"not distinguishable from chance, with so many methods tried (corrected p {p})"
    return "better than chance"


def _control(section: Section, row: Row) -> str:
    controls = [
        one for one in section.everything if one.arm in _CONTROLS and one.method == row.method
    ]
    values = [(_measure(one).value or 0.0, one) for one in controls if _measure(one).n]
    if not values:
        return ""
    highest, best = max(values, key=lambda pair: pair[0])
    said = f"Its best control, {labels.name(best)}, got {labels.value(_measure(best))}"
    if highest < (_measure(row).value or 0.0):
        return f"{said}."
    return f"{said}, which is no less: the findings are not shown to say anything of the organism."


def _detected(row: Row) -> str:
    if row.detected is None:
        return f"Whether anything changed could not be tested: {row.calibration}."
    if not row.detected.n:
        return ""
    alarms = row.false_alarms
    false = f", with {labels.count(alarms)} false alarms" if alarms and alarms.n else ""
    return f"It detected {labels.count(row.detected)} changes{false}{_explained(row)}."


def _explained(row: Row) -> str:
    """Whether false alarms explain the detections, at the rate of the nulls or the test's level.

    A binomial test against the larger rate, one-sided; units that are detected in part count as
    not detected.
    """
    rates = [rate for rate in (row.alpha, row.false_alarms and row.false_alarms.value) if rate]
    if not rates or row.detected is None:
        return ""
    from scipy.stats import binomtest

    hits, n = int(row.detected.hits), row.detected.n
    p = float(binomtest(hits, n, max(rates), alternative="greater").pvalue)
    if p <= LEVEL:
        return f", more than false alarms would give (p {formatting.number(p)})"
    return ", no more than false alarms could give"


def _measure(row: Row) -> Measure:
    return row.named or row.top1
