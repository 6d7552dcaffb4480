"""The method, the tool and the study of the page about writing methods conform."""

import importlib
import re
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "write-a-method.md"
PACKAGES = ("my_package", "my_study")


@pytest.fixture
def registered(tmp_path, monkeypatch):
    """Registers what a package of the page's Python blocks brings: its one spec."""
    for block in re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.M | re.S):
        file = tmp_path / block.splitlines()[0].removeprefix("# ").split(" ")[0]
        file.parent.mkdir(exist_ok=True)
        file.write_text(block)
    monkeypatch.syspath_prepend(tmp_path)

    def register(package):
        specs = []
        importlib.import_module(package).register_methods(register=specs.append)
        (spec,) = specs
        return spec

    yield register
    for name in [name for name in sys.modules if name.partition(".")[0] in PACKAGES]:
        del sys.modules[name]


def test_the_page_makes_a_method_that_conforms(registered, conforms):
    assert conforms(registered("my_package")).metrics["moved"] > 0


def test_the_pages_tool_answers_and_says_what_does_not_fit(
    registered, conforms, tiny_pair, tiny_texts, tmp_path
):
    from diffkit import FinishedRun, UserError

    spec = registered("my_package")
    config = spec.load_config()()
    findings = conforms(spec, arguments={"where": {"text": 1}})
    left = FinishedRun(findings, tmp_path, tiny_texts)
    (where,) = spec.load().tools(tiny_pair, config, left)
    (trace,) = where.call(where.Arguments(text=1))
    assert "".join(one.token for one in trace.tokens) == str(tiny_texts.items[1])
    assert max(one.score for one in trace.tokens) > 0
    with pytest.raises(UserError, match="There is no text 99"):
        where.call(where.Arguments(text=99))


def test_the_page_makes_a_study_that_conforms(registered, study_conforms, tiny_model):
    (series,) = study_conforms(registered("my_study")).items
    assert len(series.lines[0].y) == tiny_model.layers
