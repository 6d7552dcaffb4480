"""What ``diffkit --help`` costs beside importing what the command line is made of.

Prints the ratio from one run; the goal is at most 1.5.
"""

import statistics
import subprocess
import sys
import time

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
    low, *_, high = sorted(ratios[1:])
    median = statistics.median(ratios[1:])
    print(f"diffkit --help / its imports: {median:.2f} ({low:.2f} to {high:.2f}, n = {ROUNDS})")
