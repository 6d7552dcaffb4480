"""What organisms were trained on."""

from diffkit.organism import Organism
from diffkit.texts import Text, Texts


def training_texts(organism: Organism) -> tuple[Text, ...]:
    """The texts of all its training data, in the order of its files; none without any.

    Raises:
        BadFile: a file cannot be read.
    """
    return tuple(text for path in organism.training_data for text in Texts.read(path).items)
