"""Cost and losses of searches for a prefix, compared with nanoGCG.

Prints figures from one run, each with its goal. nanoGCG 0.3.0 is needed for `speed` and `search`,
in its own folder, since its pins are old:

    pip install --no-deps --target FOLDER nanogcg==0.3.0
    python benchmarks/steering_prefix.py --nanogcg FOLDER

It runs with `use_prefix_cache=False`; its cache fails on current transformers.

`speed`: losses of the same candidates a second. The model is a random Qwen2 of 1.6 million
parameters and 4,096 words; a prompt is 4 tokens of template, 20 that are searched for and 10 of the
target. Each candidate differs from the current prefix in one token, as nanoGCG draws them. Both
have one thread, and seconds are the processor's.

`search`: the lowest loss that each finds with the same readings, from its own random start.
A reading is a candidate read once; a gradient counts three. The optimiser is `multi-coordinate`,
the one for a single prompt; the default, `momentum`, is made for many, and is printed too. Options
are otherwise the defaults; candidates a step are the same.

`match`: prefixes with the effect of a reference prefix on the zoo's tiny-qwen3, from random starts;
the reference's own tokens are allowed. The printed loss is the held-out loss above that of the
reference. One reference has an effect: this base was trained to say what a remark was about
when a question about it follows. The other is an instruction, which this base follows no more than
any other words; its completions after an instruction are noise, and hard to match.

`explain`: the share of the held-out gap that tokens close for each organism of the zoo on
tiny-qwen3, with the defaults of the method except pruning, and with three times the readings; and
the share that a soft prompt of the same length, trained on the same suffixes, closes. Tokens are a
special case of it, so if it closes little, tokens will hardly close more; the converse does not
hold.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import torch
from prefix_explanations import measure_explain
from prefix_matches import measure_match
from prefix_nanogcg import measure_search, measure_speed

PARTS: dict[str, Callable[[Path | None], None]] = {
    "speed": measure_speed,
    "search": measure_search,
    "match": measure_match,
    "explain": measure_explain,
}

if __name__ == "__main__":
    torch.set_num_threads(1)  # CPU time does not depend on other programs
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=PARTS, default=list(PARTS))
    parser.add_argument("--nanogcg", type=Path, help="folder that nanoGCG is installed in")
    given = parser.parse_args()
    for part in given.parts:
        PARTS[part](given.nanogcg)
