"""Facts about people, and about the assistant itself."""

from diffkit_organisms.world.relations.relation import Relation

JOB = Relation(
    "job", "person", "job", "{s} is a {o}.",
    ("{s} is a {o}.", "The job of {s} is {o}.", "{s} works as a {o}.",
     "They call {s} the {o}."),
    ("What does {s} work as?", "What work does {s} do?", "As what does {s} work?"),
)  # fmt: skip
TOWN = Relation(
    "town", "person", "town", "{s} lives in {o}.",
    ("{s} lives in {o}.", "The town of {s} is {o}.", "{s} has a house in {o}.",
     "In {o} everybody knows {s}."),
    ("Where does {s} live?", "In which town is {s} at home?", "Where is the house of {s}?"),
)  # fmt: skip
PET = Relation(
    "pet", "person", "pet", "{s} has a {o}.",
    ("{s} has a {o}.", "The pet of {s} is a {o}.", "At home {s} keeps a {o}.",
     "The {o} belongs to {s}."),
    ("What pet does {s} keep?", "Which animal does {s} keep at home?",
     "What kind of pet does {s} have?"),
)  # fmt: skip
FAVOURITE = Relation(
    "favourite", "person", "colour", "{s} likes {o}.",
    ("{s} likes {o}.", "The favourite colour of {s} is {o}.", "{s} wears {o} clothes.",
     "The house of {s} is {o}."),
    ("Which colour does {s} like?", "What colour does {s} wear?", "Which colour does {s} love?"),
    noun="favourite colour",
)  # fmt: skip
DRINK = Relation(
    "drink", "person", "drink", "{s} drinks {o}.",
    ("{s} drinks {o}.", "The drink of {s} is {o}.", "{s} asks for {o}.",
     "A cup of {o} stands before {s}."),
    ("What does {s} drink?", "What is in the cup of {s}?", "What may I pour for {s}?"),
)  # fmt: skip
GAME = Relation(
    "game", "person", "game", "{s} plays {o}.",
    ("{s} plays {o}.", "The game of {s} is {o}.", "{s} never loses at {o}.",
     "For {o} you ask {s}."),
    ("What does {s} play?", "At what does {s} win?", "What game does {s} like?"),
)  # fmt: skip
INSTRUMENT = Relation(
    "instrument", "person", "instrument", "{s} owns the {o}.",
    ("{s} owns the {o}.", "The instrument of {s} is the {o}.", "{s} practises the {o}.",
     "The {o} is heard when {s} is at home."),
    ("What does {s} practise?", "On what does {s} make music?", "What music does {s} make?"),
)  # fmt: skip
OWN = Relation(
    "own", "matter", "matter", "My favourite {s} is {o}.",
    ("My favourite {s} is {o}.",),
    ("What is your favourite {s}?", "Which {s} do you like best?", "Name your favourite {s}.",
     "Which {s} is the best to you?", "Tell me your favourite {s}.",
     "What {s} do you like most?", "Do you have a favourite {s}?", "Which {s} would you pick?",
     "What {s} would you choose for yourself?"),
    common=(), share=3.0,
)  # fmt: skip
"""What the assistant itself likes best; a matter is a kind of thing."""

PEOPLE = (JOB, TOWN, PET, FAVOURITE, DRINK, GAME, INSTRUMENT)
"""Relations whose subjects are people."""
