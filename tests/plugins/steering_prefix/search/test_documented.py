"""The optimiser that the page on steering-prefix shows, as it is written there."""

import re
import sys
from pathlib import Path

from diffkit_plugins.steering_prefix.config import SearchOptions
from diffkit_plugins.steering_prefix.search import TokenSpace
from diffkit_plugins.steering_prefix.search.run import run_searches

PAGE = Path(__file__).parents[4] / "docs" / "methods" / "steering-prefix.md"


def test_it_searches_within_its_budget(distance_to, context, monkeypatch, tmp_path):
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "mine.py").write_text(block, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    objective = distance_to(" the cat sat")
    options = SearchOptions(length=3, budget=60, prune=False, optimiser="mine:RandomSearch")
    found = run_searches(objective, TokenSpace.of(objective, options), options, context).best
    monkeypatch.delitem(sys.modules, "mine")
    first, *_, last = found.result.trace
    assert last.loss < first.loss
    assert 60 - 2 * objective.items < last.spent <= 60
