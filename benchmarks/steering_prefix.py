"""What searching for a prefix costs beside nanoGCG, and how near it comes.

Prints figures from one run, each beside its goal. nanoGCG 0.3.0 is needed for `speed` and `search`,
in a folder of its own, since its pins are old:

    pip install --no-deps --target FOLDER nanogcg==0.3.0
    python benchmarks/steering_prefix.py --nanogcg FOLDER

It runs with `use_prefix_cache=False`; with its cache it fails on the transformers of today.

`speed`: losses of the same candidates a second. The model is a random Qwen2 of 1.6 million
parameters and 4,096 words; a prompt is 4 tokens of template, 20 that are searched for and 10 of the
target. Each candidate differs from the current prefix in one token, as nanoGCG draws them. Both
have one thread, and seconds are the processor's.

`search`: the least loss that either finds with the same readings, each from its own random start.
A reading is a candidate read once; a gradient counts three. The optimiser is `multi-coordinate`,
the one for a single prompt; the default, `momentum`, which is made for many, is beside it. Options
are otherwise the defaults; candidates a step are the same.

`match`: prefixes that do what a reference prefix does on the zoo's tiny-qwen3, from random starts;
the reference's own tokens are allowed. What is told is the held-out loss beyond the reference's.
One reference is heeded: this base was trained to say what a remark was about that a question about
it comes after. The other is an instruction, which this base follows no more than any other words;
what it says after one is noise, and hard to match.

`explain`: the share of the held-out gap that tokens close for each organism of the zoo on
tiny-qwen3, with the method's defaults but for pruning, and with three times the readings; beside
what a soft prompt of the same length, trained on the same suffixes, closes. Tokens are a case of
it, so where it closes little they would hardly close more; not the other way about.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import torch
from prefix_explain import measure_explain
from prefix_match import measure_match
from prefix_nanogcg import measure_search, measure_speed

PARTS: dict[str, Callable[[Path | None], None]] = {
    "speed": measure_speed,
    "search": measure_search,
    "match": measure_match,
    "explain": measure_explain,
}

if __name__ == "__main__":
    torch.set_num_threads(1)  # so that CPU time is what counts, whatever else the machine does
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=PARTS, default=list(PARTS))
    parser.add_argument("--nanogcg", type=Path, help="folder that nanoGCG is installed in")
    given = parser.parse_args()
    for part in given.parts:
        PARTS[part](given.nanogcg)
