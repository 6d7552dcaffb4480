"""The investigator and the grader of the pages about writing them conform."""

import importlib
import re
import sys
from pathlib import Path

import pytest

PAGES = Path(__file__).parents[2] / "docs" / "how-to"


@pytest.fixture
def registered(tmp_path, monkeypatch):
    """``registered(page, package, hook)``: the one spec that a page's Python blocks register."""
    packages = []

    def register(page, package, hook):
        packages.append(package)
        for block in re.findall(r"^```python\n(.*?)^```", (PAGES / page).read_text(), re.M | re.S):
            file = tmp_path / block.splitlines()[0].removeprefix("# ").split(" ")[0]
            file.parent.mkdir(exist_ok=True)
            file.write_text(block)
        monkeypatch.syspath_prepend(tmp_path)
        specs = []
        getattr(importlib.import_module(package), hook)(register=specs.append)
        (spec,) = specs
        return spec

    yield register
    for name in [name for name in sys.modules if name.partition(".")[0] in packages]:
        del sys.modules[name]


def test_the_page_makes_an_investigator_that_conforms(registered, investigator_conforms):
    spec = registered("write-an-investigator.md", "my_investigator", "register_investigators")
    results = investigator_conforms(spec, characters=20)
    assert results["no evidence"].claim is None
    assert results["one method"].claim == "Read 4 texts."


def test_the_page_makes_a_grader_that_conforms(registered, grader_conforms):
    spec = registered("write-a-grader.md", "my_grader", "register_graders")
    grades = grader_conforms(spec, words=100)
    assert grades["organism"]["right claim"].score > grades["organism"]["wrong claim"].score
