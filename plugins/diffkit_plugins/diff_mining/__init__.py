"""diff-mining: tokens that the finetuned side makes likelier, with a permutation null.

Takes texts and both models. Gives tables of tokens, topics of tokens that rise together, and
traces.
"""

from diffkit import Register, Spec, hookimpl


@hookimpl
def register_methods(register: Register) -> None:
    """Registers the method."""
    register(
        Spec(
            name="diff-mining",
            summary="Tokens that the finetuned side pushes up, over ordinary texts",
            blind_spot="what was taught in other contexts than those of its texts",
            version=2,
            config="diffkit_plugins.diff_mining.config:DiffMiningConfig",
            implementation="diffkit_plugins.diff_mining.method:DiffMining",
        )
    )
