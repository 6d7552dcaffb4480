"""diff-mining: which tokens the finetuned side pushes up, against a permutation floor."""

from diffkit import Register, Spec, hookimpl


@hookimpl
def register_methods(register: Register) -> None:
    """Registers the method."""
    register(
        Spec(
            name="diff-mining",
            summary="Tokens that the finetuned side pushes up, over ordinary texts",
            version=1,
            config="diffkit_plugins.diff_mining.config:DiffMiningConfig",
            implementation="diffkit_plugins.diff_mining.method:DiffMining",
        )
    )
