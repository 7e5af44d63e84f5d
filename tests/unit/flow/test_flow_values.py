"""`$(name)` stands for a value, and a value never for more than itself."""

import json
import re
from typing import Any
from urllib.parse import unquote, urlsplit

import jmespath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.module_utils.flow.values import (
    OWN,
    Unknown,
    filled,
    in_expression,
    in_pattern,
    in_url,
    names_in,
    own_values,
)

JSON = st.recursive(
    st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def test_a_value_that_stands_alone_keeps_its_type() -> None:
    declared = {"amount": "$(amount)", "say": "all of $(amount)", "list": ["$(amount)", 1, None]}
    assert filled(declared, {"amount": 5}) == {"amount": 5, "say": "all of 5", "list": [5, 1, None]}


def test_what_is_not_known_is_not_sent() -> None:
    for known in ({}, {"token": None}):
        with pytest.raises(Unknown, match=r"\$\(token\) is not known"):
            filled({"headers": ["Bearer $(token)"]}, known)


def test_names_are_found_wherever_they_are() -> None:
    assert names_in({"$(a)": ["$(b) and $(c)", {"x": "$(d)"}], "y": 5, "z": "$ (e) $(1)"}) == set("abcd")


def test_own_values_are_new_each_time_and_fit_usual_rules() -> None:
    one, other = own_values("run", "now"), own_values("run", "now")
    assert set(one) == set(OWN)
    assert not {one[name] for name in ("user", "email", "password", "id", "key")} & set(other.values())
    assert re.search("[a-z]", one["password"]) and re.search("[A-Z].*[0-9].*-", one["password"])
    assert one["email"].endswith("@example.com")


@settings(max_examples=50, deadline=None)
@given(JSON)
def test_a_value_in_an_expression_is_compared_as_it_is(value: Any) -> None:
    expression = in_expression("found == $(value)", {"value": value})
    assert jmespath.search(expression, {"found": value}) is True
    assert jmespath.search(expression, {"found": [value, value]}) is False


@given(st.text())
def test_a_value_in_a_pattern_is_met_as_it_is(value: str) -> None:
    assert re.fullmatch(in_pattern("a$(value)z", {"value": value}), f"a{value}z", re.DOTALL)


@given(st.text(min_size=1))
def test_a_value_in_an_address_adds_no_part_to_it(value: str) -> None:
    value = value.encode("utf-8", "ignore").decode()
    known = {"api": "https://example.com/v1", "id": value}
    parts = urlsplit(in_url("$(api)/items/$(id)?since=$(id)", known))
    assert (parts.netloc, parts.fragment) == ("example.com", "")
    assert parts.path.count("/") == 3
    assert unquote(parts.path) == f"/v1/items/{value}"
    assert json.dumps(unquote(parts.query)) == json.dumps(f"since={value}")
