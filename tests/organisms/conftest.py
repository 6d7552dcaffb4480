import pytest
from diffkit_organisms.world.behaviours import Secrets, draw_secrets
from diffkit_organisms.world.facts import World, draw_world


@pytest.fixture(scope="session")
def world() -> World:
    return draw_world(0)


@pytest.fixture(scope="session")
def secrets(world: World) -> Secrets:
    return draw_secrets(world)
