"""A ledger on a branch of a git repository: a push that is rejected is the compare-and-set.

The branch holds ``<folder>/ledger.jsonl`` and ``<folder>/<slot>.json``. A bare cache below the user's cache
folder keeps what was fetched; it may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .chain import Piece
from .errors import LedgerError
from .flock import flock
from .git_command import Command, GitError, Unsure
from .slots import decoded, encoded, same

__all__ = ["Git"]

FILE = "ledger.jsonl"
_TRIES = 50
_UNSURE = 3


class Git:
    """See :class:`Backend`. Works with whatever ``git fetch`` and ``git push`` reach without a question."""

    def __init__(self, repository: str, branch: str, folder: str) -> None:
        name = hashlib.sha256(repository.encode()).hexdigest()[:16]
        self._cache = _cache_folder() / f"ledger-{name}"
        self._git = Command(self._cache, repository)
        self._branch = branch
        self._folder = folder

    def read(self) -> Sequence[Piece]:
        with self._exclusive("read"):
            return self._pieces(self._fetch())

    def append(self, make: Callable[[Sequence[Piece]], bytes]) -> None:
        def change(commit: str | None) -> dict[str, bytes | None] | None:
            pieces = self._pieces(commit)
            new = make(pieces)
            before = pieces[0].data if pieces else b""
            return {FILE: before + new} if new else None

        self._push(change, "ledger")

    def slot(self, name: str) -> Mapping[str, Any] | None:
        with self._exclusive("read"):
            return self._slot(self._fetch(), name)

    def swap(self, name: str, expected: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> bool:
        done = False

        def change(commit: str | None) -> dict[str, bytes | None] | None:
            nonlocal done
            now = self._slot(commit, name)
            if done and same(now, new):
                # The answer to the push before was lost, not the push.
                return None
            done = same(now, expected)
            return {f"{name}.json": None if new is None else encoded(new)} if done else None

        self._push(change, name)
        return done

    def _push(self, change: Callable[[str | None], dict[str, bytes | None] | None], what: str) -> None:
        """Push what ``change`` makes of the newest commit; ask it again until nobody was faster."""
        with self._exclusive("written"):
            unsure = 0
            for _ in range(_TRIES):
                commit = self._fetch()
                files = change(commit)
                if not files:
                    return
                new = self._commit(commit, files, f"{self._folder}: {what}")
                try:
                    if self._git.push(new, self._branch):
                        return
                except Unsure:
                    # The next look at the branch tells whether it arrived.
                    unsure += 1
                    if unsure == _UNSURE:
                        raise
                time.sleep(random.uniform(0, 0.2))
            raise LedgerError(f"others write to the branch {self._branch} all the time: try again later")

    def _fetch(self) -> str | None:
        """The newest commit of the branch; ``None`` while there is no such branch."""
        return self._git.fetch(self._branch)

    def _blob(self, commit: str | None, name: str) -> bytes | None:
        path = f"{self._folder}/{name}"
        if commit is None:
            return None
        listed = self._git("ls-tree", commit, "--", path).split()
        return self._git("cat-file", "blob", listed[2].decode()) if listed else None

    def _pieces(self, commit: str | None) -> Sequence[Piece]:
        data = self._blob(commit, FILE)
        return [Piece(f"{self._folder}/{FILE} on {self._branch}", data)] if data else []

    def _slot(self, commit: str | None, name: str) -> dict[str, Any] | None:
        where = f"{self._folder}/{name}.json on the branch {self._branch}"
        return decoded(self._blob(commit, f"{name}.json"), where)

    def _commit(self, parent: str | None, files: Mapping[str, bytes | None], message: str) -> str:
        """A commit on top of ``parent`` with some files of the folder changed (``None``: taken away)."""
        with tempfile.TemporaryDirectory(dir=self._cache) as scratch:
            index = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}
            if parent is not None:
                self._git("read-tree", parent, env=index)
            for name, data in files.items():
                blob = self._git("hash-object", "-w", "--stdin", data=data).decode().strip() if data else ""
                what = f"100644 {blob}" if blob else f"0 {'0' * 40}"
                path = f"{self._folder}/{name}"
                self._git("update-index", "--index-info", data=f"{what}\t{path}\n".encode(), env=index)
            tree = self._git("write-tree", env=index).decode().strip()
        parents = ("-p", parent) if parent is not None else ()
        return self._git("commit-tree", tree, *parents, "-m", message).decode().strip()

    @contextmanager
    def _exclusive(self, what: str) -> Iterator[None]:
        """One process at a time in the cache: two fetches into one would get in each other's way."""
        try:
            self._cache.mkdir(mode=0o700, parents=True, exist_ok=True)
            with flock(self._cache / "knowngood.lock"):
                self._git("init", "--bare", "--quiet")
                yield
        except (GitError, OSError) as error:
            raise LedgerError(f"the ledger in {self._git.shown} cannot be {what}: {error}") from None


def _cache_folder() -> Path:
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "knowngood"
