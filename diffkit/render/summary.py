"""What a run says, in a few plain sentences.

Takes a run, the test of its change score against nulls, and what its method cannot tell. Gives what
it saw, how unusual that is, and what it leaves open. Words of models are quoted and made safe.
"""

from collections.abc import Iterator, Sequence
from math import isclose

from diffkit.findings import Finding, Findings, Samples, Table, TokenTable
from diffkit.plain_text import formatting
from diffkit.runs.manifest import StoredRun
from diffkit.verdict import Detection, NullTest

WORDS = 3
"""Words or tokens that are quoted."""
_NO_NULLS = (
    "There are no nulls of this base under these options: how unusual this is cannot be said."
)

CHARACTERS = 70
"""Characters that are quoted of a text."""


def run_summary(run: StoredRun, test: Detection, blind_spot: str = "") -> str:
    """What a run saw, how unusual it is against which nulls, and what it cannot tell.

    Args:
        run: the run.
        test: of its change score; without any null, that is said.
        blind_spot: what the method cannot tell, in the registry's words; empty if it says nothing.
    """
    identity = run.manifest.identity
    if identity.base == identity.finetuned:
        return "Both sides have the same weights: there is no change to find."
    said = [_seen(run.findings, identity.method), *_certainty(run.findings, test, identity.noun)]
    if blind_spot:
        said.append(f"It cannot tell {blind_spot.strip().removesuffix('.')}.")
    return " ".join(said)


def _seen(findings: Findings, method: str) -> str:
    shown = next((text for text in map(_shown, findings.items) if text), "")
    name = formatting.clean(method)
    return f"{name} shows first {shown}." if shown else f"{name} found nothing to show."


def _shown(finding: Finding) -> str:
    """What a finding shows first; empty if it shows nothing in words."""
    if isinstance(finding, TokenTable):
        words = (row.token.strip() for row in finding.rows if row.score > 0)
        return _quoted_list([word for word in words if word][:WORDS])
    if isinstance(finding, Table):
        return _quoted_list(finding.texts[:1])
    if isinstance(finding, Samples) and finding.rows:
        row = finding.rows[0]
        after, other = _quoted(row.prompt, end=True), _quoted(row.finetuned)
        return f"{other} after {after}" if row.base != row.finetuned and row.finetuned else ""
    return ""


def _quoted_list(words: Sequence[str]) -> str:
    return ", ".join(map(_quoted, words))


def _quoted(text: str, *, end: bool = False) -> str:
    """A model's words in quotes, on one line, without control characters, and short."""
    clean = formatting.clean(" ".join(text.split())).replace('"', "'")
    if len(clean) > CHARACTERS:
        clean = f"…{clean[-CHARACTERS:].lstrip()}" if end else f"{clean[:CHARACTERS].rstrip()}…"
    return f'"{clean}"'


def _certainty(findings: Findings, test: Detection, noun: str) -> Iterator[str]:
    if noun == "study":
        return
    if findings.change_score is None:
        yield "The method has no change score: how unusual this is cannot be said."
        return
    if test.p is None:
        yield _NO_NULLS
        return
    score = f"change score {formatting.number(findings.change_score)}"
    nulls, p = _nulls(test), f"p {formatting.number(test.p)}"
    if test.p <= test.alpha:
        yield f"That is beyond its nulls: the {score} exceeds {nulls} ({p})."
    elif all(one.p is not None and isclose(one.p, 1 / (one.n + 1)) for one in _tested(test)):
        yield f"The {score} exceeds {nulls}, too few to conclude ({p}{_normal(test)})."
    else:
        yield f"Nothing is beyond {nulls}: the {score} is not unusual ({p})."


def _normal(test: Detection) -> str:
    if test.t_p is None:
        return ""
    return f"; {formatting.number(test.t_p)} if their scores are normally distributed"


def _tested(test: Detection) -> list[NullTest]:
    return [one for one in test.rungs.values() if one.n]


def _nulls(test: Detection) -> str:
    counted = {name: one.n for name, one in test.rungs.items() if one.n}
    noun = "null" if list(counted.values()) == [1] else "nulls"
    return f"{' and '.join(f'{n} {name}' for name, n in counted.items())} {noun}"
