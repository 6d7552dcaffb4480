"""The example notebooks: every cell runs, and what it ends with shows itself."""

import ast
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted(ROOT.glob("examples/notebooks/*.ipynb"))


def run_cell(source, names):
    """Runs a cell as notebooks do; gives the value of its last line."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names) if last else None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_runs_and_shows_what_it_ends_with(path, tmp_path, monkeypatch):
    (tmp_path / "organisms").symlink_to(ROOT / "organisms")
    monkeypatch.setenv("DIFFKIT_STORE", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    names, shown = {}, []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            value = run_cell("".join(cell["source"]), names)
            shown.append(value._repr_html_())
    run, tokens, frame, both, numbers, runs, found = shown
    assert all("<iframe sandbox" in one for one in (run, tokens, both, runs, found))
    assert "<table" in frame
    assert "change score" in numbers
    assert len(names["store"].runs()) == 2
    assert len(names["store"].search("ladder")) > 0
    assert names["both"].differences.keys() == {"models", "finetuned"}


def test_notebooks_keep_no_output():
    assert NOTEBOOKS
    for path in NOTEBOOKS:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
