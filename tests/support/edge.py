"""Clients of an instance's edge: they connect to loopback and speak to the real https name."""

import asyncio
import socket
import ssl
from typing import Any, Self
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.poolmanager import PoolManager
from websockets.asyncio.client import ClientConnection, connect

from local_cloudflare.launch import Instance


def address(instance: Instance) -> tuple[str, int]:
    host, port = instance.edge.rsplit(":", 1)
    return host, int(port)


def session(instance: Instance) -> requests.Session:
    """A session for `https://<name>/...`: every name is the edge, proved by the instance's own CA."""
    http = requests.Session()
    http.trust_env = False
    http.verify = str(instance.ca_file)
    http.mount("https://", _EdgeAdapter(address(instance)))
    return http


class WebSocket:
    """An open WebSocket to a `wss://` url of the edge, spoken to step by step; a context manager.

    Not that of websockets.sync, which reads and writes a TLS connection in two threads at once: OpenSSL does not allow
    that, and one first message in 300 was lost on a busy machine.
    """

    def __init__(self, instance: Instance, url: str) -> None:
        context = ssl.create_default_context(cafile=str(instance.ca_file))
        host, port = address(instance)
        self._loop = asyncio.new_event_loop()
        opening = connect(
            url, host=host, port=port, ssl=context, server_hostname=urlsplit(url).hostname, proxy=None
        )
        try:
            self._connection = self._loop.run_until_complete(self._opened(opening))
        except BaseException:
            self._loop.close()
            raise

    @staticmethod
    async def _opened(opening: connect) -> ClientConnection:
        return await opening

    def send(self, message: str | bytes) -> None:
        self._loop.run_until_complete(self._connection.send(message))

    def recv(self, timeout: float) -> str | bytes:
        """The next message. Raises TimeoutError, and ConnectionClosed."""
        return self._loop.run_until_complete(asyncio.wait_for(self._connection.recv(), timeout))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.run_until_complete(self._connection.close())
        self._loop.close()


def get(instance: Instance, url: str, **options: Any) -> requests.Response:
    """One GET on a connection of its own."""
    with session(instance) as http:
        return http.get(url, timeout=30, **options)


class _EdgeAdapter(HTTPAdapter):
    def __init__(self, to: tuple[str, int]) -> None:
        self._to = to
        super().__init__()

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **options: Any) -> None:
        to = self._to

        class Connection(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return socket.create_connection(to, self.timeout if isinstance(self.timeout, float) else None)

        class Pool(HTTPSConnectionPool):
            ConnectionCls = Connection

        self.poolmanager = PoolManager(num_pools=connections, maxsize=maxsize, block=block, **options)
        self.poolmanager.pool_classes_by_scheme = {"https": Pool}
