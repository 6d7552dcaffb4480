"""``diffkit demo``."""

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from diffkit.cli.flags import Device
from diffkit.cli.state import state

if TYPE_CHECKING:
    from diffkit.evaluation.leaderboard import Leaderboard, PairResult

SHOWN = 4
"""How many findings are shown, and rows of each."""
SUITE = Path(__file__).parents[1] / "data" / "demo.yaml"


def demo(
    device: Device = "auto",
    out: Annotated[Path, typer.Option(help="The report to write.")] = Path("diffkit-demo.html"),
) -> None:
    """Go from the shipped organisms to a leaderboard and a report."""
    from diffkit.cli.console import out as console
    from diffkit.cli.console import say
    from diffkit.cli.evaluate import carry_out
    from diffkit.cli.report import report
    from diffkit.evaluation.board import build
    from diffkit.evaluation.plan import expand
    from diffkit.evaluation.suite import Suite
    from diffkit.render.text import render_findings, render_leaderboard
    from diffkit.yamls import read_record

    plan = expand(read_record(SUITE, Suite), state.host, state.catalogue)
    tests = sum(pair.role == "test" for pair in plan.pairs)
    nulls = f"{len(plan.pairs) - tests} more to calibrate on, unless a table has them"
    say(f"Comparing {tests} pairs, and {nulls}; a second demo finds the runs again.")
    board = build(carry_out(plan, device, fresh=False), state.store)
    shown = _shown(board)
    render_leaderboard(board, console)
    console.rule(f"What {shown.method} found in {shown.organism}")
    render_findings(state.store.run(shown.run), console, limit=SHOWN)
    truth = state.catalogue.organism(shown.organism).answer_key
    said = truth.statement if truth else "nothing targeted"
    console.print(f"\nThe truth: {said}\n", markup=False)
    report(leaderboard=True, run=None, name=board.suite, out=out)
    say(_next(shown))


def _shown(board: "Leaderboard") -> "PairResult":
    """The organism with a purpose whose truth ranked best, of those that were run."""
    ranked = [pair for pair in board.pairs if pair.truth == "targeted" and pair.run]
    return min(ranked, key=lambda pair: (pair.rank or 99, -(pair.change_score or 0)))


def _next(shown: "PairResult") -> str:
    lines = (
        (f"methods {shown.method}", "the options of a method"),
        (f"organisms show {shown.organism}", "the truth about an organism"),
        (f"run {shown.method} --organism {shown.organism}", "one run, printed"),
        (
            f"run {shown.method} --base FOLDER_OR_HUB_ID --finetuned ADAPTER_OR_MODEL",
            "your own models",
        ),
        (f"runs show {shown.run[:12]}", "all that this run found"),
    )
    program = _program()
    return "\n".join(("", "Try next:", *(f"  {program} {line}   # {why}" for line, why in lines)))


def _program() -> str:
    """What to type: the bare name where the shell would find this very program by it."""
    found = shutil.which("diffkit")
    same = found is not None and Path(found).resolve() == Path(sys.argv[0]).resolve()
    return "diffkit" if same else sys.argv[0]
