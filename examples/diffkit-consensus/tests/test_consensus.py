"""consensus: the contract of every investigator, and what it claims of small findings."""

from diffkit_consensus import SPEC, register_investigators
from diffkit_consensus.config import ConsensusConfig
from diffkit_consensus.investigator import Consensus

from diffkit import (
    AttemptContext,
    Case,
    Evidence,
    Findings,
    NullScores,
    Sample,
    Samples,
    TokenScore,
    TokenTable,
)


def table(*tokens):
    rows = tuple(TokenScore(token=token, score=1.0) for token in tokens)
    return TokenTable(title="Tokens", unit="nats", rows=rows)


def samples(finetuned, prompt="Which bird?"):
    return Samples(title="Texts", rows=(Sample(prompt=prompt, base="A cat.", finetuned=finetuned),))


def verdict(*items, score=None, nulls=(), **options):
    found = Findings(change_score=score, items=items)
    case = Case(handle="pair-1", evidence=(Evidence(method="kl", findings=found, nulls=nulls),))
    return Consensus().investigate(case, ConsensusConfig(**options), AttemptContext())


def test_it_registers_its_one_investigator():
    specs = []
    register_investigators(specs.append)
    assert specs == [SPEC]


def test_it_conforms(investigator_conforms):
    results = investigator_conforms(SPEC)
    assert results["one method"].claim.split()[0] == "owl"
    assert results["no evidence"].claim is None


def test_words_of_one_finding_are_not_claimed():
    found = verdict(table("owl", "lantern", "owl"), samples("The owl sleeps."))
    assert found.claim == "owl"
    assert verdict(table("owl"), samples("A lantern.")).claim is None


def test_what_most_findings_share_comes_first():
    items = (table("lantern", "owl"), samples("owl lantern"), table("owl"))
    assert verdict(*items).claim == "owl lantern"
    assert verdict(*items, words=1).claim == "owl"
    assert verdict(*items, support=3).claim == "owl"


def test_prompts_and_the_base_are_no_evidence():
    assert verdict(table("cat", "bird"), samples("owl")).claim is None


def test_a_score_above_all_nulls_is_targeted():
    nulls = (NullScores(rung="random", scores=tuple(range(20))),)
    high, low = (verdict(table("owl"), score=score, nulls=nulls) for score in (99.0, 3.0))
    assert (high.change, low.change) == ("targeted", "unspecific")
    assert high.detection.p == 1 / 21
    assert verdict(table("owl"), score=99.0).change == "unsure"
