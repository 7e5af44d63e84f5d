"""The client of the stages, against a local Cloudflare."""

from pathlib import Path

from local_cloudflare.launch import Instance
from plugins.module_utils.cloudflare.client import Client
from plugins.module_utils.journal import Journal
from plugins.module_utils.redact import Redactor


def client_of(instance: Instance, runs: Path) -> Client:
    """A client with a journal of its own in ``runs``."""
    journal = Journal(runs, "run", Redactor([instance.api_token]))
    return Client(instance.api_url, instance.api_token, instance.account_id, journal, timeout=5)
