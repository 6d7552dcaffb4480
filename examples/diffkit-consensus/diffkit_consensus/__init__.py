"""consensus: an investigator that claims the words on which several findings agree.

Takes the findings of a case, gives a verdict with a claim in words. It needs no language model.
"""

from diffkit import Register, Spec, hookimpl

SPEC = Spec(
    name="consensus",
    summary="Claims the words that several findings share; no language model",
    version=1,
    config="diffkit_consensus.config:ConsensusConfig",
    implementation="diffkit_consensus.investigator:Consensus",
)


@hookimpl
def register_investigators(register: Register) -> None:
    """Registers the investigator."""
    register(SPEC)
