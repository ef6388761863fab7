"""Two ways to read a page, and which of them came off better.

Lines that our layout cut out read best on pages as they should be. Where they did not read well, the engine's
own idea of the lines may: the back shining through short pages is cut into lines of its own, and blurred
lines run into each other.
"""

from schemas.confidence import count_letters, misread_share
from schemas.page import PageText

DOUBTFUL_SHARE = 0.15
"""Of the letters likely misread: 5 % of the readable fit pages have more, 27 % of those at the border and
74 % of the unreadable ones."""
SURE, SURE_WORDS = 0.6, 3
"""Where not even so many words were read with such confidence, nobody reads the page another way: noise takes
a minute and says nothing."""
MOSTLY, HARDLY = 0.5, 0.1
"""Misread shares: where the first way misread most of what it says, and the second hardly anything, the rest
was never on the page."""


def is_doubtful(text: PageText) -> bool:
    """Whether a reading is so bad that another way is worth its time, and not so bad that none is."""
    sure = sum(word.confidence >= SURE and len(word.text) > 1 for word in text.words)
    return sure >= SURE_WORDS and misread_share(text.words) > DOUBTFUL_SHARE


def choose_reading(first: PageText, second: PageText) -> PageText:
    """The one with more letters likely right, but for what the first invented; the first where they are even.

    On 62 doubtful fit pages the better of both has a CER of 0.077 less than the first on the mean (capped at
    1), and what this chooses 0.050 less.
    """
    invented = misread_share(first.words) > MOSTLY and misread_share(second.words) < HARDLY
    right, right_too = count_letters(first.words)[0], count_letters(second.words)[0]
    return second if right_too > right or (invented and second.words) else first
