"""How the losses of each objective are shown."""

from diffkit_plugins.steering_prefix.measure import Measure

MEASURES = {
    "state": Measure("1 − cosine"),
    "direction": Measure("stream · vector", noun="dot product", more_is_better=True),
    "contrast": Measure("nats"),
}
"""By the option ``objective``; ``match`` is a loss in nats per token."""
