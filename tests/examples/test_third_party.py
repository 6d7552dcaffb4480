"""A stranger's package, installed beside diffkit's wheel in a fresh environment, takes part."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "diffkit-weight-norms"
TORCH = "torch==2.13.0"

pytestmark = pytest.mark.slow


class Environment:
    """A fresh virtual environment, and commands in it from outside the repository."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "venv" / "bin"
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)

    def __call__(self, command: str, *arguments: object) -> str:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "DIFFKIT"))}
        done = subprocess.run(
            [str(self.bin / command), *map(str, arguments)],
            cwd=self.folder,
            env={**kept, "DIFFKIT_STORE": str(self.folder / "store")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command} {arguments}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def names(self, listing: str) -> set[str]:
        return {entry["name"] for entry in json.loads(self("diffkit", listing, "--json"))}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("third-party")
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", folder / "dist", ROOT]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = (folder / "dist").glob("diffkit-*.whl")
    environment = Environment(folder)
    # One command: pip must take `diffkit` from the wheel and never look for it in a registry.
    environment("pip", "install", "-q", "-c", ROOT / "constraints.txt", TORCH, wheel, EXAMPLE)
    return environment


def test_it_is_listed_run_and_ranked_and_leaves_without_a_trace(installed):
    assert "weight-norms" in installed.names("plugins")
    assert {"weight-norms", "kl"} <= installed.names("methods")
    (plugin,) = (
        p
        for p in json.loads(installed("diffkit", "plugins", "--json"))
        if p["name"] == "weight-norms"
    )
    assert (plugin["distribution"], plugin["error"]) == ("diffkit-weight-norms", None)
    assert "spectra" in installed("diffkit", "methods", "weight-norms")

    shown = installed("diffkit", "run", "weight-norms", "--organism", "tiny-trojan")
    assert "How far each weight moved" in shown

    installed(
        *(
            "diffkit",
            "evaluate",
            "--base",
            "tiny-qwen3",
            "--organisms",
            "tiny-trojan,tiny-identical",
        ),
        *("--methods", "kl,weight-norms", "--investigators", "lineup", "--graders", "lineup"),
    )
    board = installed("diffkit", "leaderboard", "--json")
    assert "weight-norms" in board

    installed("pip", "uninstall", "-q", "-y", "diffkit-weight-norms")
    assert "weight-norms" not in installed.names("plugins") | installed.names("methods")
    assert "kl" in installed.names("methods")
    # What it found stays readable without it.
    assert "weight-norms" in installed("diffkit", "leaderboard", "--json")
    assert "weight-norms" in installed("diffkit", "runs", "list", "--json")
