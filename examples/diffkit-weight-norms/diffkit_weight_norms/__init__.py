"""weight-norms: what the weights alone say about a finetuning."""

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
