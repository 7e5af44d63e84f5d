"""What a person typed after ``-e`` is meant whole.

A shell takes the quotes off ``-e reason='checkout fails'``, and Ansible would cut the rest at its first blank.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible.parsing.splitter import parse_kv

__all__ = ["LEFT_OVER", "whole"]

LEFT_OVER = "_raw_params"
"""The variable in which Ansible leaves words that belong to no name."""


def whole(options: Iterable[str], given: Mapping[str, Any]) -> dict[str, str]:
    """The variables of ``given`` that were cut, with all that was typed.

    ``-e 'a=1 b=2'`` stays two variables: only where words are left over, everything is the value of the first name.
    """
    found = {}
    for option in options:
        name, sign, value = option.partition("=")
        if not sign or not name.isidentifier():
            continue
        cut = parse_kv(option)
        # A later option may have said something else.
        if LEFT_OVER in cut and given.get(name) == cut.get(name):
            found[name] = value.strip()
    return found
