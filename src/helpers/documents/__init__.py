"""The document library: articles of a folder, their passages and claims, searchable by words and by numbers."""

from helpers.documents.articles import Article
from helpers.documents.library import Added, Library, checks_of, open_library, place
from helpers.documents.reading import library, read_claims, reader_version, with_kinds

__all__ = [
    "Added",
    "Article",
    "Library",
    "checks_of",
    "library",
    "open_library",
    "place",
    "read_claims",
    "reader_version",
    "with_kinds",
]
