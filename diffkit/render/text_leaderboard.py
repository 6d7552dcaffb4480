"""A leaderboard's tables in the terminal, each within 100 columns."""

from itertools import groupby

from rich.table import Table as Grid
from rich.text import Text

from diffkit.evaluation.leaderboard import Leaderboard, PairResult, Row, Share
from diffkit.render import words
from diffkit.render.text_parts import grid, plain


def who_sees_what(leaderboard: Leaderboard) -> Grid:
    """Each row's shares with their intervals below, beside chance and beside the nulls."""
    columns = ["method", "top-1", "chance", "1/rank", "chance", "detected", "false alarms"]
    table = grid(columns, right=(2, 3, 4), title=f"{leaderboard.suite}: who sees what")
    ranks = words.aligned(row.reciprocal_rank for row in leaderboard.rows)
    for row, rank in zip(leaderboard.rows, ranks, strict=True):
        table.add_row(
            _who(row),
            _share(row.top1),
            Text(words.number(row.chance), "dim"),
            Text(rank),
            Text(words.number(row.reciprocal_rank_chance), "dim"),
            _share(row.detected),
            _share(row.false_alarms),
        )
    table.caption = Text(
        "Top-1, detected: of organisms. False alarms: of nulls. [95 % Wilson interval]", "dim"
    )
    table.caption_justify = "left"
    return table


def _who(row: Row | PairResult) -> Text:
    return plain(row.method, "bold").append(f"\n{words.clean(words.reader(row))}", "not bold dim")


def _share(share: Share) -> Text:
    text = Text(f"{share.hits}/{share.n}", "bold")
    return text.append(f"\n{words.interval(share) or 'none to count'}", "not bold dim")


def trust_table(leaderboard: Leaderboard) -> Grid:
    """What the shares rest on, and what they cost."""
    columns = ["method", "calibration", "outcomes", "a run", "memory"]
    table = grid(columns, right=(3, 4), title="What it rests on, and what it costs")
    for row in leaderboard.rows:
        cost = (words.duration(row.seconds), words.memory(row.peak_bytes))
        table.add_row(_who(row), plain(row.calibration), plain(row.outcomes), *map(Text, cost))
    for column in table.columns[3:]:
        column.no_wrap = True
    return table


def pairs_table(leaderboard: Leaderboard) -> Grid:
    """The pairs behind each row, grouped as the rows are."""
    seeds = len({pair.seed for pair in leaderboard.pairs}) > 1
    columns = ["organism", "truth", "said", "", "change", "p", "rank", "score"]
    table = grid(columns, right=(4, 5, 6, 7), title="The pairs behind it")
    table.columns[3].no_wrap = True
    for _, group in groupby(_in_order(leaderboard), _key):
        pairs = tuple(group)
        table.add_section()
        table.add_row(_who(pairs[0]))
        changes = words.aligned(pair.change_score for pair in pairs)
        for pair, change in zip(pairs, changes, strict=True):
            table.add_row(*_pair(pair, seeds, change))
    return table


def _key(pair: PairResult | Row) -> tuple[str, str, str]:
    return pair.method, pair.investigator, pair.grader


def _in_order(leaderboard: Leaderboard) -> list[PairResult]:
    place = {_key(row): index for index, row in enumerate(leaderboard.rows)}
    return sorted(
        leaderboard.pairs, key=lambda pair: (place.get(_key(pair), len(place)), _key(pair))
    )


def _pair(pair: PairResult, seeds: bool, change: str) -> list[Text]:
    name = f"  {pair.label} #{pair.seed}" if seeds else f"  {pair.label}"
    numbers = [change, *(words.number(value) for value in (pair.p, pair.rank, pair.score))]
    wrong = Text(words.mistake(pair), "red")
    return [plain(name), plain(pair.truth), plain(pair.said), wrong, *map(Text, numbers)]
