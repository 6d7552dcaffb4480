"""A leaderboard's tables in the terminal, each within 100 columns."""

from collections.abc import Mapping

from rich.console import Group
from rich.table import Table as Grid
from rich.text import Text

from diffkit.evaluation.leaderboard import Leaderboard
from diffkit.evaluation.row import Row
from diffkit.evaluation.shares import Measure, Share
from diffkit.render import terms, words
from diffkit.render.sections import Section
from diffkit.render.text_parts import grid, heading, plain, who


def sees_table(suite: str, section: Section) -> Group:
    """Each method beside chance, with its controls below it."""
    columns = ["method", "top-1", "named", "1/rank", "none of these"]
    table = grid(columns)
    for column in table.columns[1:]:
        column.no_wrap = True
    for row in section.rows:
        if row.arm == "method":
            table.add_section()
        table.add_row(*_sees(row))
    if section.shared:
        table.add_section()
        table.add_row(Text("controls, the same for every method", "dim"))
        for row in section.shared:
            table.add_row(*_sees(row))
    return Group(_title(suite, "who sees what", section), table)


def _title(suite: str, what: str, section: Section) -> Text:
    readers = f"read by {section.investigator}, graded by {section.grader}"
    return heading(f"{suite}: {what}{terms.STRATA[section.stratum]}", readers)


def _sees(row: Row) -> list[Text]:
    measures = (row.top1, row.named, row.reciprocal_rank, row.none_of_these)
    if row.arm == "method":
        name = _name(row)
        if row.group:
            name.append(f"\ntied: {row.group}", "not bold dim")
        return [name, *(_measure(measure, whole=True) for measure in measures)]
    return [_name(row), *(_measure(measure, whole=False) for measure in measures)]


def _name(row: Row) -> Text:
    if row.arm == "method":
        return plain(row.method, "bold")
    return Text(f"  {terms.ARMS[row.arm]}", "dim")


def examples_table(suite: str, section: Section) -> Group:
    """Each method and control where truths are known by what taught them, not by statements."""
    table = grid(["method", terms.EXAMPLES, "interval", "chance", "p"])
    for row in (*section.rows, *section.shared):
        table.add_row(_name(row), *_by_examples(row.named_by_examples))
    return Group(_title(suite, terms.EXAMPLES, section), table)


def _by_examples(measure: Measure | None) -> list[Text]:
    if measure is None or not measure.n:
        return [Text(words.NONE if measure is None else "none to count", "dim")]
    interval, chance = terms.interval(measure), words.number(measure.chance)
    cells = [Text(interval, "dim"), Text(chance, "dim"), Text(words.number(measure.p))]
    return [Text(terms.value(measure), "bold"), *cells]


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
    table = grid(["method", "detected", "by kind of null", *alarms])
    for row in section.methods:
        cells = [_share(row.detected), _shares(row.detected_by, otherwise=row.calibration)]
        if alarms:
            cells += [_share(row.false_alarms), _shares(row.false_alarms_by)]
        table.add_row(plain(row.method, "bold"), *cells)
    return Group(_title(suite, "who notices that something was done", section), table)


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
    for row in leaderboard.methods():
        cost = (words.duration(row.seconds), words.memory(row.peak_bytes))
        table.add_row(who(row), plain(row.calibration), plain(row.outcomes), *map(Text, cost))
    for column in table.columns[3:]:
        column.no_wrap = True
    return table
