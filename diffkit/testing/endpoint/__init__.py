"""A scripted OpenAI-compatible server: real HTTP on this machine, for tests of what asks models.

    with ScriptedEndpoint(always(says("Hello."))) as endpoint:
        ...  # ask endpoint.url
        endpoint.requests

The same requests get the same answers and ids, in any order. Nothing waits but
`slow` and `trickles`; clients do, so give them a first wait of 0, or a clock.
"""

from diffkit.testing.endpoint.answers import (
    Answer,
    calls,
    cuts,
    empty,
    fails,
    raw,
    refuses,
    says,
    slow,
    trickles,
    uncounted,
)
from diffkit.testing.endpoint.faults import random_faults
from diffkit.testing.endpoint.investigators import (
    INJECTION,
    endless_loop,
    good_investigator,
    injector,
    liar,
)
from diffkit.testing.endpoint.scripts import (
    Script,
    always,
    at_first,
    in_turn,
    in_words,
    malformed_calls,
    turns,
)
from diffkit.testing.endpoint.server import ScriptedEndpoint

__all__ = [
    "INJECTION",
    "Answer",
    "Script",
    "ScriptedEndpoint",
    "always",
    "at_first",
    "calls",
    "cuts",
    "empty",
    "endless_loop",
    "fails",
    "good_investigator",
    "in_turn",
    "in_words",
    "injector",
    "liar",
    "malformed_calls",
    "random_faults",
    "raw",
    "refuses",
    "says",
    "slow",
    "trickles",
    "turns",
    "uncounted",
]
