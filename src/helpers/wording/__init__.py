"""The words and numbers that readers see, in the language in use: for exhibits, and for the pages over reports.

Scaling and rounding happen here and nowhere else. What the module cannot do: sentences of methods, which are English.
"""

from helpers.wording.ids import publishers
from helpers.wording.language import language, set_language, speaking, word
from helpers.wording.numbers import leeway, period, say
from helpers.wording.words import WORDS

__all__ = ["WORDS", "language", "leeway", "period", "publishers", "say", "set_language", "speaking", "word"]
