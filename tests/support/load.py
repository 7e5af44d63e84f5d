"""A bounded open-loop load on an instance's edge: it asks at its pace, whatever the answers do."""

import itertools
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType

import requests

from local_cloudflare.launch import Instance
from tests.support import edge

_NEW_CONNECTION_EVERY = 5
_THREADS = 24


@dataclass(frozen=True)
class Asked:
    """One request: when it was sent (epoch seconds), and its answer or, without one, the fault."""

    url: str
    sent: float
    status: int | None
    body: bytes
    fault: str | None = None


class Load:
    """Inside the context `rate` requests a second go to `urls` in turn, at most `most` in all.

    Four of five on kept connections, the fifth on a new one. `asked` is complete after the context.
    """

    def __init__(
        self, instance: Instance, urls: Sequence[str], *, rate: float = 100, most: int = 2000
    ) -> None:
        self.asked: list[Asked] = []
        self._instance = instance
        self._urls = urls
        self._rate = rate
        self._most = most
        self._kept = edge.session(instance)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._pace)

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._kept.close()

    def _pace(self) -> None:
        began = time.monotonic()
        urls = itertools.cycle(self._urls)
        with ThreadPoolExecutor(_THREADS) as pool:
            for number in range(self._most):
                if self._stop.wait(max(0.0, began + number / self._rate - time.monotonic())):
                    return
                pool.submit(self._ask, next(urls), number % _NEW_CONNECTION_EVERY == 0)

    def _ask(self, url: str, new: bool) -> None:
        sent = time.time()
        try:
            answer = edge.get(self._instance, url) if new else self._kept.get(url, timeout=30)
        except requests.RequestException as error:
            self.asked.append(Asked(url, sent, None, b"", repr(error)))
        else:
            self.asked.append(Asked(url, sent, answer.status_code, answer.content))
