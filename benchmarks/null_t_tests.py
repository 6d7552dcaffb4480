"""False-positive rates of Student's t of a new observation, over the nulls of calibration tables.

usage: null_t_tests.py [TABLE …] [--draws N] [--write]

From each group of nulls (method, table and null type) some are drawn as nulls and another one as
the new observation, which is a null too: the share of draws with p at or below the level is the
false-positive rate. ``--write`` puts the table into docs/explanation/calibration.md.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import diffkit_organisms
import numpy as np
from markdown_tables import table

from diffkit.evaluation.calibration.table import read_table
from diffkit.statistics import student_t_p

SHIPPED = Path(diffkit_organisms.__file__).parent / "zoo" / "calibration"
PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "calibration.md"
START, END = "<!-- written by benchmarks/null_t_tests.py -->", "<!-- end -->"
SIZES = (4, 8, 16)
LEVELS = (0.05, 0.01)

Groups = dict[str, list[np.ndarray]]
"""Method → scores of each of its groups of nulls."""


def read_groups(files: Sequence[Path]) -> Groups:
    """The scores of all nulls, by method; groups too small for the largest size are left out."""
    scores: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for file in files:
        for row in read_table(file):
            if row.change_score is not None:
                scores[row.method, file.stem, row.rung].append(row.change_score)
    found: Groups = defaultdict(list)
    for (method, *_), group in sorted(scores.items()):
        if len(group) > max(SIZES):
            found[method].append(np.array(group))
    return found


def rates(groups: Sequence[np.ndarray], size: int, draws: int) -> Mapping[float, float]:
    """Level → share of draws whose p is at or below it; a draw without a p counts as none."""
    random = np.random.default_rng(0)
    ps = []
    for group in groups:
        for _ in range(draws):
            new, *nulls = random.permutation(group)[: size + 1].tolist()
            p = student_t_p(new, nulls)
            ps.append(1.0 if p is None else p)
    return {level: float(np.mean(np.array(ps) <= level)) for level in LEVELS}


def lines(groups: Groups, draws: int) -> Iterator[str]:
    """The table: a row for each method, and one for all."""
    parts = [(size, level) for level in LEVELS for size in SIZES]
    head = ("method", "groups", *(f"{size} nulls, p ≤ {level}" for size, level in parts))
    rows = []
    every = [group for own in groups.values() for group in own]
    for name, own in [*groups.items(), ("all", every)]:
        found = {size: rates(own, size, draws) for size in SIZES}
        rates_of = (f"{found[size][level]:.3f}" for size, level in parts)
        rows.append((name, str(len(own)), *rates_of))
    yield from table(head, rows)


def write(page: Path, text: str) -> None:
    """Puts ``text`` between the marks of the page."""
    before, _, rest = page.read_text(encoding="utf-8").partition(START)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{START}\n\n{text}\n{END}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="*", type=Path, help="calibration tables; default: shipped")
    parser.add_argument("--draws", type=int, default=1000, help="draws from each group")
    parser.add_argument("--write", action="store_true", help="write the table into the docs")
    given = parser.parse_args()
    groups = read_groups(given.tables or sorted(SHIPPED.glob("*.jsonl")))
    text = "\n".join(lines(groups, given.draws))
    print(text)
    if given.write:
        write(PAGE, text)


if __name__ == "__main__":
    main()
