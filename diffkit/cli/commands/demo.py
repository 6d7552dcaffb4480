"""``diffkit demo``."""

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from diffkit.cli.app_context import context
from diffkit.cli.options import Device

if TYPE_CHECKING:
    from diffkit.evaluation.leaderboard.schema import Leaderboard, PairResult

MAX_FINDINGS = 4
"""How many findings are shown, and rows of each."""

SUITE = Path(__file__).parents[2] / "data" / "demo.yaml"


def demo(
    device: Device = "auto",
    out: Annotated[Path, typer.Option(metavar="FILE", help="The report to write.")] = Path(
        "diffkit-demo.html"
    ),
    real: Annotated[
        bool,
        typer.Option(
            "--real", help="On a real chat model, after `make real`; a few minutes on two cores."
        ),
    ] = False,
) -> None:
    """Go from the shipped organisms to a leaderboard and a report."""
    if real:
        _real_demo(device)
        return
    from diffkit.cli.commands.evaluate import run_evaluation
    from diffkit.cli.commands.report import report
    from diffkit.cli.console import info
    from diffkit.cli.console import out as console
    from diffkit.evaluation.leaderboard.build import build_leaderboard
    from diffkit.evaluation.plan import expand_suite
    from diffkit.evaluation.suite import Suite
    from diffkit.options.yaml_records import read_record
    from diffkit.render.terminal.reports import render_conclusions, render_findings, render_scores

    plan = expand_suite(read_record(SUITE, Suite), context.host, context.catalogue)
    tests = sum(pair.role == "test" for pair in plan.pairs)
    nulls = f"{len(plan.pairs) - tests} more to calibrate on, unless a table has them"
    info(f"Comparing {tests} pairs, and {nulls}; a second demo finds the runs again.")
    board = build_leaderboard(run_evaluation(plan, device, fresh=False), context.store)
    shown = _best_pair(board)
    run = context.store.run(shown.run)
    console.rule(f"What {shown.method} says of {shown.organism}")
    console.print(context.summary(run), markup=False, highlight=False)
    truth = context.catalogue.organism(shown.organism).answer_key
    said = truth.statement if truth else "nothing targeted"
    console.print(f"\nThe truth: {said}\n", markup=False)
    console.rule(f"What to conclude about {tests} pairs")
    render_conclusions(board, console)
    console.rule(f"What {shown.method} found in {shown.organism}")
    render_findings(run, console, limit=MAX_FINDINGS)
    console.rule(f"The results of {tests} pairs")
    render_scores(board, console)
    console.print(f"\nAll tables: {_program()} leaderboard --name {board.suite}\n", markup=False)
    report(leaderboard=True, run=None, name=board.suite, out=out)
    info(_next_commands(shown))


def _real_demo(device: str) -> None:
    """What a real model says before and after, what methods say of it, and the truth."""
    from diffkit.cli.commands.demo_real import real_plan, show_answers, show_runs
    from diffkit.cli.commands.evaluate import run_evaluation
    from diffkit.cli.console import out as console
    from diffkit.evaluation.leaderboard.build import build_leaderboard
    from diffkit.render.terminal.reports import render_conclusions

    plan = real_plan()
    console.rule("What the models say before and after finetuning")
    show_answers(plan, device, console)
    board = build_leaderboard(run_evaluation(plan, device, fresh=False), context.store)
    show_runs(board, console)
    console.rule("What to conclude")
    render_conclusions(board, console)
    console.print(f"\nAll tables: {_program()} leaderboard --name {board.suite}", markup=False)


def _best_pair(board: "Leaderboard") -> "PairResult":
    """The organism with a purpose whose truth ranked best, of those that were run."""
    ranked = [pair for pair in board.pairs if pair.truth == "targeted" and pair.run]
    return min(ranked, key=lambda pair: (pair.rank or 99, -(pair.change_score or 0)))


def _next_commands(shown: "PairResult") -> str:
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
