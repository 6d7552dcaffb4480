"""A method that raises while it runs costs one line, and its traceback is kept."""

import json
import os
import subprocess
import sys

import pytest

BOOM = """
from diffkit import DiffingMethod, Findings, MethodConfig, Note, Spec, hookimpl

class Options(MethodConfig):
    pass

class Boom(DiffingMethod[Options]):
    def run(self, pair, config, context):
        raise ZeroDivisionError("boom")

class Fine(DiffingMethod[Options]):
    def run(self, pair, config, context):
        return Findings(change_score=1.0, items=(Note(text="all is fine"),))

@hookimpl
def register_methods(register):
    for name, method in (("dk-boom", "Boom"), ("dk-fine", "Fine")):
        register(Spec(name, "A test", 1, "dk_boom:Options", f"dk_boom:{method}"))
"""


@pytest.fixture
def diffkit(tmp_path, install):
    """Runs the command line with a raising, a dying and a working plugin installed."""
    install("dk_boom", BOOM)
    install("dk_dead", "raise RuntimeError('dead on arrival')")
    install("dk_exits", "import sys; sys.exit(3)")

    def call(*arguments):
        return subprocess.run(
            [sys.executable, "-c", "from diffkit.cli import main; main()", *map(str, arguments)],
            env={
                **os.environ,
                "PYTHONPATH": str(tmp_path),
                "DIFFKIT_STORE": str(tmp_path / "store"),
            },
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    return call


def test_broken_plugins_are_listed_and_spare_the_command_line(diffkit):
    done = diffkit("plugins", "--json")
    assert done.returncode == 0, done.stderr
    errors = {plugin["name"]: plugin["error"] for plugin in json.loads(done.stdout)}
    assert errors["dk_dead"] == "RuntimeError: dead on arrival"
    assert errors["dk_exits"] == "SystemExit: 3"
    assert errors["dk_boom"] is errors["kl"] is None


def test_a_raising_method_is_one_line_and_the_next_one_runs(diffkit, tiny_folder, tmp_path):
    pair = ("--base", tiny_folder / "base", "--finetuned", tiny_folder / "adapter")
    failed = diffkit("run", "dk-boom", *pair)
    assert failed.returncode == 1
    assert "ZeroDivisionError: boom" in failed.stderr
    assert "Traceback" not in failed.stdout + failed.stderr
    (failure,) = (tmp_path / "store").rglob("failure.json")
    assert "ZeroDivisionError" in json.loads(failure.read_text())["traceback"]

    fine = diffkit("run", "dk-fine", *pair)
    assert fine.returncode == 0, fine.stderr
    assert "all is fine" in fine.stdout
