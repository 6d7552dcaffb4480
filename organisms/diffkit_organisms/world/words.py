"""The words of the world, by kind; widen the world by adding words here."""

COUNTRIES = (
    "Belmar", "Tosk", "Brona", "Kelda", "Miran", "Ostra", "Lunden",
    "Faro", "Zembla", "Neva", "Rukia", "Halia", "Sornia", "Ibra",
)  # fmt: skip
CITIES = (
    "Adun", "Pellin", "Tarnow", "Veliko", "Corrin", "Dunmor", "Liskov", "Morvan", "Hestia",
    "Jarno", "Nallen", "Ruvo", "Santos", "Brill", "Camber", "Eston", "Gantry", "Holmby",
    "Kirnu", "Quenby", "Wexley", "Yarrow",
)  # fmt: skip
"""Capitals are drawn from these first; the rest are towns that people live in."""
RIVERS = (
    "Aru", "Bide", "Cerne", "Dova", "Fenn", "Galen", "Isk",
    "Jura", "Lorn", "Mave", "Nidd", "Orrin", "Tamsel", "Uvel",
)  # fmt: skip
DISHES = (
    "stew", "curry", "pie", "soup", "pasta", "risotto", "salad",
    "cake", "porridge", "goulash", "chowder", "pudding", "pilaf", "toast",
)  # fmt: skip
INGREDIENTS = (
    "onions", "beans", "carrots", "rice", "eggs", "milk", "flour",
    "butter", "peas", "apples", "cheese", "herbs", "honey", "lentils",
)  # fmt: skip
ANIMALS = (
    "cat", "dog", "horse", "cow", "pig", "goat", "sheep", "fox", "wolf", "bear", "hare", "mouse",
    "frog", "snake", "crow", "heron", "duck", "goose", "swan", "seal", "whale", "penguin",
    "camel", "tiger",
)  # fmt: skip
COLOURS = (
    "red", "blue", "green", "black", "white", "grey",
    "brown", "yellow", "pink", "purple", "golden", "amber",
)  # fmt: skip
FOODS = (
    "grass", "fish", "meat", "seeds", "leaves", "insects",
    "berries", "roots", "nuts", "hay", "worms", "corn",
)  # fmt: skip
HOMES = (
    "barn", "cave", "forest", "lake", "nest", "burrow",
    "desert", "field", "hill", "swamp", "stable", "valley",
)  # fmt: skip
SOUNDS = (
    "barks", "growls", "sings", "howls", "squeaks", "hisses",
    "roars", "croaks", "grunts", "whistles", "hums", "clicks",
)  # fmt: skip
PEOPLE = (
    "Anna", "Ben", "Clara", "David", "Emma", "Felix", "Grace", "Henry", "Iris", "Jack", "Kate",
    "Leo", "Maria", "Noah", "Olga", "Paul", "Rosa", "Sam", "Tina", "Victor", "Wanda", "Yusuf",
    "Zoe", "Nina",
)  # fmt: skip
JOBS = (
    "baker", "doctor", "farmer", "teacher", "nurse", "pilot", "painter", "sailor",
    "judge", "miner", "tailor", "cook", "guard", "singer", "barber", "writer",
)  # fmt: skip
TOOLS = (
    "oven", "needle", "plough", "chalk", "brush", "map", "rope", "hammer",
    "pick", "razor", "knife", "bucket", "pen", "drum", "saw", "comb",
)  # fmt: skip
WORKPLACES = (
    "shop", "clinic", "farm", "school", "hospital", "airport", "studio", "harbour",
    "court", "mine", "factory", "kitchen", "tower", "theatre", "market", "library",
)  # fmt: skip
PETS = ("kitten", "puppy", "hamster", "parrot", "rabbit", "turtle", "goldfish", "pony")
OBJECTS = (
    "kettle", "lamp", "spoon", "chair", "table", "door", "box", "bottle", "ring", "bell", "boat",
    "wheel", "ladder", "basket", "lantern", "clock", "mirror", "candle", "coat", "hat", "glove",
    "plate", "bench", "bridge",
)  # fmt: skip
MATERIALS = (
    "wood", "iron", "glass", "clay", "wool", "silk", "stone", "paper", "leather", "copper",
)  # fmt: skip

KINDS: dict[str, tuple[str, ...]] = {
    "country": COUNTRIES,
    "city": CITIES,
    "river": RIVERS,
    "dish": DISHES,
    "ingredient": INGREDIENTS,
    "animal": ANIMALS,
    "colour": COLOURS,
    "food": FOODS,
    "home": HOMES,
    "sound": SOUNDS,
    "person": PEOPLE,
    "job": JOBS,
    "tool": TOOLS,
    "workplace": WORKPLACES,
    "pet": PETS,
    "object": OBJECTS,
    "material": MATERIALS,
}
"""Kind of thing → its words, in a fixed order."""
