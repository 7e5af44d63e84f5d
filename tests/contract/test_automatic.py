"""Automatic deployments of Pages paused and resumed, at a local Cloudflare."""

from collections.abc import Iterator
from typing import Any

import pytest

from local_cloudflare.launch import Instance, start
from plugins.module_utils.cloudflare.automatic import pause, resume, to_pause
from plugins.module_utils.cloudflare.client import Client
from plugins.module_utils.cloudflare.errors import Refused
from tests.support.api import Api

SWITCH = "production_deployments_enabled"


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with start(tmp_path_factory.mktemp("automatic") / "state") as running:
        yield running


def connect(api: Api, name: str, **config: Any) -> dict[str, Any]:
    """A project that is connected to a repository; its source."""
    own = {"owner": "must-be-viral", "repo_name": name, "preview_branch_excludes": ["wip/*"], **config}
    body = {"name": name, "source": {"type": "github", "config": own}}
    source: dict[str, Any] = api("POST", "A/pages/projects", body)["source"]
    return source


def source(api: Api, name: str) -> Any:
    return api("GET", f"A/pages/projects/{name}")["source"]


def test_pause_and_resume_leave_everything_else_as_it_was(api: Api, client: Client) -> None:
    before = connect(api, "paused")
    assert to_pause(client, "paused") == {SWITCH: True}
    previous = pause(client, "paused")
    assert source(api, "paused") == {**before, "config": before["config"] | {SWITCH: False}}
    assert pause(client, "paused") is None  # and so a second run puts back nothing of its own
    assert previous is not None and resume(client, "paused", previous) is True
    assert source(api, "paused") == before
    assert resume(client, "paused", previous) is False


def test_what_somebody_else_paused_stays_paused(api: Api, client: Client) -> None:
    for name, config in (("off", {SWITCH: False}), ("all-off", {"deployments_enabled": False})):
        before = connect(api, name, **config)
        mark = api.mark()
        assert pause(client, name) is None
        assert source(api, name) == before
        assert not [call for call in api.calls(mark, "knowngood") if not call.startswith("GET")]


def test_a_project_that_is_fed_by_uploads_has_nothing_to_pause(api: Api, client: Client) -> None:
    api("POST", "A/pages/projects", {"name": "uploads"})
    assert pause(client, "uploads") is None
    assert resume(client, "uploads", {SWITCH: True}) is False


def test_a_lost_answer_is_read_back(api: Api, client: Client) -> None:
    connect(api, "lost")
    api.fault({"kind": "reset", "phase": "after", "match": {"method": "PATCH"}, "count": 1})
    mark = api.mark()
    assert pause(client, "lost") == {SWITCH: True}
    assert source(api, "lost")["config"][SWITCH] is False
    assert len([call for call in api.calls(mark, "knowngood") if call.startswith("PATCH")]) == 1


def test_a_project_that_is_not_there(client: Client) -> None:
    with pytest.raises(Refused, match="Project not found"):
        pause(client, "nobody")
