"""Every family's template on every kind of tokenizer."""

import pytest

from .families import FAMILIES
from .models import TOKENIZERS, make_tokenizer

SPEAKING = [family for family in FAMILIES if family.template]


@pytest.fixture(params=SPEAKING, ids=lambda family: family.name)
def family(request):
    return request.param


@pytest.fixture(params=TOKENIZERS)
def tokenizer(request, family):
    return make_tokenizer(family, request.param)
