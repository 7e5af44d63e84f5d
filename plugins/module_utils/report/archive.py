"""Keeping the files of a run in a git repository, for jobs that keep no disk."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from ..ledger.git_command import Command, GitError

__all__ = ["NotArchived", "archive"]


class NotArchived(Exception):
    """Why the files are not in the repository, without secrets."""


def archive(repository: str, environment: str, run: str, files: Mapping[str, Path]) -> str:
    """Push ``files`` (by their name there) as a branch of their own, and return its name.

    A branch per run needs nothing of what is there already: no fetch, and nobody to be faster.
    Raises :class:`NotArchived`.
    """
    branch = f"knowngood/{environment}/{run}"
    try:
        with tempfile.TemporaryDirectory() as scratch:
            git = Command(Path(scratch) / "git", repository)
            git("init", "--bare", "--quiet")
            index = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}
            listed = ""
            for name, path in files.items():
                blob = git("hash-object", "-w", "--stdin", data=path.read_bytes()).decode().strip()
                listed += f"100644 {blob}\t{name}\n"
            git("update-index", "--index-info", data=listed.encode(), env=index)
            tree = git("write-tree", env=index).decode().strip()
            commit = git("commit-tree", tree, "-m", f"{environment}: run {run}").decode().strip()
            if not git.push(commit, branch):
                raise NotArchived(f"the branch {branch} is in {git.shown} already, and was left as it is")
    except (GitError, OSError) as error:
        raise NotArchived(
            f"the report is not in the archive {repository_shown(repository)}: {error}"
        ) from None
    return branch


def repository_shown(repository: str) -> str:
    """The address without its credentials."""
    return Command(Path(), repository).shown
