"""The ledger of an environment, as its inventory declares it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from .inventory import NotUsable, variables

if TYPE_CHECKING:
    from plugins.module_utils.ledger.ledger import Ledger

__all__ = ["opened"]


@contextmanager
def opened(inventory: str) -> Iterator[tuple[Ledger, str]]:
    """The ledger, and the name of the environment. Raises :class:`NotUsable`; the ledger raises LedgerError."""
    with TemporaryDirectory(prefix="knowngood-") as folder:
        yield _ledger(inventory, Path(folder))


def _ledger(inventory: str, folder: Path) -> tuple[Ledger, str]:
    from ansible.module_utils.cloudflare.client import Client
    from ansible.module_utils.journal import Journal
    from ansible.module_utils.ledger.backend import open_backend
    from ansible.module_utils.ledger.declared import declared_ledger, operator_of
    from ansible.module_utils.ledger.ledger import Ledger
    from ansible.module_utils.redact import Redactor

    told = variables(inventory, "ledger", "operator", "environment_name")
    declared = declared_ledger(told["ledger"], told["environment_name"])
    if declared["problems"]:
        raise NotUsable(f"{inventory}/group_vars/all.yml: {'; '.join(declared['problems'])}")

    def client() -> Client:
        reach: Mapping[str, Any] = variables(
            inventory, "cloudflare_api_url", "cloudflare_api_token", "cloudflare_account_id"
        )
        redactor = Redactor([reach["cloudflare_api_token"]])
        return Client(
            reach["cloudflare_api_url"],
            reach["cloudflare_api_token"],
            reach["cloudflare_account_id"],
            Journal(folder, "lock", redactor),
        )

    by = operator_of(told["operator"])
    return Ledger(open_backend(declared["ledger"], client), by=by), told["environment_name"]
