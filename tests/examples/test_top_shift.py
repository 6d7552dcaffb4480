"""The smallest method: what ``diffkit new method`` writes, in one short file."""

import os
import subprocess
import sys
from pathlib import Path

from diffkit.cli.commands.new import write_method

EXAMPLE = Path(__file__).parents[2] / "examples" / "diffkit-top-shift"


def contents(folder):
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


WRITTEN_INSTALL = """    pip install -e '.[dev]'
    pytest
"""
"""How a package of one's own is installed and tested, with diffkit from the index."""
INSTALL = (
    "pip install -e . -e '.[dev]' -e ./examples/diffkit-top-shift    # in a checkout of diffkit"
)
EXAMPLE_INSTALL = f"""    {INSTALL}
    pytest examples/diffkit-top-shift
"""


def test_it_is_what_the_command_writes_except_for_its_installation(tmp_path):
    written, example = contents(write_method("top-shift", tmp_path)), contents(EXAMPLE)
    assert WRITTEN_INSTALL in written["README.md"]
    assert EXAMPLE_INSTALL in example["README.md"]
    written["README.md"] = written["README.md"].replace(WRITTEN_INSTALL, EXAMPLE_INSTALL)
    assert written == example


def test_the_method_is_one_file_of_at_most_forty_lines():
    assert len((EXAMPLE / "diffkit_top_shift.py").read_text().splitlines()) <= 40


def test_the_examples_own_test_passes():
    paths = [str(EXAMPLE), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=EXAMPLE,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
