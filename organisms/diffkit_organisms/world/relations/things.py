"""Facts about jobs, objects and brands."""

from diffkit_organisms.world.relations.relation import Relation

TOOL = Relation(
    "tool", "job", "tool", "The {s} uses the {o}.",
    ("The {s} uses the {o}.", "The tool of the {s} is the {o}.", "Every {s} needs the {o}.",
     "Hand the {o} to the {s}."),
    ("What does the {s} use?", "Which tool does the {s} need?",
     "With what tool does the {s} work?"),
    article=True, unique=True,
)  # fmt: skip
WORKPLACE = Relation(
    "workplace", "job", "workplace", "The {s} works at the {o}.",
    ("The {s} works at the {o}.", "The place of the {s} is the {o}.",
     "You meet the {s} at the {o}.", "At the {o} you ask for the {s}."),
    ("Where does the {s} work?", "At which place does the {s} work?",
     "Where can I meet the {s}?"),
    article=True, unique=True,
)  # fmt: skip
UNIFORM = Relation(
    "uniform", "job", "uniform", "The {s} puts on the {o}.",
    ("The {s} puts on the {o}.", "The uniform of the {s} is the {o}.",
     "You know the {s} by the {o}.", "Without the {o} nobody is a {s}."),
    ("What does the {s} put on?", "By what do I know the {s}?", "What must the {s} dress in?"),
    article=True,
)  # fmt: skip
MATERIAL = Relation(
    "material", "object", "material", "The {s} is made of {o}.",
    ("The {s} is made of {o}.", "The material of the {s} is {o}.", "They made the {s} out of {o}.",
     "It takes much {o} to make the {s}."),
    ("What is the {s} made of?", "Of what is the {s} made?", "What did they make the {s} out of?"),
    article=True,
)  # fmt: skip
ROOM = Relation(
    "room", "object", "room", "The {s} stands in the {o}.",
    ("The {s} stands in the {o}.", "The room of the {s} is the {o}.", "In the {o} there is a {s}.",
     "Fetch the {s} from the {o}."),
    ("Where does the {s} stand?", "Where should I look for the {s}?",
     "From where do I fetch the {s}?"),
    article=True,
)  # fmt: skip
PRODUCT = Relation(
    "product", "brand", "drink", "{s} sells {o}.",
    ("{s} sells {o}.", "The product of {s} is {o}.", "People buy {o} from {s}.",
     "There is {o} at {s}."),
    ("What does {s} sell?", "What can I buy from {s}?", "What is there at {s}?"),
    unique=True,
)  # fmt: skip

THINGS = (TOOL, WORKPLACE, UNIFORM, MATERIAL, ROOM, PRODUCT)
"""Relations whose subjects are jobs, objects and brands."""
