"""What the lens says of a shipped organism, beside random changes of the same norms."""

from pathlib import Path

import diffkit_organisms
import pytest
from diffkit_plugins.activation_lens.config import ActivationLensConfig
from diffkit_plugins.activation_lens.method import ActivationLens

from diffkit import RunContext, Source, Texts, TokenTable, load_pair
from diffkit.context import Artifacts, Checkpoints
from diffkit.organism import Adapter

ZOO = Path(diffkit_organisms.__file__).parent / "zoo"


@pytest.fixture(scope="session")
def findings(tmp_path_factory):
    """Of tiny-false-fact, and of two random changes of the same norms."""
    folder = tmp_path_factory.mktemp("lens")
    texts = Texts.read(ZOO / "texts" / "neutral.jsonl").first(100)
    context = RunContext(
        seed=0, texts=texts, artifacts=Artifacts(folder), checkpoints=Checkpoints(folder)
    )
    adapter = Adapter(source=Source(at=str(ZOO / "weights" / "tiny-false-fact")))
    with load_pair(Source(at=str(ZOO / "weights" / "tiny-qwen3")), adapter) as pair:
        pairs = (pair, pair.control(0), pair.control(1))
        return [ActivationLens().run(p, ActivationLensConfig(), context) for p in pairs]


def words(found, rows):
    """The first ``rows`` tokens of each table."""
    tables = [item for item in found.items if isinstance(item, TokenTable)]
    assert len(tables) == 6
    return [{row.token.strip() for row in table.rows[:rows]} for table in tables]


def test_every_position_points_at_the_country_of_the_false_fact(findings):
    organism, *controls = findings
    assert all("Lunden" in shown for shown in words(organism, 5))
    assert not any("Lunden" in shown for control in controls for shown in words(control, 20))


def test_the_false_fact_moved_the_mean_further_than_random_changes_of_its_size(findings):
    organism, *controls = findings
    assert organism.change_score > max(control.change_score for control in controls)
