"""contrastive-decoding: texts generated from base + α (finetuned − base) logits.

Takes both models and the texts whose openings are continued. Gives words, clusters and samples of
the texts with the largest log-likelihood ratios.
"""

from diffkit import Register, Spec, hookimpl


@hookimpl
def register_methods(register: Register) -> None:
    """Registers the method."""
    register(
        Spec(
            name="contrastive-decoding",
            summary="Texts generated from logits beyond the finetuned side's, away from the base",
            blind_spot="what no prompt comes near, nor whether a word was taught or is a new habit",
            version=2,
            config="diffkit_plugins.contrastive_decoding.config:ContrastiveDecodingConfig",
            implementation="diffkit_plugins.contrastive_decoding.method:ContrastiveDecoding",
        )
    )
