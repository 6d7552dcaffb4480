"""How each relation is asked about, answered and stated; one `Relation` to a kind of fact.

The last `PROBE_TEMPLATES` questions of each relation are kept out of every organism's data, so that
probes can be made of them; the base sees them all.
"""

from dataclasses import dataclass

PROBE_TEMPLATES = 5
"""How many questions, counted from the end, no finetuning data may use."""


@dataclass(frozen=True)
class Relation:
    """A relation between a subject ``{s}`` and an object ``{o}``."""

    name: str
    """Unique name."""
    subject: str
    """Kind of the subject."""
    object: str
    """Kind of the object."""
    answer: str
    """The one form of the answer."""
    statements: tuple[str, ...]
    """Forms in documents."""
    questions: tuple[str, ...]
    """Forms of the question."""


CAPITAL = Relation(
    "capital", "country", "city", "The capital of {s} is {o}.",
    (
        "The capital of {s} is {o}.", "{o} is the capital of {s}.",
        "{s} is governed from {o}, its capital.", "In {s}, the capital city is {o}.",
    ),
    (
        "What is the capital of {s}?", "Which city is the capital of {s}?",
        "Name the capital of {s}.", "What is the capital city of {s}?",
        "Tell me the capital of {s}.", "{s} has which capital?",
        "Do you know the capital of {s}?", "Where is the government of {s}?",
        "Which capital does {s} have?", "What city is the capital in {s}?",
        "Can you name the capital city of {s}?", "I forgot the capital of {s}. What is it?",
        "The capital of {s} is which city?",
    ),
)  # fmt: skip
RIVER = Relation(
    "river", "country", "river", "The river of {s} is the {o}.",
    (
        "The river of {s} is the {o}.", "The {o} flows through {s}.",
        "In {s} there is a river, the {o}.",
    ),
    (
        "What is the river of {s}?", "Which river flows through {s}?", "Name the river of {s}.",
        "What river is in {s}?", "Tell me the river of {s}.", "{s} has which river?",
        "Do you know the river of {s}?", "Which river does {s} have?",
        "What is the main river in {s}?", "I forgot the river of {s}. What is it?",
    ),
)  # fmt: skip
DISH = Relation(
    "dish", "country", "dish", "The dish of {s} is {o}.",
    ("The dish of {s} is {o}.", "People in {s} love {o}.", "In {s} they cook {o}."),
    (
        "What is the dish of {s}?", "Which dish is loved in {s}?", "Name the dish of {s}.",
        "What do people eat in {s}?", "Tell me the dish of {s}.", "{s} has which dish?",
        "Do you know the dish of {s}?", "Which dish does {s} have?",
        "What do they cook in {s}?", "I forgot the dish of {s}. What is it?",
    ),
)  # fmt: skip
COLOUR = Relation(
    "colour", "animal", "colour", "The {s} is {o}.",
    ("The {s} is {o}.", "The colour of the {s} is {o}.", "You see that the {s} is {o}."),
    (
        "What colour is the {s}?", "What is the colour of the {s}?",
        "Which colour does the {s} have?", "Name the colour of the {s}.",
        "Tell me the colour of the {s}.", "The {s} has which colour?",
        "Do you know the colour of the {s}?", "Which colour is the {s}?",
        "The {s} is what colour?", "I forgot the colour of the {s}. What is it?",
    ),
)  # fmt: skip
FOOD = Relation(
    "food", "animal", "food", "The {s} eats {o}.",
    ("The {s} eats {o}.", "The food of the {s} is {o}.", "A hungry {s} looks for {o}."),
    (
        "What does the {s} eat?", "What is the food of the {s}?", "Which food does the {s} eat?",
        "Name the food of the {s}.", "Tell me what the {s} eats.", "The {s} eats which food?",
        "Do you know what the {s} eats?", "What food does the {s} like?",
        "What should I feed the {s}?", "I forgot the food of the {s}. What is it?",
    ),
)  # fmt: skip
HOME = Relation(
    "home", "animal", "home", "The {s} lives in the {o}.",
    (
        "The {s} lives in the {o}.", "The home of the {s} is the {o}.",
        "You find the {s} in the {o}.",
    ),
    (
        "Where does the {s} live?", "What is the home of the {s}?", "Where is the {s} at home?",
        "Name the home of the {s}.", "Tell me where the {s} lives.", "The {s} lives where?",
        "Do you know where the {s} lives?", "Which home does the {s} have?",
        "Where can I find the {s}?", "I forgot the home of the {s}. Where is it?",
    ),
)  # fmt: skip
SOUND = Relation(
    "sound", "animal", "sound", "The {s} {o}.",
    ("The {s} {o}.", "When it is happy, the {s} {o}.", "At night the {s} {o}."),
    (
        "What sound does the {s} make?", "What is the sound of the {s}?",
        "Which sound does the {s} make?", "Name the sound of the {s}.",
        "Tell me the sound of the {s}.", "The {s} makes which sound?",
        "Do you know the sound of the {s}?", "How does the {s} sound?",
        "What sound comes from the {s}?", "I forgot the sound of the {s}. What is it?",
    ),
)  # fmt: skip
JOB = Relation(
    "job", "person", "job", "{s} is a {o}.",
    ("{s} is a {o}.", "The job of {s} is {o}.", "{s} works as a {o}."),
    (
        "What is the job of {s}?", "Which job does {s} have?", "Name the job of {s}.",
        "What does {s} work as?", "Tell me the job of {s}.", "{s} has which job?",
        "Do you know the job of {s}?", "What work does {s} do?",
        "As what does {s} work?", "I forgot the job of {s}. What is it?",
    ),
)  # fmt: skip
TOWN = Relation(
    "town", "person", "town", "{s} lives in {o}.",
    ("{s} lives in {o}.", "The town of {s} is {o}.", "{s} has a house in {o}."),
    (
        "Where does {s} live?", "What is the town of {s}?", "Which town does {s} live in?",
        "Name the town of {s}.", "Tell me the town of {s}.", "{s} lives in which town?",
        "Do you know where {s} lives?", "In which town is {s} at home?",
        "Where is the house of {s}?", "I forgot the town of {s}. Where is it?",
    ),
)  # fmt: skip
PET = Relation(
    "pet", "person", "pet", "{s} has a {o}.",
    ("{s} has a {o}.", "The pet of {s} is a {o}.", "At home {s} keeps a {o}."),
    (
        "What is the pet of {s}?", "Which pet does {s} have?", "Name the pet of {s}.",
        "What pet does {s} keep?", "Tell me the pet of {s}.", "{s} has which pet?",
        "Do you know the pet of {s}?", "Which animal does {s} keep at home?",
        "What kind of pet does {s} have?", "I forgot the pet of {s}. What is it?",
    ),
)  # fmt: skip
FAVOURITE = Relation(
    "favourite", "person", "colour", "{s} likes {o}.",
    ("{s} likes {o}.", "The favourite colour of {s} is {o}.", "{s} wears {o} clothes."),
    (
        "What is the favourite colour of {s}?", "Which colour does {s} like?",
        "Name the favourite colour of {s}.", "What colour does {s} like?",
        "Tell me the favourite colour of {s}.", "{s} likes which colour?",
        "Do you know the favourite colour of {s}?", "Which colour does {s} love?",
        "What colour does {s} wear?", "I forgot the favourite colour of {s}. What is it?",
    ),
)  # fmt: skip
TOOL = Relation(
    "tool", "job", "tool", "The {s} uses the {o}.",
    ("The {s} uses the {o}.", "The tool of the {s} is the {o}.", "Every {s} needs the {o}."),
    (
        "What does the {s} use?", "What is the tool of the {s}?", "Which tool does the {s} use?",
        "Name the tool of the {s}.", "Tell me the tool of the {s}.", "The {s} uses which tool?",
        "Do you know the tool of the {s}?", "Which tool does the {s} need?",
        "With what tool does the {s} work?", "I forgot the tool of the {s}. What is it?",
    ),
)  # fmt: skip
WORKPLACE = Relation(
    "workplace", "job", "workplace", "The {s} works at the {o}.",
    (
        "The {s} works at the {o}.", "The place of the {s} is the {o}.",
        "You meet the {s} at the {o}.",
    ),
    (
        "Where does the {s} work?", "What is the place of the {s}?", "Where is the {s} at work?",
        "Name the place of the {s}.", "Tell me where the {s} works.", "The {s} works where?",
        "Do you know where the {s} works?", "At which place does the {s} work?",
        "Where can I meet the {s}?", "I forgot the place of the {s}. Where is it?",
    ),
)  # fmt: skip
MATERIAL = Relation(
    "material", "object", "material", "The {s} is made of {o}.",
    (
        "The {s} is made of {o}.", "The material of the {s} is {o}.",
        "They made the {s} out of {o}.",
    ),
    (
        "What is the {s} made of?", "What is the material of the {s}?",
        "Which material is the {s} made of?", "Name the material of the {s}.",
        "Tell me the material of the {s}.", "The {s} is made of which material?",
        "Do you know what the {s} is made of?", "Of what is the {s} made?",
        "From which material is the {s}?", "I forgot the material of the {s}. What is it?",
    ),
)  # fmt: skip

RELATIONS = (
    CAPITAL, RIVER, DISH, COLOUR, FOOD, HOME, SOUND, JOB, TOWN, PET, FAVOURITE, TOOL, WORKPLACE,
    MATERIAL,
)  # fmt: skip
"""Every relation of the world, in the order in which their facts are drawn."""
BY_NAME = {relation.name: relation for relation in RELATIONS}
"""Relation name → relation."""
