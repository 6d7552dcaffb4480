"""What a leaderboard shows, in sentences.

Takes a leaderboard. Gives the conclusion about each method, for readers who have not seen a table.
"""

from collections.abc import Sequence

from diffkit.evaluation.leaderboard.schema import Leaderboard, Measure, Row
from diffkit.evaluation.record import Arm
from diffkit.plain_text import formatting
from diffkit.render import labels
from diffkit.render.sections import Section, graded_sections

LEVEL = 0.05
"""Level at which a method is called better than chance; not corrected for the number of methods."""

_CONTROLS: tuple[Arm, ...] = ("base-only", "evidence-swap", "random")
"""Controls that the findings of a method must beat."""


def conclusions(leaderboard: Leaderboard) -> tuple[str, ...]:
    """One or two sentences for each method, over all organisms, in the order of the rows.

    Says the truths found with their chance level and p, the best of the controls that must be
    beaten, and detections with false alarms.
    """
    whole = (one for one in graded_sections(leaderboard) if one.stratum == "all")
    return tuple(
        " ".join(_sentences(section, row))
        for section in whole
        for row in section.mains
        if row.arm == "method" and row.top1.n
    )


def _sentences(section: Section, row: Row) -> Sequence[str]:
    return [text for text in (_found(section, row), _control(section, row), _detected(row)) if text]


def _found(section: Section, row: Row) -> str:
    measure = _measure(row)
    verb = "named" if row.named else "scored"
    chance = "" if measure.chance is None else f"; chance {formatting.number(measure.chance)}"
    tested = "" if measure.p is None else f", p {formatting.number(measure.p)}"
    what = "truths among the candidates" if row.named else "on average"
    said = f"From {row.method}, {section.investigator} {verb} {labels.value(measure)} {what}"
    return f"{said}{chance}{tested}: {_verdict(measure)}."


def _verdict(measure: Measure) -> str:
    if measure.p is None:
        return "no test against chance is possible here"
    return "better than chance" if measure.p <= LEVEL else "not distinguishable from chance"


def _control(section: Section, row: Row) -> str:
    controls = [
        one for one in section.everything if one.arm in _CONTROLS and one.method == row.method
    ]
    values = [(_measure(one).value or 0.0, one) for one in controls if _measure(one).n]
    if not values:
        return ""
    best = max(values, key=lambda pair: pair[0])[1]
    return f"Its best control, {labels.name(best)}, got {labels.value(_measure(best))}."


def _detected(row: Row) -> str:
    if row.detected is None:
        return f"Whether anything changed could not be tested: {row.calibration}."
    if not row.detected.n:
        return ""
    alarms = row.false_alarms
    false = f", with {labels.count(alarms)} false alarms" if alarms and alarms.n else ""
    return f"It detected {labels.count(row.detected)} changes{false}."


def _measure(row: Row) -> Measure:
    return row.named or row.top1
