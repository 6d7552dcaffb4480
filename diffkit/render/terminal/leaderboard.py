"""The tables of a leaderboard in the terminal, each within 100 columns."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from rich.console import Group
from rich.table import Table as Grid
from rich.text import Text

from diffkit.evaluation.leaderboard.schema import Leaderboard, Measure, PairResult, Row
from diffkit.plain_text import formatting
from diffkit.render import labels
from diffkit.render.sections import Section, main_rows, sections
from diffkit.render.terminal.layout import grid, row_title, safe_text, table_title
from diffkit.statistics import Share


def score_table(suite: str, section: Section) -> Group:
    """Each method beside chance, with its controls below it."""
    table = grid(["method", *(name for _, name in section.columns)])
    fields = [field for field, _ in section.columns]
    for column in table.columns[1:]:
        column.no_wrap = True
    for row in section.rows:
        if labels.subject(row):
            table.add_section()
        table.add_row(*_score_cells(row, fields))
    if section.shared:
        table.add_section()
        table.add_row(Text("controls, the same for every method", "dim"))
        for row in section.shared:
            table.add_row(*_score_cells(row, fields))
    return Group(table_title(suite, "truths found", section), table)


def _score_cells(row: Row, fields: Sequence[str]) -> list[Text]:
    measures = [getattr(row, field) for field in fields]
    if labels.subject(row):
        name = _row_name(row)
        if row.group:
            name.append(f"\ntied: {row.group}", "not bold dim")
        return [name, *(_measure(measure, whole=True) for measure in measures)]
    return [_row_name(row), *(_measure(measure, whole=False) for measure in measures)]


def _row_name(row: Row) -> Text:
    if labels.subject(row):
        return safe_text(labels.name(row), "bold")
    return Text(f"  {labels.ARMS[row.arm]}", "dim")


def examples_table(suite: str, section: Section) -> Group:
    """Each method and control where truths are known by what taught them, not by statements."""
    table = grid(["method", labels.NAMED_BY_EXAMPLES, "interval", "chance", "p"])
    for row in section.everything:
        table.add_row(_row_name(row), *_examples_cells(row.named_by_examples))
    return Group(table_title(suite, labels.NAMED_BY_EXAMPLES, section), table)


def _examples_cells(measure: Measure | None) -> list[Text]:
    if measure is None or not measure.n:
        return [Text(formatting.NONE if measure is None else "none to count", "dim")]
    interval, chance = labels.interval(measure), formatting.number(measure.chance)
    cells = [Text(interval, "dim"), Text(chance, "dim"), Text(formatting.number(measure.p))]
    return [Text(labels.value(measure), "bold"), *cells]


def parts_table(suite: str, section: Section) -> Group:
    """Other parts of the grades, such as recall: means over truths, beside chance where known."""
    table = grid(["method", *map(labels.part, section.parts)])
    for row in section.everything:
        values = (row.parts.get(part) for part in section.parts)
        table.add_row(_row_name(row), *(_measure(value, whole=False) for value in values))
    return Group(table_title(suite, "parts of the grades", section), table)


def _measure(measure: Measure | None, *, whole: bool) -> Text:
    """The value and its p; for a method, the interval and chance in the lines below."""
    if measure is None or not measure.n:
        return Text(formatting.NONE if measure is None else "none to count", "dim")
    text = Text(labels.value(measure), "bold" if whole else "")
    if measure.p is not None:
        text.append(f" p {formatting.number(measure.p)}", "not bold")
    below = [labels.interval(measure)]
    if measure.chance is not None:
        below.append(f"chance {formatting.number(measure.chance)}")
    for line in filter(None, below if whole else ()):
        text.append(f"\n{line}", "not bold dim")
    return text


def detection_table(suite: str, section: Section) -> Group:
    """Detected truths and false alarms."""
    alarms = ["false alarms", "by null"] if section.stratum == "all" else []
    said = ["says targeted"] if section.says_otherwise else []
    table = grid(["method", section.detected, "by kind of null", *alarms, *said])
    for name, row in section.subjects.items():
        cells = [_share(row.detected), _shares(row.detected_by, otherwise=row.calibration)]
        if alarms:
            cells += [_share(row.false_alarms), _shares(row.false_alarms_by)]
        table.add_row(
            safe_text(name, "bold"), *cells, *([_shares(labels.says(row))] if said else [])
        )
    return Group(table_title(suite, "changes detected", section), table)


def _share(share: Share | None) -> Text:
    if share is None:
        return Text(labels.NO_COUNT, "dim")
    text = Text(labels.count(share), "bold")
    return text.append(f"\n{labels.interval(share) or 'none to count'}", "not bold dim")


def _shares(shares: Mapping[str, Share], *, otherwise: str = formatting.NONE) -> Text:
    lines = [safe_text(f"{labels.count(share)} {name}") for name, share in shares.items()]
    return Text("\n").join(lines) if lines else safe_text(otherwise, "dim")


def calibration_table(leaderboard: Leaderboard) -> Grid:
    """What the shares rest on, and what they cost."""
    columns = ["method", "calibration", "outcomes", "a run", "memory"]
    table = grid(columns, right=(3, 4), title="Calibration and cost")
    for row in main_rows(leaderboard):
        cost = labels.run_cost(row)
        table.add_row(
            row_title(row), safe_text(row.calibration), safe_text(row.outcomes), *map(Text, cost)
        )
    for column in table.columns[3:]:
        column.no_wrap = True
    return table


def pairs_table(leaderboard: Leaderboard) -> Grid:
    """The pairs behind each row, grouped as the rows are."""
    seeds = len({pair.seed for pair in leaderboard.pairs}) > 1
    repeats = len({pair.repeat for pair in leaderboard.pairs}) > 1
    p_values = labels.pair_p_values(leaderboard.pairs)
    columns = ["organism", "truth", "said", "", "change", *p_values, "rank", "score"]
    numbers = range(4, len(columns))
    table = grid(columns, right=tuple(numbers), title="Results for each pair")
    table.columns[3].no_wrap = True
    for _, group in groupby(_in_order(leaderboard), _row_key):
        pairs = tuple(group)
        table.add_section()
        table.add_row(row_title(pairs[0]))
        changes = formatting.aligned(pair.change_score for pair in pairs)
        for pair, change in zip(pairs, changes, strict=True):
            table.add_row(
                _pair_label(pair, seeds=seeds, repeats=repeats),
                *_pair_cells(pair, change, tuple(p_values.values())),
            )
    return table


def _row_key(pair: PairResult | Row) -> tuple[str, str, str]:
    return labels.name(pair), pair.investigator, pair.grader


def _in_order(leaderboard: Leaderboard) -> list[PairResult]:
    rows = [row for section in sections(leaderboard) for row in section.rows]
    place = {_row_key(row): index for index, row in reversed([*enumerate(rows)])}
    return sorted(
        leaderboard.pairs, key=lambda pair: (place.get(_row_key(pair), len(place)), _row_key(pair))
    )


def _pair_label(pair: PairResult, *, seeds: bool, repeats: bool) -> Text:
    seed = f" #{pair.seed}" if seeds else ""
    repeat = f", repeat {pair.repeat}" if repeats else ""
    return safe_text(f"  {pair.label}{seed}{repeat}")


def _pair_cells(pair: PairResult, change: str, p_values: Sequence[str]) -> list[Text]:
    values = (getattr(pair, name) for name in (*p_values, "rank", "score"))
    numbers = [change, *map(formatting.number, values)]
    remark = labels.detection_remark(pair)
    wrong = Text(remark, "dim" if remark in labels.NO_RESULT else "red")
    return [safe_text(pair.truth), safe_text(pair.said), wrong, *map(Text, numbers)]
