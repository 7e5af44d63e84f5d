"""While the maintenance page is shown, nothing that runs by itself takes it for a fault of the application."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from plugins.module_utils.journal import read
from plugins.module_utils.ledger.directory import Directory
from plugins.module_utils.ledger.ledger import Ledger
from plugins.module_utils.outcome import DECLINED, DONE, INVALID, NOT_PROVED
from plugins.module_utils.stage import decide, watch
from plugins.module_utils.stage.task import Task
from tests.support.served import Answer, http, serving
from tests.support.validation import HEALTH, Validation

PAGE = http(503, b"back soon", "Retry-After: 60\r\n")
OFF = "ansible-playbook recovery.yml -i test -e step=maintenance -e state=off"


def well() -> bytes:
    told = {"status": "healthy", "version": "r1", "timestamp": time.time()}
    return http(200, json.dumps(told).encode())


def noted(folder: Path, **shown: Any) -> None:
    """The ledger says that the page is shown on this machine."""
    route = {"zone": "z", "pattern": "127.0.0.1/*", "script": None, "there": False}
    body = {"on": True, "worker": "page", "routes": [route], "run": "one", **shown}
    Ledger(Directory(str(folder / "ledger")), by="ann@ops").append(("maintenance", body))


def run(stage: Any, folder: Path, url: str, **given: Any) -> dict[str, Any]:
    """A stage; nobody answers where Cloudflare would be."""
    told: dict[str, Any] = {
        "run": "one",
        "runs_dir": str(folder / "runs"),
        "environment_name": "test",
        "components": [
            {"name": "shop", "kind": "worker", "target": "shop", "health": {**HEALTH, "url": url}}
        ],
        "ledger": {"backend": "directory", "path": str(folder / "ledger")},
        "cloudflare": {
            "account_id": "a",
            "api_token": "t0ken-t0ken",
            "api_url": "http://127.0.0.1:9",
            "patience": 0.1,
        },
        "probing": {"timeout": 2, "seconds": 0.2, "slow": 1},
        "identities": {"shop": {"release": "r1"}},
        **given,
    }
    params = {name: value for name, value in told.items() if name in stage.SPEC}
    checked = ArgumentSpecValidator(stage.SPEC).validate(params)
    assert not checked.error_messages, checked.error_messages
    result: dict[str, Any] = stage.work(Task(checked.validated_parameters, False, False))
    return result


def events(folder: Path, kind: str) -> list[dict[str, Any]]:
    return [event for event in read(folder / "runs/one/journal.jsonl") if event["event"] == kind]


def watched(folder: Path, url: str, seconds: float) -> dict[str, Any]:
    return run(watch, folder, url, follow=True, seconds=seconds, rate=80, look=0.5)


def test_a_watch_passes_over_the_page_and_goes_on_when_it_is_gone(tmp_path: Path) -> None:
    noted(tmp_path)

    def answer(number: int) -> Answer:
        # Ten in a row raise an alarm; then one request a look.
        return 0, PAGE if 50 < number <= 63 else well()

    with serving(answer) as server:
        found = watched(tmp_path, server.url, 5)
    assert found["regression"] is None
    assert found["outcome"]["exit_code"] == DONE, found["outcome"]
    on, off = events(tmp_path, "watch.page")
    assert (on["components"], off["components"], off["gone"]) == (["shop"], [], ["shop"])
    assert "by ann@ops" in on["why"]
    # What was asked meanwhile counts for nothing.
    assert [check["bad"] for check in found["checks"] if check["check"] == "watch: error rate"] == [0]


def test_a_watch_that_ends_behind_the_page_proved_nothing(tmp_path: Path) -> None:
    noted(tmp_path)
    with serving(lambda number: (0, PAGE)) as server:
        end = watched(tmp_path, server.url, 1)["outcome"]
        assert server.asked <= 4, "nobody asks a page how it is"
    assert (end["exit_code"], end["next"]) == (NOT_PROVED, OFF)
    assert "shop (watch: behind the maintenance page)" in end["message"]


def test_a_page_that_nobody_put_there_is_a_fault(tmp_path: Path) -> None:
    with serving(lambda number: (0, PAGE)) as server:
        found = watched(tmp_path, server.url, 5)
    assert found["regression"]["decision"] == "roll back"


def test_a_run_that_nobody_typed_stays_away_while_the_page_is_shown(tmp_path: Path) -> None:
    noted(tmp_path)
    with serving(lambda number: (0, PAGE)) as server:
        declined = run(decide, tmp_path, server.url, trigger="health")
    assert declined["outcome"]["exit_code"] == DECLINED
    assert "the maintenance page answers for shop, since " in declined["declined"]
    # The page is gone, and nobody told the ledger.
    with serving(lambda number: (0, http(500))) as server:
        assert run(decide, tmp_path, server.url, trigger="health") == {"declined": None}


def test_what_dns_leads_to_the_page_is_not_to_blame(tmp_path: Path) -> None:
    """A page elsewhere may answer anything; where the name leads decides."""
    with serving(lambda number: (0, http(404))) as server:
        one = Validation(tmp_path, {"shop": {**HEALTH, "url": server.url.replace("127.0.0.1", "localhost")}})
        for place, code in (("127.0.0.1", NOT_PROVED), ("127.0.0.9", INVALID)):
            records = {"localhost": [{"type": "A", "content": place}]}
            page = {"hosts": ["localhost"], "records": records, "since": "2026-11-27T06:00", "by": "ann@ops"}
            end = one.validate(maintenance=page)["outcome"]
            assert end["exit_code"] == code, end
