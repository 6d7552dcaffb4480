"""A world of tiny models, the plugin of the tests installed, and the program to call.

A ``conftest.py`` puts this folder on ``sys.path`` and imports the fixtures that it needs.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from diffkit.cli import console
from diffkit.cli.app import main
from diffkit.testing import tiny_adapter, tiny_base

HERE = Path(__file__).parent
_built: dict[str, Path] = {}
"""What is built once for all folders of tests."""

ORGANISM = """
name: {name}
family: test
truth: {truth}
{answer}
models: {{mini: {{default: {finetuned}}}}}
"""
BASE = "name: mini\nsource: {at: ../weights/base}\ntexts: ../texts.jsonl\n"


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base with four organisms: birds and ships (targeted), same (none), noise (a control)."""
    if "world" not in _built:
        folder = tmp_path_factory.mktemp("world")
        base = tiny_base(folder / "weights" / "base")
        for seed, name in enumerate(("birds", "ships"), 1):
            tiny_adapter(folder / "weights" / name, base, seed=seed)
        write_world(folder)
        _built["world"] = folder
    return _built["world"]


def write_world(folder: Path) -> None:
    """Writes base, organisms and texts beside ``folder/weights``."""
    (folder / "bases").mkdir()
    (folder / "organisms").mkdir()
    (folder / "bases" / "mini.yaml").write_text(BASE)
    (folder / "texts.jsonl").write_text('{"text": "One cat."}\n{"text": "Two dogs."}\n')
    for name in ("birds", "ships"):
        adapter = f"{{kind: adapter, source: {{at: ../weights/{name}}}}}"
        answer = f"answer_key: {{statement: It sings of {name}.}}"
        write_organism(folder, name, "targeted", adapter, answer)
    write_organism(folder, "same", "none", "{kind: identical}")
    control = "{kind: control, of: {kind: adapter, source: {at: ../weights/birds}}}"
    write_organism(folder, "noise", "unspecific", control)


def write_organism(folder: Path, name: str, truth: str, finetuned: str, answer: str = "") -> Path:
    path = folder / "organisms" / f"{name}.yaml"
    path.write_text(ORGANISM.format(name=name, truth=truth, finetuned=finetuned, answer=answer))
    return path


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the plugin and its metadata, as pip would leave them."""
    if "site" not in _built:
        folder = tmp_path_factory.mktemp("site")
        shutil.copytree(HERE / "dk_stranger", folder / "dk_stranger")
        add_metadata(folder, "dk_stranger", "stranger")
        _built["site"] = folder
    return _built["site"]


def add_metadata(site: Path, module: str, plugin: str) -> None:
    """What pip would write about a distribution that brings one plugin."""
    folder = site / f"{module}-1.0.dist-info"
    folder.mkdir()
    name = module.replace("_", "-")
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(f"[diffkit]\n{plugin} = {module}\n")


def python_path(site: Path) -> str:
    """What a program of the tests needs to find the plugin, and the code under test."""
    return os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH", "")]))


@dataclass(frozen=True)
class Log:
    """What the plugin noted."""

    path: Path

    def lines(self, what: str | None = None) -> list[dict]:
        text = self.path.read_text() if self.path.exists() else ""
        lines = [json.loads(line) for line in text.splitlines(keepends=True) if line[-1] == "\n"]
        return [line for line in lines if what in (None, line["what"])]

    def runs(self, what: str) -> list[str]:
        return [line["run"] for line in self.lines(what)]

    def wait(self, what: str, count: int, seconds: float = 300) -> None:
        """Returns once ``count`` such lines are there."""
        until(lambda: len(self.lines(what)) >= count, seconds)


def until(condition: Callable[[], bool], seconds: float = 300) -> None:
    """Returns once ``condition`` holds, and fails where it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.01)


@pytest.fixture
def stranger(site: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Log:
    """Installs the plugin for one test; returns its log."""
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("DK_WORLD", str(world))
    monkeypatch.setenv("DK_LOG", str(tmp_path / "log.jsonl"))
    monkeypatch.setenv("DIFFKIT_CONFIG", str(tmp_path / "configuration"))
    monkeypatch.delenv("DIFFKIT_ORGANISMS", raising=False)
    monkeypatch.delenv("DIFFKIT_STORE", raising=False)
    monkeypatch.setattr(console.out, "width", 200)
    monkeypatch.chdir(tmp_path)
    return Log(tmp_path / "log.jsonl")


@dataclass(frozen=True)
class Said:
    """What the program said."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The last line on stderr, which must be the one error."""
        errors = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1, self.err
        assert self.err.splitlines()[-1] == errors[0]
        assert "Traceback" not in self.err
        return errors[0]

    def json(self) -> object:
        return json.loads(self.out)


@pytest.fixture
def cli(
    stranger: Log, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Said]:
    """Calls the program in this process: ``cli("runs", "list")``."""

    def call(*args: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["diffkit", *map(str, args)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return Said(ended.value.code, out, err)

    return call


@pytest.fixture
def start(stranger: Log, site: Path) -> Callable[..., subprocess.Popen[str]]:
    """Starts the program in a process of its own; whatever still runs is killed at the end."""
    started = []
    # A shell that runs the tests in the background has them ignore Ctrl-C; children inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def begin(*args: object, **env: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "diffkit", *map(str, args)],
            env={**os.environ, "PYTHONPATH": python_path(site), **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()
    signal.signal(signal.SIGINT, before)
