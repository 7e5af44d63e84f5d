"""A real Chromium for the tests of the report's page, spoken to over its DevTools protocol.

It is, in this order: ``$CHROMIUM``; the one of the npm package in ``tests/browser``, which needs no root to install
(``make install-test``); one on the ``PATH``.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

__all__ = ["Browser", "NoBrowser", "Page", "started"]

_HERE = Path(__file__).resolve().parents[1] / "browser"
_PACKED = _HERE / "node_modules/@sparticuz/chromium/bin"
_UNPACKED = _HERE / "node_modules/.chromium"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--no-zygote",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--no-first-run",
    # Whatever it would ask for leads nowhere.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--remote-debugging-port=0",
)
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>/usr/share/fonts</dir><dir>{fonts}</dir><cachedir>{cache}</cachedir></fontconfig>
"""


class NoBrowser(Exception):
    """No Chromium can run here; the message says why."""


def _command() -> tuple[Path, dict[str, str]]:
    """The browser, and what its environment needs. Raises :class:`NoBrowser`."""
    named = os.environ.get("CHROMIUM")
    if named:
        if not os.access(named, os.X_OK):
            raise NoBrowser(f"CHROMIUM is {named}, which is no program")
        return Path(named), {}
    if (_PACKED / "chromium.br").exists():
        return _unpack()
    for name in _NAMES:
        if found := shutil.which(name):
            return Path(found), {}
    raise NoBrowser(
        "there is none: neither in tests/browser (make install-test) nor on the PATH; CHROMIUM names another"
    )


def _unpack() -> tuple[Path, dict[str, str]]:
    """Once for all tests; the first one does it."""
    done = _UNPACKED / "done"
    with (_PACKED.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(_UNPACKED, ignore_errors=True)
            _UNPACKED.mkdir()
            for packed in _PACKED.glob("*.br"):
                to = _UNPACKED / packed.stem
                subprocess.run(["node", str(_HERE / "unpack.cjs"), str(packed), str(to)], check=True)
                if to.suffix == ".tar":
                    with tarfile.open(to) as archive:
                        archive.extractall(_UNPACKED, filter="data")
                    to.unlink()
            (_UNPACKED / "chromium").chmod(0o755)
            fonts = _FONTS.format(fonts=_UNPACKED / "fonts", cache=_UNPACKED / "fonts-cache")
            (_UNPACKED / "fonts.conf").write_text(fonts)
            done.touch()
    return _UNPACKED / "chromium", {
        "LD_LIBRARY_PATH": str(_UNPACKED / "lib"),
        "FONTCONFIG_FILE": str(_UNPACKED / "fonts.conf"),
    }


@contextmanager
def started(profile: Path) -> Iterator[Browser]:
    """A browser with a profile of its own. Raises :class:`NoBrowser` when none can run on this machine."""
    program, more = _command()
    profile.mkdir(parents=True, exist_ok=True)
    with (profile / "log").open("wb") as log:
        try:
            process = subprocess.Popen(
                [str(program), *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
                stdout=log,
                stderr=log,
                env={**os.environ, "HOME": str(profile), **more},
                start_new_session=True,
            )
        except OSError as error:
            # The package ships it for one kind of processor.
            raise NoBrowser(f"{program} does not start: {error.strerror}") from None
        try:
            with connect(_address(process, profile), max_size=None, open_timeout=20) as socket:
                yield Browser(socket)
                with suppress(Exception):
                    socket.send(json.dumps({"id": 0, "method": "Browser.close"}))
        finally:
            with suppress(subprocess.TimeoutExpired):
                process.wait(5)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            process.wait()


def _address(process: subprocess.Popen[bytes], profile: Path) -> str:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if process.poll() is not None:
            said = (profile / "log").read_text(errors="replace").strip().splitlines()
            raise NoBrowser(f"it ended with {process.returncode}: {said[-1] if said else 'without a word'}")
        with suppress(OSError, ValueError):
            port, path = (profile / "DevToolsActivePort").read_text().splitlines()
            return f"ws://127.0.0.1:{port}{path}"
        time.sleep(0.05)
    raise NoBrowser("it did not begin to listen within 20 s")


class Browser:
    """Takes commands. ``events`` are what it told meanwhile, of all pages."""

    def __init__(self, socket: ClientConnection) -> None:
        self.events: list[dict[str, Any]] = []
        self._socket = socket
        self._number = 0

    def call(self, method: str, session: str | None = None, **params: Any) -> Any:
        """The result of a command; a refusal raises RuntimeError."""
        self._number += 1
        told: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        self._socket.send(json.dumps(told | ({"sessionId": session} if session else {})))
        while True:
            answer = json.loads(self._socket.recv(timeout=30))
            if answer.get("id") != self._number:
                self.events.append(answer)
                continue
            if "error" in answer:
                raise RuntimeError(f"{method}: {answer['error']}")
            return answer["result"]

    def open(self, url: str, *, width: int = 1440, dark: bool = False, phone: bool = False) -> Page:
        """A new page of that width, loaded."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.call(f"{domain}.enable")
        page.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=2 if phone else 1,
            mobile=phone,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        page.call("Emulation.setEmulatedMedia", features=[scheme])
        page.call("Page.navigate", url=url)
        page.wait_for("Page.loadEventFired")
        return page


class Page:
    """One page of a browser."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session

    def call(self, method: str, **params: Any) -> Any:
        return self._browser.call(method, self._session, **params)

    def told(self, method: str) -> list[dict[str, Any]]:
        """What the page told so far, of one kind."""
        return [
            event["params"]
            for event in self._browser.events
            if event.get("method") == method and event.get("sessionId") == self._session
        ]

    def wait_for(self, method: str) -> None:
        until = time.monotonic() + 20
        while not self.told(method):
            assert time.monotonic() < until, f"no {method} within 20 s"
            # Any command takes in what was told meanwhile.
            self.call("Runtime.evaluate", expression="0")
            time.sleep(0.02)

    def run(self, script: str) -> Any:
        """The value of an expression."""
        done = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def pdf(self) -> bytes:
        """As it is printed."""
        done = self.call(
            "Page.printToPDF", generateDocumentOutline=True, generateTaggedPDF=True, preferCSSPageSize=True
        )
        return base64.b64decode(done["data"])

    def picture(self) -> bytes:
        """The whole page as a PNG."""
        done = self.call("Page.captureScreenshot", captureBeyondViewport=True, format="png")
        return base64.b64decode(done["data"])
