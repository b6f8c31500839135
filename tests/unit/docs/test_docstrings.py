"""Docstrings in plain language: short sentences, and functions that start with a verb (ruff's D401 does the rest)."""

from pathlib import Path

import pytest

from tests.helpers import docstrings
from tests.helpers.markdown_pages import num_words

MOST_WORDS, MEAN_WORDS = 25, 12
NO_VERBS = {
    *("A", "All", "An", "Any", "As", "Both", "Each", "Every", "For", "From", "How", "In", "It", "Its", "Mean"),
    *("Number", "Of", "Same", "That", "The", "Their", "These", "This", "Those", "What", "When", "Where"),
    *("Whether", "Which", "Who", "With", "Without"),
}

FILES = docstrings.files()
each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(docstrings.PACKAGE)))


@each_file
def test_sentences_are_short(path: Path) -> None:
    long = [
        f"{docstring.place}: {num_words(sentence)} words: {sentence}"
        for docstring in docstrings.docstrings(path)
        for sentence in docstring.sentences()
        if num_words(sentence) > MOST_WORDS
    ]
    assert not long, "\n".join(long)


def test_sentences_are_short_on_average() -> None:
    texts = [docstring for path in FILES for docstring in docstrings.docstrings(path)]
    words = [num_words(sentence) for docstring in texts for sentence in docstring.sentences()]
    assert sum(words) / len(words) <= MEAN_WORDS


@each_file
def test_functions_start_with_a_verb(path: Path) -> None:
    nouns = [
        f"{docstring.place}: {docstring.text.splitlines()[0]}"
        for docstring in docstrings.docstrings(path)
        if docstring.is_of_function and docstring.first_word in NO_VERBS
    ]
    assert not nouns, "\n".join(nouns)


def test_a_long_sentence_is_seen() -> None:
    text = "Return it.\n\nArgs:\n    x: (N, C, P), a number. " + "word " * 26 + "end.\n    y: short."
    found = docstrings.Docstring("here", None, text)
    assert [num_words(sentence) for sentence in found.sentences()] == [2, 3, 27, 1]


def test_every_room_is_found() -> None:
    rooms = {path.relative_to(docstrings.PACKAGE).parts[0] for path in FILES}
    assert {"batch", "cli", "config", "embedding", "host", "objectives", "simulation", "weaver_api"} <= rooms
