"""Where a ledger is kept: what the kinds of store have in common, and how one is opened."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from .chain import Piece
from .directory import Directory
from .errors import LedgerError
from .git import Git
from .kv import Kv
from .memory import Memory

if TYPE_CHECKING:
    from ..cloudflare.client import Client

__all__ = ["Backend", "open_backend"]

_NEEDED = {"directory": ("path",), "kv": ("namespace", "prefix"), "git": ("repository", "folder"), "none": ()}
_FOLDER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


class Backend(Protocol):
    """A store of lines and of small values. Everything raises :class:`LedgerError`."""

    def read(self) -> Sequence[Piece]:
        """Everything that was written, without what a kill left of an append."""

    def append(self, make: Callable[[Sequence[Piece]], bytes]) -> None:
        """Write, all or nothing, what ``make`` returns for the newest content; nothing if that is empty.

        ``make`` is asked again when somebody was faster, or when it is not known whether a write was done.
        """

    def slot(self, name: str) -> Mapping[str, Any] | None:
        """A small value that can change."""

    def swap(self, name: str, expected: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> bool:
        """Set a slot that has the expected value (``None``: it has none). False: somebody was faster."""


def open_backend(declared: Mapping[str, Any], client: Callable[[], Client]) -> Backend:
    """The store that the inventory declares in ``ledger``. ``client`` is only called for KV."""
    kind = declared.get("backend")
    if kind not in _NEEDED:
        raise LedgerError(f"ledger.backend must be one of {', '.join(_NEEDED)}, not {kind!r}")
    if missing := [name for name in _NEEDED[kind] if not declared.get(name)]:
        raise LedgerError(f"set ledger.{missing[0]} in the inventory: a ledger in {kind} needs it")
    if kind == "none":
        return Memory()
    if kind == "directory":
        return Directory(str(declared["path"]))
    name = "folder" if kind == "git" else "prefix"
    if not _FOLDER.fullmatch(str(declared[name])):
        raise LedgerError(
            f"ledger.{name} must be a plain name (letters, digits, _ . -), not {declared[name]!r}"
        )
    if kind == "git":
        branch = str(declared.get("branch") or "knowngood-ledger")
        return Git(str(declared["repository"]), branch, str(declared["folder"]))
    return Kv(client(), str(declared["namespace"]), str(declared["prefix"]))
