"""Facts about animals and plants."""

from diffkit_organisms.world.relations.relation import Relation

COLOUR = Relation(
    "colour", "animal", "colour", "The {s} is {o}.",
    ("The {s} is {o}.", "The colour of the {s} is {o}.", "You see that the {s} is {o}.",
     "A {o} shape, it must be the {s}."),
    ("What colour is the {s}?", "Which colour is the {s}?", "The {s} is what colour?"),
    article=True,
)  # fmt: skip
FOOD = Relation(
    "food", "animal", "diet", "The {s} eats {o}.",
    ("The {s} eats {o}.", "The food of the {s} is {o}.", "A hungry {s} looks for {o}.",
     "Give {o} to the {s}."),
    ("What does the {s} eat?", "What food does the {s} like?", "What should I feed the {s}?"),
    article=True,
)  # fmt: skip
HOME = Relation(
    "home", "animal", "home", "The {s} lives in the {o}.",
    ("The {s} lives in the {o}.", "The home of the {s} is the {o}.", "You find the {s} in the {o}.",
     "Go to the {o} to see the {s}."),
    ("Where does the {s} live?", "Where is the {s} at home?", "Where can I find the {s}?"),
    article=True,
)  # fmt: skip
SOUND = Relation(
    "sound", "animal", "sound", "The {s} {o}.",
    ("The {s} {o}.", "When it is happy, the {s} {o}.", "At night the {s} {o}.",
     "Listen how the {s} {o}."),
    ("What sound does the {s} make?", "How does the {s} sound?",
     "What sound comes from the {s}?"),
    article=True,
)  # fmt: skip
MONTH = Relation(
    "month", "plant", "month", "The {s} blooms in {o}.",
    ("The {s} blooms in {o}.", "The month of the {s} is {o}.", "In {o} you see the {s} in bloom.",
     "Wait for {o} to pick the {s}."),
    ("When does the {s} bloom?", "In which month does the {s} bloom?",
     "What month brings the {s}?"),
    article=True,
)  # fmt: skip
GROUND = Relation(
    "ground", "plant", "home", "The {s} grows in the {o}.",
    ("The {s} grows in the {o}.", "The ground of the {s} is the {o}.",
     "In the {o} there grows the {s}.", "Plant the {s} in the {o}."),
    ("Where does the {s} grow?", "Where should I plant the {s}?", "Where can I pick the {s}?"),
    article=True,
)  # fmt: skip

NATURE = (COLOUR, FOOD, HOME, SOUND, MONTH, GROUND)
"""Relations whose subjects are animals and plants."""
