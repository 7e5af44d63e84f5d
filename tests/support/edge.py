"""Clients of an instance's edge: they connect to loopback and speak to the real https name."""

import socket
import ssl
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.poolmanager import PoolManager
from websockets.sync.client import ClientConnection, connect

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


def websocket(instance: Instance, url: str) -> ClientConnection:
    """An open WebSocket to a `wss://` url of the edge."""
    context = ssl.create_default_context(cafile=str(instance.ca_file))
    return connect(url, sock=socket.create_connection(address(instance)), ssl=context, proxy=None)


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
