"""``diffkit new``: the package that it writes is a plugin at once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from diffkit.cli.commands.new import write_method
from diffkit.errors import UserError

ROOT = Path(__file__).parents[2]


def run(*command, folder, **environment):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DIFFKIT")}
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=folder,
        env={**kept, "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_writes_a_package_named_for_the_method(cli, tmp_path):
    said = cli("new", "method", "word-drift-2", "--folder", str(tmp_path))
    assert said.code == 0, said.err
    place = tmp_path / "diffkit-word-drift-2"
    assert "pip install -e" in said.err
    module = (place / "diffkit_word_drift_2.py").read_text()
    assert "class WordDrift2(DiffingMethod):" in module
    assert 'name, version = "word-drift-2", 1' in module
    assert 'word-drift-2 = "diffkit_word_drift_2"' in (place / "pyproject.toml").read_text()
    written = [path.read_text() for path in place.rglob("*") if path.is_file()]
    assert len(written) == 5
    assert not any("$" in text for text in written)


@pytest.mark.parametrize("name", ["Top", "top_shift", "-top", "top-", "2top", "", "../top", "a b"])
def test_other_names_are_refused_and_nothing_is_written(tmp_path, name):
    with pytest.raises(UserError, match="no name for a method"):
        write_method(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(tmp_path):
    place = write_method("top-shift", tmp_path)
    (place / "README.md").write_text("mine")
    with pytest.raises(UserError, match="exists already"):
        write_method("top-shift", tmp_path)
    assert (place / "README.md").read_text() == "mine"


@pytest.mark.slow
def test_what_it_writes_conforms_and_stands_on_the_leaderboard(tmp_path):
    place, target = write_method("my-method", tmp_path), tmp_path / "installed"
    pip = ("-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation")
    run(*pip, "--disable-pip-version-check", "--target", target, place, folder=tmp_path)
    paths = [str(target), *os.environ.get("PYTHONPATH", str(ROOT)).split(os.pathsep)]
    own = {"PYTHONPATH": os.pathsep.join(paths), "DIFFKIT_STORE": str(tmp_path / "store")}
    run("-m", "pytest", "-q", "-p", "no:cacheprovider", folder=place, **own)
    code = (
        "import sys; from diffkit.registry.plugin_host import load_plugins;"
        "print(load_plugins().methods['my-method'].version, 'torch' in sys.modules)"
    )
    listed = run("-c", code, folder=tmp_path, **own)
    assert listed.split() == ["1", "False"]
    diffkit = ("-m", "diffkit")
    run(
        *(
            *diffkit,
            "evaluate",
            "--base",
            "tiny-qwen3",
            "--organisms",
            "tiny-trojan,tiny-identical",
        ),
        *("--methods", "my-method", "--investigators", "lineup", "--graders", "lineup"),
        folder=tmp_path,
        **own,
    )
    board = json.loads(run(*diffkit, "leaderboard", "--json", folder=tmp_path, **own))
    assert "my-method" in json.dumps(board)
