"""kl: per-token divergences between both sides' predictions on ordinary texts.

Takes texts and both models. Gives tokens that carry the divergences, traces of the most divergent
tokens, both sides' continuations from there, and the distribution of the divergences.
"""

from diffkit import Register, Spec, hookimpl


@hookimpl
def register_methods(register: Register) -> None:
    """Registers the method."""
    register(
        Spec(
            name="kl",
            summary="Per-token divergences between both sides' predictions on ordinary texts",
            blind_spot="what happens after prompts unlike its texts, nor why the sides differ",
            version=2,
            config="diffkit_plugins.kl.config:KLConfig",
            implementation="diffkit_plugins.kl.method:KL",
        )
    )
