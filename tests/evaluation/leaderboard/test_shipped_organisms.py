"""A leaderboard of shipped organisms, from models to tables."""

import pytest
from rich.console import Console

from diffkit.evaluation import Suite, expand_suite
from diffkit.evaluation.evaluate import EvaluationOptions, evaluate
from diffkit.evaluation.leaderboard import build_leaderboard
from diffkit.organism import Control
from diffkit.registry.catalogue import read_catalogue
from diffkit.registry.plugin_host import load_plugins
from diffkit.render.html.pages import leaderboard_page
from diffkit.render.terminal.reports import render_leaderboard
from diffkit.runs.execution import ExecutionOptions
from diffkit.runs.store import Store

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    """Three truths and a random change, read by KL on a few texts."""
    host = load_plugins()
    catalogue = read_catalogue(host.folders)
    (null,) = [o for o in catalogue.organisms.values() if _is_random(o)][:1]
    base = next(iter(null.models))
    truths = [o.name for o in catalogue.organisms.values() if "default" in o.models.get(base, ())]
    truths = [name for name in truths if catalogue.organisms[name].truth == "targeted"][:3]
    suite = Suite(
        base=base,
        organisms=[*truths, null.name],
        methods={"kl": {}},
        calibration=[{"organism": null.name, "draws": 2}],
        texts_limit=8,
    )
    store = Store(tmp_path_factory.mktemp("zoo") / "store").prepare()
    plan = expand_suite(suite, host, catalogue)
    return build_leaderboard(
        evaluate(plan, store, ExecutionOptions("cpu"), EvaluationOptions(allow_inert=True)), store
    )


def _is_random(organism):
    """One control on each base, which is drawn anew."""
    bases = [list(variants.values()) for variants in organism.models.values()]
    return all(len(sides) == 1 and isinstance(sides[0], Control) for sides in bases)


def test_three_truths_are_counted_beside_chance_and_permutations(board):
    (row,) = board.methods()
    assert (row.top1.n, row.named.n, row.none_of_these.n) == (3, 3, 3)
    assert row.named.chance == pytest.approx(1 / 3)
    assert 1 / 6 - 0.02 < row.named.p <= 1  # three truths have six permutations
    assert 1 / 6 - 0.02 < row.reciprocal_rank.p <= 1
    assert row.group == "a"


def test_two_nulls_cannot_detect_and_the_null_under_test_is_another(board):
    (row,) = board.methods()
    assert row.detected is None
    assert "untestable at 0.05" in row.calibration
    assert row.false_alarms is None
    assert not row.false_alarms_by
    assert len(board.pairs) == 4


def test_controls_stand_beside_the_method(board):
    arms = {row.arm: row for row in board.rows if row.stratum == "all"}
    assert {"method", "no-evidence", "evidence-swap"} <= set(arms)
    assert arms["no-evidence"].top1.value <= 1 / 3  # nothing said is worth no more than chance
    assert arms["no-evidence"].named.p == 1  # and fits every truth alike
    assert arms["no-evidence"].detected is None


def test_it_can_be_shown(board):
    console = Console(width=100, record=True, color_system=None)
    render_leaderboard(board, console)
    assert "no findings at all" in console.export_text()
    assert "no findings at all" in leaderboard_page(board, [])
