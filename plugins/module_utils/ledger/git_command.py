"""Running git so that it never asks, never waits for ever, and never shows a secret."""

from __future__ import annotations

import base64
import os
import re
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

__all__ = ["Command", "GitError", "Unsure"]

_TIMEOUT = 60
_NO_BRANCH = "couldn't find remote ref"
# What a hook or another git around us would otherwise make this one use.
_LOCAL = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
)
_REJECTED = ("[rejected]", "[remote rejected]", "failed to update ref", "cannot lock ref")
_REFUSED = ("hook declined", "protected")
_WHO = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "knowngood"), ("EMAIL", "knowngood@localhost"))
}


class GitError(Exception):
    """What git said, in one line, without secrets."""


class Unsure(GitError):
    """A push that may have arrived."""


class Command:
    """git in one bare repository, with one remote. ``shown`` is the remote's address without secrets."""

    def __init__(self, folder: Path, remote: str) -> None:
        self._folder = folder
        self._secrets: list[str] = []
        self.shown, config = self._remote(remote)
        config["gc.autoDetach"] = "false"
        self._env = {
            **{name: value for name, value in os.environ.items() if name not in _LOCAL},
            **_WHO,
            "LC_ALL": "C",
            "GIT_TERMINAL_PROMPT": "0",
            "SSH_ASKPASS_REQUIRE": "never",
            # In the environment, because everybody on the machine can read the arguments of a process.
            "GIT_CONFIG_COUNT": str(len(config)),
        }
        for number, (key, value) in enumerate(config.items()):
            self._env |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}

    def __call__(self, *arguments: str, data: bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
        """What a git command prints. Raises GitError."""
        done = self._run(arguments, data, env or {})
        if done.returncode:
            raise GitError(self._said(done.stderr) or f"git {arguments[0]} failed")
        return done.stdout

    def fetch(self, branch: str) -> str | None:
        """The newest commit of a branch of the remote, now in the repository; ``None`` if there is no such branch."""
        ref = f"refs/heads/{branch}"
        arguments = ("fetch", "--quiet", "--no-tags", "--depth=1", self.shown, f"+{ref}:{ref}")
        done = self._run(arguments, b"", {})
        if done.returncode and _NO_BRANCH in done.stderr.decode(errors="replace"):
            return None
        if done.returncode:
            raise GitError(self._said(done.stderr) or "git fetch failed")
        return self("rev-parse", "--verify", ref).decode().strip()

    def push(self, commit: str, branch: str) -> bool:
        """Put a commit on a branch of the remote; false when somebody else was faster."""
        try:
            done = self._run(("push", "--quiet", self.shown, f"{commit}:refs/heads/{branch}"), b"", {})
        except GitError as error:
            raise Unsure(str(error)) from None
        said = done.stderr.decode(errors="replace")
        if not done.returncode:
            return True
        if any(sign in said for sign in _REFUSED):
            raise GitError(self._said(done.stderr))
        if any(sign in said for sign in _REJECTED):
            return False
        raise Unsure(self._said(done.stderr) or "git push failed")

    def _run(
        self, arguments: tuple[str, ...], data: bytes, env: Mapping[str, str]
    ) -> subprocess.CompletedProcess[bytes]:
        try:
            process = subprocess.Popen(
                ["git", f"--git-dir={self._folder}", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**self._env, **env},
                # Without a terminal neither git nor ssh can ask.
                start_new_session=True,
            )
        except FileNotFoundError:
            raise GitError("git is not installed") from None
        try:
            stdout, stderr = process.communicate(data, timeout=_TIMEOUT)
        except BaseException as error:
            # With the processes that git has started to speak to the remote.
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            if isinstance(error, subprocess.TimeoutExpired):
                raise GitError(f"git {arguments[0]} took more than {_TIMEOUT} s") from None
            raise
        return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)

    def _remote(self, remote: str) -> tuple[str, dict[str, str]]:
        """The address without its credentials, and the configuration that sends them all the same."""
        parts = urlsplit(remote)
        if parts.scheme not in ("http", "https") or "@" not in parts.netloc:
            return remote, {}
        credentials, _, host = parts.netloc.rpartition("@")
        shown = parts._replace(netloc=host).geturl()
        name, _, password = credentials.partition(":")
        plain = f"{unquote(name)}:{unquote(password)}"
        encoded = base64.b64encode(plain.encode()).decode()
        self._secrets = [each for each in (encoded, credentials, unquote(password) or unquote(name)) if each]
        return shown, {f"http.{shown}.extraHeader": f"Authorization: Basic {encoded}"}

    def _said(self, stderr: bytes) -> str:
        lines = [
            line for line in stderr.decode(errors="replace").splitlines() if not line.startswith("hint:")
        ]
        text = " ".join(line.removeprefix("fatal: ").removeprefix("error: ").strip() for line in lines[:3])
        for secret in self._secrets:
            text = text.replace(secret, "********")
        return re.sub(r"://[^/@\s]+@", "://", text)
