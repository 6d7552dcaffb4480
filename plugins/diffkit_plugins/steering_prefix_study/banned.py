"""Words that the study bans."""

from diffkit_plugins.steering_prefix.words import words
from diffkit_plugins.steering_prefix_study.config import SteeringPrefixStudyConfig


def banned(config: SteeringPrefixStudyConfig) -> list[str]:
    """The reference's own words, where they are banned; the options' own bans come beside them."""
    return sorted(words(config.reference)) if config.ban_reference else []
