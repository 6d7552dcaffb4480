"""The study."""

from diffkit import Findings, Model, RunContext, Study
from diffkit_plugins.steering_prefix.optimisers.named import optimiser
from diffkit_plugins.steering_prefix_study.config import SteeringPrefixStudyConfig
from diffkit_plugins.steering_prefix_study.matching import match
from diffkit_plugins.steering_prefix_study.sweep import sweep


class SteeringPrefixStudy(Study[SteeringPrefixStudyConfig]):
    """A prefix that steers one model as a reference prefix, a state or a direction does."""

    def run(self, model: Model, config: SteeringPrefixStudyConfig, context: RunContext) -> Findings:
        """Searches for the prefix of the objective that is asked for.

        Raises:
            UserError: there is no such optimiser, there are too few suffixes, no prefix is
                allowed, or an option that the objective needs is missing.
        """
        optimiser(config.optimiser)  # a wrong name is told before anything is read
        look = match if config.objective == "match" else sweep
        return look(model, config, context)
