"""The method that docs/plugins.md writes really is one."""

import importlib
import re
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "plugins.md"


@pytest.fixture
def my_package(tmp_path, monkeypatch):
    """The page's Python blocks as the package that they say they are."""
    for block in re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.M | re.S):
        file = tmp_path / block.splitlines()[0].removeprefix("# ").split(" ")[0]
        file.parent.mkdir(exist_ok=True)
        file.write_text(block)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("my_package")
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_package"]:
        del sys.modules[name]


def test_the_page_makes_a_method_that_conforms(my_package, conforms):
    specs = []
    my_package.register_methods(register=specs.append)
    (spec,) = specs
    assert conforms(spec).metrics["moved"] > 0
