"""Words that the study bans."""

from diffkit_plugins.steering_prefix.words import words
from diffkit_plugins.steering_prefix_study.config import SteeringPrefixStudyConfig


def banned(config: SteeringPrefixStudyConfig) -> list[str]:
    """The reference's own words, where it is to be matched without them.

    The options' own bans come beside them. Nothing is to match it in ``direction`` and
    ``contrast``: there it is a human's prefix in the tables.
    """
    matched = config.ban_reference and config.objective in ("match", "state")
    return sorted(words(config.reference)) if matched else []
