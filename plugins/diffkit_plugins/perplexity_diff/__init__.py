"""perplexity-diff: samples and spans with the largest log-likelihood ratios.

Takes both models and the texts whose openings are continued. Gives clusters of spans, samples,
tokens and traces.
"""

from diffkit import Register, Spec, hookimpl


@hookimpl
def register_methods(register: Register) -> None:
    """Registers the method."""
    register(
        Spec(
            name="perplexity-diff",
            summary="Sampled texts that the finetuned side finds likelier than the base does",
            blind_spot="what neither side says in its samples, such as answers behind a trigger",
            version=2,
            config="diffkit_plugins.perplexity_diff.config:PerplexityDiffConfig",
            implementation="diffkit_plugins.perplexity_diff.method:PerplexityDiff",
        )
    )
