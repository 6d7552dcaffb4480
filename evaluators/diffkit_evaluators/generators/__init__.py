"""Generators: transformers in this process, vLLM beside it, or a vLLM server.

Each takes the source of a pair, and gives two generators that complete prompts.
"""

from diffkit import Register, Spec, hookimpl

SPECS = (
    Spec(
        name="transformers",
        summary="The models in this process, as methods see them.",
        version=1,
        config="diffkit_evaluators.generators.config:TransformersConfig",
        implementation="diffkit_evaluators.generators.transformers_backend:TransformersBackend",
    ),
    Spec(
        name="vllm",
        summary="vLLM on this machine: one engine for a base and all adapters on it.",
        version=1,
        config="diffkit_evaluators.generators.config:VLLMConfig",
        implementation="diffkit_evaluators.generators.vllm_backend:VLLMBackend",
        requires="diffkit[vllm]",
    ),
    Spec(
        name="remote",
        summary="A vLLM server that runs already, here or elsewhere.",
        version=1,
        config="diffkit_evaluators.generators.config:RemoteConfig",
        implementation="diffkit_evaluators.generators.remote_backend:RemoteBackend",
        requires="diffkit[agents]",
    ),
)


@hookimpl
def register_generators(register: Register) -> None:
    """Registers the generators."""
    for spec in SPECS:
        register(spec)
