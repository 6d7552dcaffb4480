"""Looks whether a language model can be asked."""

from diffkit import UserError
from diffkit_evaluators.lm.config import ChatConfig
from diffkit_evaluators.lm.endpoint import Endpoint, resolve
from diffkit_evaluators.lm.exchange import client
from diffkit_evaluators.lm.extras import need
from diffkit_evaluators.lm.reply import Role


def ready(config: ChatConfig, role: Role) -> Endpoint:
    """Where the language model of ``role`` is asked, once all is there that asking needs.

    Nothing is sent.

    Raises:
        UserError: no model is named, its endpoint or key is unknown, or the libraries that ask are
            not installed.
    """
    if config.model is None:
        what = f"No language model is named for the {role}."
        raise UserError(what, cure=f"Name one: --model {role}=openai/NAME.")
    endpoint = resolve(config.model)
    client(endpoint)
    need("tenacity")
    return endpoint
