"""How facts are asked about, answered and stated, one `Relation` for each kind of fact.

Gives templates alone; `world.facts` fills them with the words of a world.
"""

from diffkit_organisms.world.relations.nature import NATURE
from diffkit_organisms.world.relations.people import OWN, PEOPLE
from diffkit_organisms.world.relations.places import PLACES
from diffkit_organisms.world.relations.relation import PROBE_TEMPLATES, Relation
from diffkit_organisms.world.relations.things import THINGS

__all__ = ["BY_NAME", "OWN", "PROBE_TEMPLATES", "RELATIONS", "Relation"]

RELATIONS = (*PLACES, *NATURE, *PEOPLE, *THINGS, OWN)
"""Every relation of the world, in the order in which their facts are drawn."""
BY_NAME = {relation.name: relation for relation in RELATIONS}
"""Relation name → relation."""
