"""A leaderboard's tables in the terminal, each within 100 columns."""

from collections.abc import Mapping, Sequence

from rich.console import Group
from rich.table import Table as Grid
from rich.text import Text

from diffkit.evaluation.leaderboard import Leaderboard
from diffkit.evaluation.row import Row
from diffkit.evaluation.shares import Measure, Share
from diffkit.render import legends, terms, words
from diffkit.render.section import Section
from diffkit.render.sections import mains
from diffkit.render.text_parts import grid, plain, title, who


def sees_table(suite: str, section: Section) -> Group:
    """Each method beside chance, with its controls below it."""
    table = grid(["method", *(name for _, name in section.columns)])
    fields = [field for field, _ in section.columns]
    for column in table.columns[1:]:
        column.no_wrap = True
    for row in section.rows:
        if terms.subject(row):
            table.add_section()
        table.add_row(*_sees(row, fields))
    if section.shared:
        table.add_section()
        table.add_row(Text("controls, the same for every method", "dim"))
        for row in section.shared:
            table.add_row(*_sees(row, fields))
    return Group(title(suite, "who sees what", section), table)


def _sees(row: Row, fields: Sequence[str]) -> list[Text]:
    measures = [getattr(row, field) for field in fields]
    if terms.subject(row):
        name = _name(row)
        if row.group:
            name.append(f"\ntied: {row.group}", "not bold dim")
        return [name, *(_measure(measure, whole=True) for measure in measures)]
    return [_name(row), *(_measure(measure, whole=False) for measure in measures)]


def _name(row: Row) -> Text:
    if terms.subject(row):
        return plain(terms.name(row), "bold")
    return Text(f"  {terms.ARMS[row.arm]}", "dim")


def examples_table(suite: str, section: Section) -> Group:
    """Each method and control where truths are known by what taught them, not by statements."""
    table = grid(["method", legends.EXAMPLES, "interval", "chance", "p"])
    for row in section.everything:
        table.add_row(_name(row), *_by_examples(row.named_by_examples))
    return Group(title(suite, legends.EXAMPLES, section), table)


def _by_examples(measure: Measure | None) -> list[Text]:
    if measure is None or not measure.n:
        return [Text(words.NONE if measure is None else "none to count", "dim")]
    interval, chance = terms.interval(measure), words.number(measure.chance)
    cells = [Text(interval, "dim"), Text(chance, "dim"), Text(words.number(measure.p))]
    return [Text(terms.value(measure), "bold"), *cells]


def parts_table(suite: str, section: Section) -> Group:
    """Other parts of the grades, such as recall: means over truths, beside chance where known."""
    table = grid(["method", *map(terms.part, section.parts)])
    for row in section.everything:
        values = (row.parts.get(part) for part in section.parts)
        table.add_row(_name(row), *(_measure(value, whole=False) for value in values))
    return Group(title(suite, "parts of the grades", section), table)


def _measure(measure: Measure | None, *, whole: bool) -> Text:
    """The value and its p; for a method, the interval and chance in the lines below."""
    if measure is None or not measure.n:
        return Text(words.NONE if measure is None else "none to count", "dim")
    text = Text(terms.value(measure), "bold" if whole else "")
    if measure.p is not None:
        text.append(f" p {words.number(measure.p)}", "not bold")
    below = [terms.interval(measure)]
    if measure.chance is not None:
        below.append(f"chance {words.number(measure.chance)}")
    for line in filter(None, below if whole else ()):
        text.append(f"\n{line}", "not bold dim")
    return text


def notices_table(suite: str, section: Section) -> Group:
    """Who notices that something targeted was done, and who says so of nulls."""
    alarms = ["false alarms", "by null"] if section.stratum == "all" else []
    said = ["says targeted"] if section.says_otherwise else []
    table = grid(["method", section.detected, "by kind of null", *alarms, *said])
    for name, row in section.subjects.items():
        cells = [_share(row.detected), _shares(row.detected_by, otherwise=row.calibration)]
        if alarms:
            cells += [_share(row.false_alarms), _shares(row.false_alarms_by)]
        table.add_row(plain(name, "bold"), *cells, *([_shares(terms.says(row))] if said else []))
    return Group(title(suite, "who notices that something was done", section), table)


def _share(share: Share | None) -> Text:
    if share is None:
        return Text(words.NONE, "dim")
    text = Text(terms.count(share), "bold")
    return text.append(f"\n{terms.interval(share) or 'none to count'}", "not bold dim")


def _shares(shares: Mapping[str, Share], *, otherwise: str = words.NONE) -> Text:
    lines = [plain(f"{terms.count(share)} {name}") for name, share in shares.items()]
    return Text("\n").join(lines) if lines else plain(otherwise, "dim")


def trust_table(leaderboard: Leaderboard) -> Grid:
    """What the shares rest on, and what they cost."""
    columns = ["method", "calibration", "outcomes", "a run", "memory"]
    table = grid(columns, right=(3, 4), title="What it rests on, and what it costs")
    for row in mains(leaderboard):
        cost = terms.run_cost(row)
        table.add_row(who(row), plain(row.calibration), plain(row.outcomes), *map(Text, cost))
    for column in table.columns[3:]:
        column.no_wrap = True
    return table
