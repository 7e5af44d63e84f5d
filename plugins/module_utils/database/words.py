"""Losses in words, the same on the terminal, in plans and in refusals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["loss_in_words"]


def loss_in_words(loss: Mapping[str, Any]) -> str:
    """``up to 3 rows: items: ...``; "up to" says that it is a bound and not an exact count."""
    if loss["rows"] is None:
        return f"an unknown number of rows: {loss['what']}"
    bound = "" if loss["exact"] else "up to "
    return f"{bound}{loss['rows']} row{'' if loss['rows'] == 1 else 's'}: {loss['what']}"
