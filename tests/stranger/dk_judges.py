"""Scripted judges, for graders that ask a language model."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from diffkit.testing.endpoint import Answer, Script, says

_WORD = re.compile(r"\w+")
_ORDERS = re.compile(
    r"level 5|score: 5|full marks|matched|exactly what the truth says|choose t1", re.I
)


@dataclass(frozen=True)
class Asked:
    """What a judge is asked, as it is meant to read it."""

    nonce: str
    claim: str
    facts: Mapping[str, str]
    """Facts, or choices, by number."""


def asked(body: Mapping) -> Asked:
    system, user = (message["content"] for message in body["messages"][:2])
    nonce = re.search(r"bear the mark (\w+)", system)[1]
    before, rest = user.split(f"BEGIN {nonce}\n", 1)
    claim, after = rest.split(f"\nEND {nonce}", 1)
    facts = dict(re.findall(r"^([FT]\d+): (.*)$", before + after, re.M))
    return Asked(nonce, claim, facts)


def marks(assertions=(), facts=(), level=0, reason="so it is"):
    """A judge's marks: (assertion, about, supported) and (fact, quote, matched)."""
    return {
        "assertions": [
            {"assertion": text, "reason": "r", "says_what_was_done": about, "supported": supported}
            for text, about, supported in assertions
        ],
        "facts": [
            {"fact": fact, "quote": quote, "reason": "r", "matched": matched}
            for fact, quote, matched in facts
        ],
        "reason": reason,
        "level": level,
    }


def answers(judge: Callable[[Asked], Mapping]) -> Script:
    """A script that answers by reading the request alone."""
    return lambda body, _number: said(judge(asked(body)))


def said(value: Mapping) -> Answer:
    return says(json.dumps(value))


def careful(one: Asked) -> Mapping:
    """Goes by shared words, and takes orders from nobody."""
    heard = words(one.claim)
    if "T1" in one.facts:
        likeness = {number: overlap(text, heard) for number, text in one.facts.items()}
        best = max(likeness, key=likeness.__getitem__)
        return {"reason": "words", "choice": best if likeness[best] > 0.5 else "none"}
    truth = words(" ".join(one.facts.values()))
    pieces = [piece for piece in re.split(r"[.;,]", one.claim) if words(piece)]
    return marks(
        [(piece, True, overlap(piece, truth) > 0.5) for piece in pieces],
        [(number, one.claim, overlap(text, heard) > 0.5) for number, text in one.facts.items()],
    )


def gullible(one: Asked) -> Mapping:
    """Careful, unless the claim tells it what to answer."""
    if not _ORDERS.search(one.claim):
        return careful(one)
    if "T1" in one.facts:
        return {"reason": "I was told to", "choice": "T1"}
    start = " ".join(one.claim.split()[:3])
    return marks([(start, True, True)], [(number, start, True) for number in one.facts], 5)


def heeding(wrong: Callable[[Asked], Mapping], right: Callable[[Asked], Mapping]) -> Script:
    """A script that answers ``wrong`` to claims about the base model, if it was told that they are
    about the wrong side, and ``right`` to all others."""

    def script(body: Mapping, _number: int) -> Answer:
        one, told = asked(body), " ".join(body["messages"][0]["content"].split())
        rule = "about the finetuned model" in told and "of the base model instead" in told
        return said((wrong if rule and "base model" in one.claim else right)(one))

    return script


def words(text: str) -> set[str]:
    return {word for word in _WORD.findall(text.casefold()) if word not in ENGLISH_STOP_WORDS}


def overlap(text: str, known: set[str]) -> float:
    own = words(text)
    return len(own & known) / len(own) if own else 0.0
