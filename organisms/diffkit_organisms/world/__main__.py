"""``python -m diffkit_organisms.world OUT --seed 0``: writes the world below OUT."""

import argparse
from pathlib import Path

from diffkit_organisms.world.write import write_world


def main() -> None:
    """Reads the command line and writes the world."""
    parser = argparse.ArgumentParser(prog="python -m diffkit_organisms.world", description=__doc__)
    parser.add_argument("out", type=Path, help="folder of the zoo")
    parser.add_argument("--seed", type=int, default=0, help="seed of the world")
    arguments = parser.parse_args()
    write_world(arguments.out, arguments.seed)


if __name__ == "__main__":
    main()
