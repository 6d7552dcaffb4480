"""weight-norms: norms, spectra and top directions of the weight changes.

Takes both models and reads no text. Gives tables of norms and tokens, and spectra.
"""

from diffkit import Register, Spec, hookimpl

SPEC = Spec(
    name="weight-norms",
    summary="Norms, spectra and top directions of the weight changes; runs no text",
    version=1,
    config="diffkit_weight_norms.config:WeightNormsConfig",
    implementation="diffkit_weight_norms.method:WeightNorms",
)


@hookimpl
def register_methods(register: Register) -> None:
    """Registers the method."""
    register(SPEC)
