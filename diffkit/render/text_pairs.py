"""The pairs behind a leaderboard, in the terminal."""

from itertools import groupby

from rich.table import Table as Grid
from rich.text import Text

from diffkit.evaluation.leaderboard import Leaderboard, PairResult
from diffkit.evaluation.row import Row
from diffkit.render import terms, words
from diffkit.render.sections import sections
from diffkit.render.text_parts import grid, plain, who


def pairs_table(leaderboard: Leaderboard) -> Grid:
    """The pairs behind each row, grouped as the rows are."""
    seeds = len({pair.seed for pair in leaderboard.pairs}) > 1
    repeats = len({pair.repeat for pair in leaderboard.pairs}) > 1
    columns = ["organism", "truth", "said", "", "change", "p", "rank", "score"]
    table = grid(columns, right=(4, 5, 6, 7), title="The pairs behind it")
    table.columns[3].no_wrap = True
    for _, group in groupby(_in_order(leaderboard), _key):
        pairs = tuple(group)
        table.add_section()
        table.add_row(who(pairs[0]))
        changes = words.aligned(pair.change_score for pair in pairs)
        for pair, change in zip(pairs, changes, strict=True):
            table.add_row(_label(pair, seeds=seeds, repeats=repeats), *_pair(pair, change))
    return table


def _key(pair: PairResult | Row) -> tuple[str, str, str]:
    return terms.name(pair), pair.investigator, pair.grader


def _in_order(leaderboard: Leaderboard) -> list[PairResult]:
    rows = [row for section in sections(leaderboard) for row in section.rows]
    place = {_key(row): index for index, row in reversed([*enumerate(rows)])}
    return sorted(
        leaderboard.pairs, key=lambda pair: (place.get(_key(pair), len(place)), _key(pair))
    )


def _label(pair: PairResult, *, seeds: bool, repeats: bool) -> Text:
    seed = f" #{pair.seed}" if seeds else ""
    repeat = f", repeat {pair.repeat}" if repeats else ""
    return plain(f"  {pair.label}{seed}{repeat}")


def _pair(pair: PairResult, change: str) -> list[Text]:
    numbers = [change, *(words.number(value) for value in (pair.p, pair.rank, pair.score))]
    wrong = Text(terms.mistake(pair), "red")
    return [plain(pair.truth), plain(pair.said), wrong, *map(Text, numbers)]
