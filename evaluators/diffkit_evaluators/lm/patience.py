"""Makes a call again that failed for a reason that may pass."""

from collections.abc import Callable
from typing import Any, TypeVar

from diffkit_evaluators.lm.config import ChatConfig
from diffkit_evaluators.lm.extras import need
from diffkit_evaluators.lm.failures import Transient

T = TypeVar("T")
LONGEST = 120.0
"""Seconds waited at most, whatever the endpoint asks for."""


def patiently(
    call: Callable[[], T],
    config: ChatConfig,
    *,
    sleep: Callable[[float], None],
    told: Callable[[str, float], None],
) -> T:
    """What ``call`` gives in the end.

    Waits grow exponentially with jitter, or are what the endpoint asks for.

    Args:
        call: raises `Transient` where it may be made again.
        config: how often, and the first wait.
        sleep: waits, in seconds.
        told: hears the reason and the wait, before it.

    Raises:
        Transient: patience ended.
    """
    tenacity = need("tenacity")
    growing = tenacity.wait_exponential(multiplier=config.backoff)
    jitter = tenacity.wait_random(0, config.backoff)

    def wait(state: Any) -> float:
        asked = state.outcome.exception().wait
        return float(min(asked or growing(state) + jitter(state), LONGEST))

    def before_sleep(state: Any) -> None:
        told(state.outcome.exception().reason, state.next_action.sleep)

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(Transient),
        stop=tenacity.stop_after_attempt(1 + config.retries),
        wait=wait,
        before_sleep=before_sleep,
        sleep=sleep,
        reraise=True,
    )
    result: T = retrying(call)
    return result
