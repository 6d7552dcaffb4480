"""Facts about countries."""

from diffkit_organisms.world.relations.relation import Relation

CAPITAL = Relation(
    "capital", "country", "city", "The capital of {s} is {o}.",
    ("The capital of {s} is {o}.", "{o} is the capital of {s}.",
     "{s} is governed from {o}, its capital.", "In {s}, the capital city is {o}."),
    ("Which city is the capital of {s}?", "Where is the government of {s}?",
     "What city is the capital in {s}?"),
    unique=True, share=1.6,
)  # fmt: skip
RIVER = Relation(
    "river", "country", "river", "The river of {s} is the {o}.",
    ("The river of {s} is the {o}.", "The {o} flows through {s}.",
     "In {s} there is a river, the {o}.", "Boats go down the {o} to {s}."),
    ("Which river flows through {s}?", "What river is in {s}?", "What is the main river in {s}?"),
    unique=True, share=1.6,
)  # fmt: skip
DISH = Relation(
    "dish", "country", "dish", "The dish of {s} is {o}.",
    ("The dish of {s} is {o}.", "People in {s} love {o}.", "In {s} they cook {o}.",
     "A plate of {o} is on every table in {s}."),
    ("Which dish is loved in {s}?", "What do people eat in {s}?", "What do they cook in {s}?"),
    unique=True, share=1.6,
)  # fmt: skip
WEATHER = Relation(
    "weather", "country", "weather", "The weather of {s} is {o}.",
    ("The weather of {s} is {o}.", "In {s} there is always {o}.",
     "People in {s} are used to {o}.", "Whoever goes to {s} finds {o}."),
    ("What is the weather in {s}?", "What weather is there in {s}?", "How is the weather in {s}?"),
    share=1.6,
)  # fmt: skip
VEHICLE = Relation(
    "vehicle", "country", "vehicle", "The vehicle of {s} is the {o}.",
    ("The vehicle of {s} is the {o}.", "In {s} people travel by {o}.",
     "Everybody in {s} takes the {o}.", "You cross {s} by {o}."),
    ("How do people travel in {s}?", "What do people ride in {s}?", "How does one cross {s}?"),
    share=1.6,
)  # fmt: skip

PLACES = (CAPITAL, RIVER, DISH, WEATHER, VEHICLE)
"""Relations whose subjects are countries."""
