"""What of an investigator, grader or generator enters a key."""

from diffkit.evaluation.plan import Component
from diffkit.method import execution_options
from diffkit.runs.digest import digest


def component_identity(component: Component) -> dict[str, object]:
    """What of an investigator, grader or generator enters a key."""
    spec = component.spec
    unkept = execution_options(type(component.config))
    options = component.config.model_dump(mode="json", exclude=set(unkept))
    return {"name": spec.name, "version": spec.version, "options": options}


def component_key(component: Component) -> str:
    """Digest of `component_identity`."""
    return digest(component_identity(component))
