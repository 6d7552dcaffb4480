"""Time of ``diffkit --help``, relative to importing the libraries of the command line.

Prints the ratio from one run, with its goal.
"""

import subprocess
import sys
import time

from goals import at_most

ROUNDS = 15
IMPORTS = [sys.executable, "-c", "import typer, rich, pydantic, pluggy"]
HELP = [sys.executable, "-m", "diffkit", "--help"]


def seconds(command: list[str]) -> float:
    """Wall-clock seconds of one fresh process."""
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    ratios = []
    for _ in range(ROUNDS + 1):  # the first warms the disk
        imports = seconds(IMPORTS)
        ratios.append(seconds(HELP) / imports)
    at_most("diffkit --help / its imports", 1.5, ratios[1:])
