"""One question at a time, for who has no event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from .contract import Answer
from .tunnel import ProxyFault
from .wire import FAULTS, Way, fault_of

__all__ = ["Connector", "NoAnswer"]


class NoAnswer(Exception):
    """Nothing came back: the reason in a few words. ``unseen``: the way there is broken, so it says nothing."""

    def __init__(self, why: str, *, unseen: bool = False) -> None:
        super().__init__(why)
        self.unseen = unseen


class Connector:
    """Sends requests: ``connect_to``, ``ca_file`` and ``proxy`` as in :class:`Way`; ``timeout`` in seconds, for all."""

    def __init__(
        self, *, connect_to: str = "", ca_file: str = "", proxy: str = "", timeout: float = 10
    ) -> None:
        self._connect_to = connect_to
        self._ca_file = ca_file
        self._proxy = proxy
        self._timeout = timeout

    @property
    def follows_names(self) -> bool:
        """Whether a request goes where DNS leads this machine, and nowhere else."""
        return not (self._connect_to or self._proxy)

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """One GET over a connection of its own, redirects not followed. Raises :class:`NoAnswer`."""
        return self.ask("GET", url, headers)

    def ask(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """One request as :meth:`get`, with a body where there is one."""
        try:
            way = Way(
                url,
                connect_to=self._connect_to,
                ca_file=self._ca_file,
                proxy=self._proxy,
                headers=headers,
                method=method,
                body=body,
                patience=self._timeout / 2,
            )
        except OSError:
            raise NoAnswer("the CA file cannot be read", unseen=True) from None
        except ValueError as error:
            raise NoAnswer(f"the proxy {error}", unseen=True) from None
        return asyncio.run(self._get(way))

    async def _get(self, way: Way) -> Answer:
        connected = False
        try:
            async with asyncio.timeout(self._timeout):
                connection = await way.open()
                connected = True
                try:
                    answer, _, _ = await way.ask(connection)
                finally:
                    connection.writer.transport.abort()
        except TimeoutError:
            if way.proxy and not way.proxy.greets and not connected:
                raise NoAnswer("no answer through the proxy in time", unseen=True) from None
            raise NoAnswer("no answer in time" if connected else "no connection in time") from None
        except FAULTS as error:
            raise NoAnswer(fault_of(error), unseen=isinstance(error, ProxyFault)) from None
        return replace(answer, seconds=answer.seconds + connection.dns + connection.connect + connection.tls)
