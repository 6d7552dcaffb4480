"""What readers that ask language models add to a leaderboard, in the terminal."""

from collections.abc import Iterator

from rich.console import Group
from rich.table import Table as Grid
from rich.text import Text

from diffkit.evaluation.quantities import BudgetCurve, Difference, RoleUse
from diffkit.evaluation.row import Row
from diffkit.render import terms, words
from diffkit.render.sections import Section
from diffkit.render.sparkline import sparkline
from diffkit.render.text_parts import grid, plain, title


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
    table = grid(["method", "beside", *(f"{name}: difference" for _, name in section.compared)])
    for row in section.mains:
        for arm, parts in row.above.items():
            cells = [plain(terms.difference(parts.get(part))) for part, _ in section.compared]
            table.add_row(_name(row), plain(terms.ARMS[arm]), *cells)
    return table


def _against(section: Section) -> Grid:
    table = grid(["method", "against", *(f"{name}: difference" for _, name in section.compared)])
    for row in section.mains:
        for other, parts in row.against.items():
            cells = [_tested(parts.get(part)) for part, _ in section.compared]
            table.add_row(_name(row), plain(other), *cells)
    return table


def _tested(found: Difference | None) -> Text:
    text = plain(terms.difference(found))
    return text.append(f"\nMcNemar {words.number(found.mcnemar)}", "dim") if found else text


def _courses(section: Section) -> Grid:
    columns = ["method", "questions", "mean height", "at first", "at last", "course"]
    table = grid(columns, right=(1, 2))
    for row in section.everything:
        if row.curve:
            name = plain(terms.line(row), "bold" if terms.subject(row) else "dim")
            table.add_row(name, *_course(row.curve))
    table.columns[-1].no_wrap = True
    return table


def _course(curve: BudgetCurve) -> list[Text]:
    points = list(curve.points.values())
    numbers = [f"0–{max(curve.points)}", words.number(curve.area)]
    ends = [terms.point(points[0]), terms.point(points[-1])]
    return [*map(Text, (*numbers, *ends)), Text(sparkline([point.score for point in points]))]


def _ends(section: Section) -> Grid:
    score = section.score
    columns = ["method", "attempts", "with a verdict", f"{score} of all", f"{score} of these"]
    table = grid([*columns, "questions", "an attempt"], right=(1, 2, 5, 6))
    for row in section.mains:
        counts = (Text(f"{row.attempts:,}"), Text(f"{row.verdicts:,}"))
        both = (Text(terms.total(measure)) for measure in (row.top1, row.top1_of_verdicts))
        time = (Text(words.mean(row.questions)), Text(words.duration(row.attempt_seconds)))
        table.add_row(_name(row), *counts, *both, *time)
    return table


def _costs(section: Section) -> Grid:
    columns = ["method", "role", "calls", "prompt tokens", "completion tokens", "dollars"]
    table = grid(columns, right=(2, 3, 4, 5))
    for row in section.mains:
        for role, used in row.usage.items():
            models = words.clean(", ".join(used.models))
            table.add_row(_name(row), plain(role).append(f"\n{models}", "dim"), *_used(used))
    return table


def _used(used: RoleUse) -> list[Text]:
    counts = (used.calls, used.prompt_tokens, used.completion_tokens)
    return [*(Text(words.mean(count)) for count in counts), Text(terms.dollars(used.cost))]


def _name(row: Row) -> Text:
    return plain(terms.name(row), "bold")
