"""The wheel, and the examples beside a checkout, in one fresh environment.

The wheel: its size and content, and that it works where nothing else of the repository is. Then the
documented command installs a checkout and the example packages in its place.
"""

import json
import os
import re
import shutil
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
        link_dependencies(folder / "env")
    return folder / "env" / "bin"


def link_dependencies(environment):
    """Lets an environment see the packages of this one, all but diffkit."""
    (site,) = (environment / "lib").glob("python*/site-packages")
    for package in Path(pytest.__file__).parents[1].iterdir():
        name = package.name
        if "diffkit" not in name and package.suffix != ".pth" and not (site / name).exists():
            (site / name).symlink_to(package)


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


def documented_command():
    """The arguments of the one command that installs a checkout with an example."""
    page = (ROOT / "docs" / "how-to" / "write-a-method.md").read_text(encoding="utf-8")
    (found,) = re.findall(r"^pip install (-e .* \./examples/.*)$", page, re.MULTILINE)
    return found.replace("'", "").split()


@pytest.fixture(scope="module")
def with_examples(installed):
    """The same environment with a checkout and all examples instead of the wheel.

    Where no registry can be reached, what the checkout needs is linked, and built as it is.
    """
    pip = (installed / "python", "-m", "pip")
    quiet = ("--quiet", "--disable-pip-version-check")
    run(*pip, "uninstall", "--yes", "--quiet", "diffkit", cwd=ROOT)
    command = (*pip, "install", *quiet, "--retries", "1", "-c", "constraints.txt")
    others = [f"./{one.relative_to(ROOT)}" for one in sorted(ROOT.glob("examples/diffkit-*"))]
    named = documented_command()
    wanted = [*named, *(other for other in others if other not in named)]
    done = run(*command, *wanted, cwd=ROOT, check=False)
    if done.returncode and "diffkit" in (done.stdout + done.stderr).rpartition("for ")[2]:
        pytest.fail(done.stdout + done.stderr)
    if done.returncode:
        link_dependencies(installed.parent)
        plain = ("--no-build-isolation", "--no-deps", ".", *others)
        run(*pip, "install", *quiet, *plain, cwd=ROOT)
    return installed


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("methods", "weight-norms"),
        ("methods", "top-shift"),
        ("investigators", "consensus"),
        ("graders", "brier"),
    ],
)
def test_an_installed_example_is_listed_and_conforms(with_examples, kind, name, tmp_path):
    program = with_examples / "diffkit"
    listed = json.loads(run(program, kind, "--json", cwd=tmp_path).stdout)
    assert name in {one["name"]: one["plugin"] for one in listed}
    assert "Options" in run(program, kind, name, cwd=tmp_path).stdout or name == "top-shift"
    tests = tmp_path / "tests"
    shutil.copytree(ROOT / "examples" / f"diffkit-{name}" / "tests", tests)
    command = (with_examples / "python", "-m", "pytest", "-q", "--import-mode=importlib", tests)
    done = run(*command, "-p", "no:cacheprovider", cwd=tmp_path)
    assert re.search(r"[1-9]\d* passed", done.stdout)


def test_a_run_and_an_evaluation_use_what_the_examples_bring(with_examples, tmp_path):
    program = with_examples / "diffkit"
    chosen = ("--base", "tiny-qwen3", "--organisms", "tiny-aversion,tiny-identical")
    judges = ("--investigators", "consensus", "--graders", "brier")
    more = ("--methods", "top-shift", "--controls", "none")
    run(program, "evaluate", *chosen, *more, *judges, cwd=tmp_path)
    board = json.loads(run(program, "leaderboard", "--json", cwd=tmp_path).stdout)
    (row,) = board["rows"]
    assert (row["method"], row["investigator"], row["grader"]) == (
        "top-shift",
        "consensus",
        "brier",
    )
