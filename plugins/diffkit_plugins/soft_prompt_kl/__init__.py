"""soft-prompt-kl: trains a soft prompt under which both sides' predictions differ most.

Takes both models, and texts whose openings are completed. Gives what the sides say under the
prompt, ranked by the log-likelihood ratio without it, and the prompt as a file.
"""

from diffkit import Register, Spec, hookimpl


@hookimpl
def register_methods(register: Register) -> None:
    """Registers the method."""
    register(
        Spec(
            name="soft-prompt-kl",
            summary="A trained soft prompt under which the two sides part most, and what they say",
            blind_spot="how the behaviour shows after ordinary prompts: a soft prompt is no text",
            version=2,
            config="diffkit_plugins.soft_prompt_kl.config:SoftPromptKLConfig",
            implementation="diffkit_plugins.soft_prompt_kl.method:SoftPromptKL",
        )
    )
