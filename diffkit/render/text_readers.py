"""What readers that ask language models add to a leaderboard, in the terminal."""

from collections.abc import Iterator

from rich.console import Group
from rich.table import Table as Grid
from rich.text import Text

from diffkit.evaluation.quantities import BudgetCurve, Difference, RoleUse
from diffkit.evaluation.shares import Measure
from diffkit.render import terms, words
from diffkit.render.courses import evenly
from diffkit.render.section import Section
from diffkit.render.sparkline import sparkline
from diffkit.render.text_parts import grid, plain, title

_BARS = 16


def readers_tables(suite: str, section: Section) -> Iterator[Group]:
    """What findings add, methods against each other, courses, ends and costs; none is empty."""
    tables = {
        "what the findings add": _above(section),
        "method against method": _against(section),
        "score by questions asked": _courses(section),
        "how attempts ended": _ends(section),
        "what a language model used, on average": _costs(section),
    }
    for what, table in tables.items():
        if table.rows:
            yield Group(title(suite, what, section), table)


def _above(section: Section) -> Grid:
    table = grid(["method", "above", *(f"{name}: difference" for _, name in section.compared)])
    for name, row in section.subjects.items():
        for arm, parts in row.above.items():
            cells = [_difference(parts.get(part)) for part, _ in section.compared]
            table.add_row(plain(name, "bold"), plain(terms.ARMS[arm]), *cells)
    return table


def _against(section: Section) -> Grid:
    table = grid(["method", "against", *(f"{name}: difference" for _, name in section.compared)])
    for name, row in section.subjects.items():
        for other, parts in row.against.items():
            found = (parts.get(part) for part, _ in section.compared)
            cells = [_difference(each, pair=True) for each in found]
            table.add_row(plain(name, "bold"), plain(other), *cells)
    return table


def _difference(found: Difference | None, *, pair: bool = False) -> Text:
    """With its tests below it; McNemar's only of a ``pair`` of methods."""
    text = Text(terms.difference(found))
    if found is None:
        return text
    exact = f", McNemar {words.number(found.mcnemar)}" if pair else ""
    return text.append(f"\np {words.number(found.p)}{exact}", "dim")


def _courses(section: Section) -> Grid:
    columns = ["method", "questions", "mean height", "at first", "at last", "course"]
    table = grid(columns, right=(1, 2))
    for name, row in section.named.items():
        if row.curve:
            style = "bold" if terms.subject(row) else "dim"
            table.add_row(plain(name, style), *_course(row.curve))
    table.columns[-1].no_wrap = True
    return table


def _course(curve: BudgetCurve) -> list[Text]:
    points = list(curve.points.values())
    numbers = [f"0–{max(curve.points)}", words.number(curve.area)]
    ends = [terms.point(points[0]), terms.point(points[-1])]
    return [*map(Text, (*numbers, *ends)), Text(sparkline(evenly(curve, _BARS)))]


def _ends(section: Section) -> Grid:
    score = section.score
    columns = ["method", "attempts", "with a verdict", f"{score} of all", f"{score} of these"]
    table = grid([*columns, "questions", "an attempt"], right=(1, 2, 5, 6))
    for name, row in section.subjects.items():
        counts = (Text(f"{row.attempts:,}"), Text(f"{row.verdicts:,}"))
        both = map(_total, (row.top1, row.top1_of_verdicts))
        time = (Text(words.mean(row.questions)), Text(words.duration(row.attempt_seconds)))
        table.add_row(plain(name, "bold"), *counts, *both, *time)
    return table


def _total(measure: Measure | None) -> Text:
    if measure is None or not measure.n:
        return Text(words.NONE)
    return Text(terms.value(measure)).append(f"\n{terms.interval(measure)}", "dim")


def _costs(section: Section) -> Grid:
    columns = ["method", "role", "calls", "prompt tokens", "completion tokens", "dollars"]
    table = grid(columns, right=(2, 3, 4, 5))
    for name, row in section.subjects.items():
        for role, used in row.usage.items():
            models = words.clean(", ".join(used.models))
            part = plain(role).append(f"\n{models}", "dim")
            table.add_row(plain(name, "bold"), part, *_used(used))
    return table


def _used(used: RoleUse) -> list[Text]:
    counts = (used.calls, used.prompt_tokens, used.completion_tokens)
    return [*(Text(words.mean(count)) for count in counts), Text(terms.dollars(used.cost))]
