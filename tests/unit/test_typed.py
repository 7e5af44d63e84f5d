"""``-e reason='checkout fails'`` reaches Ansible without its quotes, and is taken whole all the same."""

import pytest
from ansible.parsing.splitter import parse_kv
from hypothesis import given
from hypothesis import strategies as st

import plugins.filter.inventory  # noqa: F401
from plugins.module_utils.typed import whole


def taken(*options: str) -> dict[str, str]:
    """What the run has in the end."""
    cut = {name: value for option in options for name, value in parse_kv(option).items()}
    return {**cut, **whole(options, cut)}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("reason=checkout fails", "checkout fails"),
        ("reason=fails since 10=10, they say", "fails since 10=10, they say"),
        ("approved_by=Ann Lee", "Ann Lee"),
        ("reason='checkout fails'", "checkout fails"),
        ("reason=checkout", "checkout"),
    ],
)
def test_a_value_with_blanks_is_taken_whole(typed: str, meant: str) -> None:
    assert taken(typed)[typed.partition("=")[0]] == meant


def test_several_variables_in_one_stay_several() -> None:
    assert taken("step=database moment=2026-11-27T06:00:00Z") == {
        "step": "database",
        "moment": "2026-11-27T06:00:00Z",
    }


def test_what_was_said_last_counts() -> None:
    assert taken("reason=checkout fails", "reason=login")["reason"] == "login"


def test_files_and_json_are_left_alone() -> None:
    assert whole(["@vars.yml", '{"reason": "a b"}', "[a=b c]"], {}) == {}


@given(st.lists(st.text("abcdefgh,.:;!?", min_size=1), min_size=1))
def test_no_word_is_lost(words: list[str]) -> None:
    assert taken(f"reason={' '.join(words)}")["reason"] == " ".join(words)
