"""The wheel: its size and content, and that it works where nothing else of the repository is."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LARGEST = 30_000_000  # bytes
pytestmark = pytest.mark.slow


def run(*command, cwd, check=True):
    """Runs a command outside of the repository, with nothing of its paths."""
    names = ("PYTHONPATH", "VIRTUAL_ENV", "DIFFKIT_STORE")
    env = {name: value for name, value in os.environ.items() if name not in names}
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=env, check=False, capture_output=True, text=True
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", folder, ROOT)
    run(*command, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A fresh environment with the wheel and the tested set of its dependencies.

    Where no registry can be reached, the dependencies are those of this environment.
    """
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder / "env", with_pip=True)
    python = folder / "env" / "bin" / "python"
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    constraints = ROOT / "constraints.txt"
    done = run(*pip, "--retries", "1", "-c", constraints, wheel, cwd=folder, check=False)
    if done.returncode:
        run(*pip, "--no-deps", wheel, cwd=folder)
        (site,) = (folder / "env" / "lib").glob("python*/site-packages")
        here = Path(pytest.__file__).parents[1]
        (site / "dependencies.pth").write_text(f"{here}\n")
    return folder / "env" / "bin"


def test_the_wheel_is_small_and_holds_what_it_needs(wheel):
    assert wheel.stat().st_size <= LARGEST
    names = zipfile.ZipFile(wheel).namelist()
    for needed in (
        "diffkit/py.typed",
        "diffkit/__init__.pyi",
        "diffkit/data/demo.yaml",
        "diffkit_organisms/zoo/calibration/tiny-qwen3.jsonl",
        "diffkit_organisms/zoo/weights/tiny-qwen3/model.safetensors",
    ):
        assert needed in names
    assert any(name.endswith(".html.j2") for name in names)
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {
        *("diffkit", "diffkit_plugins", "diffkit_organisms", "diffkit_evaluators")
    }


@pytest.mark.parametrize("command", ["--help", "methods", "organisms list", "doctor"])
def test_the_program_works_from_a_wheel(installed, command, tmp_path):
    done = run(installed / "diffkit", *command.split(), cwd=tmp_path)
    assert done.stdout
    assert "Traceback" not in done.stderr


def test_a_method_runs_from_a_wheel(installed, tmp_path):
    done = run(installed / "diffkit", "run", "kl", "--organism", "tiny-aversion", cwd=tmp_path)
    assert "change score" in done.stdout
