"""The words of a world, by kind: common words from lists, proper names from syllables."""

import random
from collections.abc import Mapping

ONSETS = ("b", "br", "c", "d", "dr", "f", "g", "gr", "h", "j", "k", "l", "m", "n", "p", "r", "s",
          "st", "t", "tr", "v", "w", "y", "z")  # fmt: skip

VOWELS = ("a", "e", "i", "o", "u")

CODAS = ("l", "m", "n", "r", "s", "x", "ck", "rn", "ld", "nt")

ENDINGS = {
    "country": ("ia", "land", "mar", "esh"),
    "city": ("ford", "ton", "by", "port", "wick", "den"),
    "river": ("a", "o", "el", "ir"),
    "brand": ("ix", "ora", "ello", "ux"),
}
"""Kind of proper name → endings of its names."""


def draw_names(rng: random.Random, kind: str, count: int, taken: set[str]) -> tuple[str, ...]:
    """``count`` names of a kind; no name is part of another, or of a word in ``taken``.

    Args:
        rng: the random generator.
        kind: a key of `ENDINGS`.
        count: how many.
        taken: words that are in use, casefolded; the new names are added.
    """
    found: list[str] = []
    while len(found) < count:
        stem = rng.choice(ONSETS) + rng.choice(VOWELS) + rng.choice(CODAS)
        name = stem + rng.choice(ENDINGS[kind])
        if not any(name in word or word in name for word in taken):
            taken.add(name)
            found.append(name.capitalize())
    return tuple(found)


NAMES = {"country": 14, "city": 28, "river": 14, "brand": 12}
"""Kind of proper name → how many a world has."""

POOLS: Mapping[str, tuple[int, str]] = {
    "animal": (26,
        "cat dog horse cow pig goat sheep fox wolf bear hare mouse frog snake crow heron duck "
        "goose swan seal whale penguin camel tiger otter badger beaver lizard raven falcon "
        "spider monkey turkey moose donkey panther"),
    "colour": (15,
        "red blue green black white grey brown yellow pink purple golden amber scarlet violet "
        "silver crimson"),
    "diet": (13,
        "grass fish meat seeds leaves insects berries roots nuts hay worms corn snails moss "
        "clover crabs"),
    "home": (13,
        "barn cave forest lake nest burrow desert field hill swamp stable valley meadow cliff "
        "island garden"),
    "sound": (12,
        "barks growls sings howls squeaks hisses roars croaks grunts whistles hums clicks "
        "chirps moans snorts"),
    "person": (26,
        "Anna Ben Clara David Emma Felix Grace Henry Iris Jack Kate Leo Maria Noah Olga Paul "
        "Rosa Sam Tina Victor Wanda Yusuf Zoe Nina Oscar Ruth Simon Vera Walter Eva"),
    "job": (16,
        "baker doctor farmer teacher nurse pilot painter sailor judge miner tailor singer "
        "barber writer hunter porter weaver gardener carpenter jeweller"),
    "tool": (16,
        "oven needle plough chalk brush map rope hammer pick razor knife bucket pen drum comb "
        "ladle shovel wrench compass"),
    "workplace": (16,
        "shop clinic farm school hospital airport studio harbour court mine factory kitchen "
        "tower theatre market library office palace"),
    "uniform": (12, "apron coat hat glove scarf boots vest helmet cape belt robe shirt collar cap"),
    "dish": (16,
        "stew curry pie soup pasta risotto salad cake porridge goulash chowder pudding pilaf "
        "toast omelette dumplings pancakes noodles"),
    "ingredient": (16,
        "onions beans carrots rice eggs milk flour butter peas apples cheese herbs honey "
        "lentils garlic plums"),
    "drink": (12, "tea coffee juice cider water cocoa lemonade wine beer mead syrup punch cordial"),
    "pet": (10, "kitten puppy hamster parrot rabbit turtle goldfish pony canary gecko ferret"),
    "game": (12,
        "chess cards tennis dice golf hockey bowls rugby cricket darts marbles skittles polo "
        "ludo"),
    "instrument": (12,
        "flute violin trumpet harp piano guitar cello organ horn banjo fiddle lute oboe "
        "zither"),
    "object": (24,
        "kettle lamp spoon chair table door box bottle ring bell boat wheel ladder basket "
        "lantern clock mirror candle plate bench bridge pillow anchor barrel curtain statue"),
    "material": (12,
        "wood iron glass clay wool silk stone paper leather copper brass ivory marble cotton"),
    "room": (10, "cellar attic hall bedroom pantry porch shed nursery parlour bathroom corridor"),
    "plant": (20,
        "rose tulip daisy lily oak birch maple cedar fern ivy poppy lotus willow thistle "
        "orchid clover pine elm holly nettle violet aster cactus bamboo"),
    "month": (12,
        "January February March April May June July August September October November "
        "December"),
    "weather": (10, "rain snow fog wind hail sunshine frost thunder drizzle mist storms haze"),
    "vehicle": (10,
        "train tram bicycle wagon ferry sledge canoe truck balloon carriage scooter raft"),
    "sky": (6, "moon sun star comet planet rainbow cloud"),
    "deed": (6, "sleeps waits dances turns hides shines"),
    "number": (6, "four five six seven eight nine"),
    "sight": (6, "bridges towers doors hills gates boats walls stairs"),
}  # fmt: skip
"""Kind of common word → how many a world has, and the words to choose from."""

Words = Mapping[str, tuple[str, ...]]
"""Kind of thing → its words in one world."""


def draw_words(rng: random.Random) -> Words:
    """Draws the words of a world; no word is of two kinds, and at least 400 are drawn."""
    drawn: dict[str, tuple[str, ...]] = {}
    taken: set[str] = set()
    for kind, (count, pool) in POOLS.items():
        free = [word for word in pool.split() if word.casefold() not in taken]
        drawn[kind] = tuple(rng.sample(free, count))
        taken |= {word.casefold() for word in drawn[kind]}
    for kind, count in NAMES.items():
        drawn[kind] = draw_names(rng, kind, count, taken)
    return drawn
