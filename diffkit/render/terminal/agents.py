"""The tables of a leaderboard about investigators that call language models."""

from collections.abc import Iterator

from rich.console import Group
from rich.table import Table as Grid
from rich.text import Text

from diffkit.evaluation.leaderboard.schema import BudgetCurve, Difference, Measure, RoleUse
from diffkit.plain_text import formatting
from diffkit.render import labels
from diffkit.render.budget_curves import resample
from diffkit.render.sections import Section
from diffkit.render.terminal.layout import grid, safe_text, table_title
from diffkit.render.terminal.sparkline import sparkline

_BARS = 16


def agent_tables(suite: str, section: Section) -> Iterator[Group]:
    """What findings add, how methods differ, budget curves, outcomes and usage; none is empty."""
    tables = {
        "what the findings add": _arm_differences(section),
        "method against method": _method_differences(section),
        "score by questions asked": _budget_curves(section),
        "how attempts ended": _outcomes(section),
        "what a language model used, on average": _costs(section),
    }
    for what, table in tables.items():
        if table.rows:
            yield Group(table_title(suite, what, section), table)


def _arm_differences(section: Section) -> Grid:
    table = grid(["method", "above", *(f"{name}: difference" for _, name in section.compared)])
    for name, row in section.subjects.items():
        for arm, parts in row.above.items():
            cells = [_difference(parts.get(part)) for part, _ in section.compared]
            table.add_row(safe_text(name, "bold"), safe_text(labels.ARMS[arm]), *cells)
    return table


def _method_differences(section: Section) -> Grid:
    table = grid(["method", "against", *(f"{name}: difference" for _, name in section.compared)])
    for name, row in section.subjects.items():
        for other, parts in row.against.items():
            found = (parts.get(part) for part, _ in section.compared)
            cells = [_difference(each, pair=True) for each in found]
            table.add_row(safe_text(name, "bold"), safe_text(other), *cells)
    return table


def _difference(found: Difference | None, *, pair: bool = False) -> Text:
    """With its tests below it; McNemar's only of a ``pair`` of methods."""
    text = Text(labels.difference(found))
    if found is None:
        return text
    exact = f", McNemar {formatting.number(found.mcnemar)}" if pair else ""
    return text.append(f"\np {formatting.number(found.p)}{exact}", "dim")


def _budget_curves(section: Section) -> Grid:
    columns = ["method", "questions", "mean height", "at first", "at last", "course"]
    table = grid(columns, right=(1, 2))
    for name, row in section.named.items():
        if row.curve:
            style = "bold" if labels.subject(row) else "dim"
            table.add_row(safe_text(name, style), *_curve_cells(row.curve))
    table.columns[-1].no_wrap = True
    return table


def _curve_cells(curve: BudgetCurve) -> list[Text]:
    points = list(curve.points.values())
    numbers = [f"0–{max(curve.points)}", formatting.number(curve.area)]
    ends = [labels.point(points[0]), labels.point(points[-1])]
    return [*map(Text, (*numbers, *ends)), Text(sparkline(resample(curve, _BARS)))]


def _outcomes(section: Section) -> Grid:
    score = section.score
    columns = ["method", "attempts", "with a verdict", f"{score} of all", f"{score} of these"]
    table = grid([*columns, "questions", "an attempt"], right=(1, 2, 5, 6))
    for name, row in section.subjects.items():
        counts = (Text(f"{row.attempts:,}"), Text(f"{row.verdicts:,}"))
        both = map(_total, (row.top1, row.top1_of_verdicts))
        time = (
            Text(formatting.mean(row.questions)),
            Text(formatting.duration(row.attempt_seconds)),
        )
        table.add_row(safe_text(name, "bold"), *counts, *both, *time)
    return table


def _total(measure: Measure | None) -> Text:
    if measure is None or not measure.n:
        return Text(formatting.NONE)
    return Text(labels.value(measure)).append(f"\n{labels.interval(measure)}", "dim")


def _costs(section: Section) -> Grid:
    columns = ["method", "role", "calls", "prompt tokens", "completion tokens", "dollars"]
    table = grid(columns, right=(2, 3, 4, 5))
    for name, row in section.subjects.items():
        for role, used in row.usage.items():
            models = formatting.clean(", ".join(used.models))
            part = safe_text(role).append(f"\n{models}", "dim")
            table.add_row(safe_text(name, "bold"), part, *_usage_cells(used))
    return table


def _usage_cells(used: RoleUse) -> list[Text]:
    counts = (used.calls, used.prompt_tokens, used.completion_tokens)
    return [*(Text(formatting.mean(count)) for count in counts), Text(labels.dollars(used.cost))]
