"""Make something true at Cloudflare that may be written twice: read, write, read back."""

from __future__ import annotations

import time
from collections.abc import Callable

from .errors import CloudflareError, Unanswered

__all__ = ["settle"]

_BACKOFF = (0.2, 0.5, 1.0, 2.0, 4.0)


def settle(is_so: Callable[[], bool], write: Callable[[], object], what: str) -> bool:
    """Write until it reads back as wanted; whether anything was written.

    ``what`` names the thing in the error. A lost answer is read back before the write is tried again, so
    that nothing is written over what somebody else did in the meantime without being looked at.
    """
    wrote, lost = False, ""
    for pause in (*_BACKOFF, None):
        if is_so():
            return wrote
        if pause is None:
            break
        try:
            wrote = True
            write()
        except Unanswered as error:
            lost = f"; the last answer was lost: {error}"
        else:
            lost = ""
            if is_so():
                return True
        time.sleep(pause)
    raise CloudflareError(f"{what}: written several times, but it does not read back{lost}")
