"""A script that fails at random."""

import random
from collections.abc import Callable, Mapping
from typing import Any

from diffkit.testing.endpoint.answers import Answer, calls, cuts, empty, fails, raw, refuses, slow
from diffkit.testing.endpoint.completion import digest
from diffkit.testing.endpoint.scripts import Script, Seen

_SLOW = 0.02  # seconds
FAULTS: Mapping[str, Callable[[Answer], Answer]] = {
    "rate limit": lambda _: fails(429, retry_after=0),
    "server error": lambda _: fails(500, retry_after=0),
    "bad gateway": lambda _: raw("<html>bad gateway</html>", status=502),
    "no JSON": lambda _: raw('{"choices": [{"message": {"content": "Half of it'),
    "cut": lambda _: cuts(),
    "slow": lambda right: slow(_SLOW, right),
    "empty": lambda _: empty(),
    "refusal": lambda _: refuses(),
    "broken arguments": lambda _: calls(("submit_verdict", '{"change": "targ')),
    "no such tool": lambda _: calls(("delete_everything", {})),
    "wrong arguments": lambda _: calls(("submit_verdict", {"change": 7})),
    "loop": lambda _: calls(("ask_models", {"prompts": ["And then?"]})),
}
"""What goes wrong → the answer instead of the right one."""


def random_faults(seed: int, inner: Script, rate: float | int) -> Script:
    """``inner``, of which a share of ``rate`` goes wrong, in all ways alike.

    What goes wrong depends on the seed, the request and how often it came, and so not on the order
    in which requests come.
    """
    seen = Seen()

    def script(body: Mapping[str, Any], number: int) -> Answer:
        right = inner(body, number)
        rng = random.Random(f"{seed} {digest(body)} {seen(body)}")  # noqa: S311 - reproducible
        if rng.random() >= rate:
            return right
        return FAULTS[rng.choice(sorted(FAULTS))](right)

    return script
