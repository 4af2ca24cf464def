"""Words that nobody guesses, and that lie in an index in the order in which they were made."""

from __future__ import annotations

from datetime import timedelta

from engine.commands.randomness import SystemRandomness, word_in_order
from tests.support.clock import START


def test_words_sort_by_the_second_in_which_they_were_made() -> None:
    moments = [START + timedelta(seconds=n**3) for n in range(300)]
    words = [word_in_order(SystemRandomness(), moment, 28) for moment in moments]
    assert words == sorted(words)
    assert all(len(word) == 28 and word.isalnum() and word == word.lower() for word in words)


def test_words_of_one_second_share_only_what_tells_it() -> None:
    words = {word_in_order(SystemRandomness(), START, 28) for _ in range(1_000)}
    assert len({word[7:] for word in words}) == 1_000
    assert len({word[:7] for word in words}) == 1
