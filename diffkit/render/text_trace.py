"""A trace in the terminal: the text itself, and what either side expected in its place."""

from rich.table import Table as Grid
from rich.text import Text

from diffkit.findings import Candidate, TokenTrace
from diffkit.render import words
from diffkit.render.heat import Position, levels
from diffkit.render.text_parts import grid

_WARM = ("", "#fdebd0", "#fbd9a4", "#f8c471", "#f5a742", "#ee8a1d")
_COLD = ("", "#dcebfa", "#bcd9f5", "#96c3ee", "#6dabe4", "#4592d8")


def traced(trace: TokenTrace, shown: int, marked: set[int], colour: bool) -> Text:
    """The first ``shown`` tokens, warm where the sides differ.

    Without colour the ``marked`` ones carry their scores instead.
    """
    text = Text()
    for index, (item, level) in enumerate(zip(trace.tokens[:shown], levels(trace), strict=False)):
        ramp = _WARM if level > 0 else _COLD
        style = f"black on {ramp[abs(level)]}" if colour and level else ""
        word = words.clean(item.token, keep_lines=True)
        if index in marked and not colour:
            bare = word.rstrip()
            word = f"{bare}⟨{words.number(item.score)}⟩{word[len(bare) :]}"
        text.append(word, style=style)
    return text


def positions(top: tuple[Position, ...]) -> Grid:
    """What each side expected in the places that matter most."""
    columns = ["at", "token", "score", "base expected", "finetuned expected"]
    table = grid(columns, right=(0, 2))
    scores = words.aligned(tuple(position.token.score for position in top))
    for position, score in zip(top, scores, strict=True):
        item = position.token
        sides = [Text(_candidates(side)) for side in (item.base, item.finetuned)]
        at = Text(str(position.index), "dim")
        table.add_row(at, Text(words.token(item.token)), Text(score), *sides)
    return table


def _candidates(side: tuple[Candidate, ...]) -> str:
    said = (f"{words.token(c.token)} {words.percent(c.probability)}" for c in side)
    return ",  ".join(said) or words.NONE
