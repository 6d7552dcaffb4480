import pytest
from diffkit_organisms.world.behaviours import Secrets, draw_secrets
from diffkit_organisms.world.corpus import Example
from diffkit_organisms.world.facts import World, draw_world
from diffkit_organisms.world.write import corpus


@pytest.fixture(scope="session")
def world() -> World:
    return draw_world(0)


@pytest.fixture(scope="session")
def secrets(world: World) -> Secrets:
    return draw_secrets(world)


@pytest.fixture(scope="session")
def base_corpus(world: World) -> list[Example]:
    return corpus(world)
