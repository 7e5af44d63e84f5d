"""DNS and the maintenance page, stage by stage, against the API, the edge and the DNS of a local Cloudflare."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_cloudflare.launch import Instance, start
from plugins.module_utils.cloudflare.client import Client
from plugins.module_utils.journal import Journal, new_run_id
from plugins.module_utils.redact import Redactor
from plugins.module_utils.stage import dns_records, maintenance_page, record, recovery_check
from tests.support import edge
from tests.support.api import Api
from tests.support.recovering import Recovery, upload_page
from tests.support.resolver import resolving

ZONE = "mustbeviral.com"
NORMAL = [{"type": "CNAME", "content": "site.pages.dev", "proxied": True}]
OTHER = [{"type": "A", "content": "192.0.2.80", "ttl": 60}]
STEP = "ansible-playbook recovery.yml -i local -e step="


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with start(tmp_path_factory.mktemp("recovery") / "state") as running:
        yield running


@pytest.fixture
def recovery(instance: Instance, tmp_path: Path) -> Recovery:
    return Recovery(instance, tmp_path)


@pytest.fixture
def name(api: Api, instance: Instance, request: pytest.FixtureRequest) -> str:
    """A name of the test's own, with its normal record and one of another kind."""
    own = re.sub("[^a-z]+", "-", request.node.name)[:50].strip("-")
    host = f"{own}.{ZONE}"
    records = f"/zones/{instance.zones[ZONE]}/dns_records"
    api("POST", records, {"name": host, "comment": "the site", "ttl": 1, **NORMAL[0]})
    api("POST", records, {"name": host, "type": "TXT", "content": "stays", "ttl": 300})
    return host


def named(instance: Instance, host: str, *resolvers: str, **given: Any) -> list[dict[str, Any]]:
    declared = {"component": "site-dns", "zone": ZONE, "name": host, "records": NORMAL, "failover": OTHER}
    return [{**declared, "authority": [instance.dns], "resolvers": list(resolvers), **given}]


def records_of(api: Api, instance: Instance, host: str) -> set[str]:
    listed = api("GET", f"/zones/{instance.zones[ZONE]}/dns_records?name.exact={host}")
    return {f"{item['type']} {item['content']}" for item in listed}


# --- DNS


def test_a_failover_says_who_still_has_the_old_answer(
    recovery: Recovery, api: Api, instance: Instance, name: str
) -> None:
    with resolving(instance.dns) as quick, resolving(instance.dns) as slow:
        names = named(instance, name, quick.address, slow.address)
        # Both have been asked before, 100 s and 299 s ago.
        assert recovery.stage(recovery_check, names=names)["outcome"]["exit_code"] == 0
        slow.pass_time(100)
        quick.pass_time(299.9)
        done = recovery.stage(dns_records, names=names, state="failover", seconds=2)
        assert records_of(api, instance, name) == {"A 192.0.2.80", "TXT stays"}
        end = done["outcome"]
        assert end["exit_code"] == 16, end
        assert "some resolvers say what was before, for up to" in end["message"]
        (late,) = [line for line in end["details"] if f"{slow.address} says A 127.0.0.1 for" in line]
        assert quick.address not in late
        assert f"{name}: answers of before may be remembered for 300 s" in end["details"]
        slow.pass_time(201)
        again = recovery.stage(dns_records, names=names, state="failover")
        assert (again["outcome"]["exit_code"], again["changed"]) == (0, False)


def test_the_way_back_by_what_is_declared_and_by_what_was_kept(
    recovery: Recovery, api: Api, instance: Instance, name: str
) -> None:
    names = named(instance, name)
    there = recovery.stage(dns_records, names=names, state="failover")
    assert (there["outcome"]["exit_code"], there["outcome"]["next"]) == (0, f"{STEP}failover -e state=off")
    assert there["names"] == [{"component": "site-dns", "name": name, "changed": True, "old_answers": 300}]
    back = recovery.stage(dns_records, names=names, state="records")
    assert back["outcome"]["exit_code"] == 0
    assert records_of(api, instance, name) == {"CNAME site.pages.dev", "TXT stays"}
    # Somebody had changed it by hand: that is what the snapshot has.
    recovery.stage(dns_records, names=named(instance, name, records=[{"type": "A", "content": "192.0.2.9"}]))
    gone = recovery.stage(dns_records, names=names, state="failover")
    (kept,) = gone["snapshots"]
    by_hand = recovery.stage(dns_records, names=names, snapshot=kept)
    assert by_hand["outcome"]["exit_code"] == 0
    assert records_of(api, instance, name) == {"A 192.0.2.9", "TXT stays"}


def test_a_check_shows_the_difference_and_changes_nothing(
    recovery: Recovery, api: Api, instance: Instance, name: str
) -> None:
    mark = api.mark()
    names = named(instance, name)
    done = recovery.stage(dns_records, check_mode=True, names=names, state="failover")
    assert done["diff"][0]["before"] == "CNAME site.pages.dev, proxied\n"
    assert done["diff"][0]["after"] == "A 192.0.2.80, ttl 60\n"
    # The command that does it, from the first letter to the last.
    assert (done["outcome"]["exit_code"], done["outcome"]["next"]) == (0, f"{STEP}failover")
    page = recovery.stage(dns_records, check_mode=True, names=names, step="maintenance")
    assert page["outcome"]["next"] == f"{STEP}maintenance -e state=off"
    assert {call.split()[0] for call in api.calls(mark, "knowngood")} == {"GET"}


def test_dns_is_not_led_to_a_page_that_is_none(
    recovery: Recovery, api: Api, instance: Instance, name: str
) -> None:
    page: dict[str, Any] = {"state": "failover", "step": "maintenance", "page": "http://127.0.0.1:9/"}
    end = recovery.stage(dns_records, names=named(instance, name), **page)["outcome"]
    assert (end["exit_code"], "shows no maintenance page: connection refused" in end["message"]) == (10, True)
    assert records_of(api, instance, name) == {"CNAME site.pages.dev", "TXT stays"}
    assert recovery.shown() == {}
    end = recovery.stage(dns_records, names=[], **page)["outcome"]
    assert end["next"] == "declare maintenance (docs/recovery.md)"


def test_a_page_that_dns_leads_to_is_noted_until_dns_leads_back(
    recovery: Recovery, instance: Instance, name: str
) -> None:
    names = named(instance, name)
    on = recovery.stage(dns_records, names=names, state="failover", step="maintenance")
    assert on["outcome"]["exit_code"] == 0
    shown = recovery.shown()
    assert (shown["hosts"], shown["by"]) == ([name], "ann@ops")
    assert [record["content"] for record in shown["records"][name]] == ["192.0.2.80"]
    told = recovery.stage(recovery_check, names=names, shown=shown)
    assert told["outcome"]["exit_code"] == 16
    assert f"{name} leads to the maintenance page, since " in told["checks"][0]["detail"]
    assert told["outcome"]["message"].endswith("by ann@ops")
    assert told["outcome"]["next"] == f"{STEP}maintenance -e state=off"
    off = recovery.stage(dns_records, names=names, state="records", step="maintenance")
    assert off["outcome"]["exit_code"] == 0
    assert recovery.shown() == {}
    # A failover leads to a place where the application is, not to the page.
    recovery.stage(dns_records, names=names, state="failover")
    assert recovery.shown() == {}
    # What is declared is proxied, so that DNS alone would not show the difference.
    end = recovery.stage(recovery_check, names=names)["outcome"]
    assert (end["exit_code"], end["next"]) == (13, f"{STEP}failover -e state=off")
    assert end["message"].endswith(f"site-dns (dns); {name} leads to the other place")


@pytest.mark.parametrize("kind", ["reset", "error"])
def test_a_lost_answer_is_read_back(
    recovery: Recovery, api: Api, instance: Instance, name: str, kind: str
) -> None:
    api.fault({"kind": kind, "phase": "after", "count": 1, "match": {"method": "POST", "path": "/batch$"}})
    done = recovery.stage(dns_records, names=named(instance, name), state="failover")
    assert done["outcome"]["exit_code"] == 0
    assert records_of(api, instance, name) == {"A 192.0.2.80", "TXT stays"}


def test_what_cannot_be_done_is_refused_in_words(
    recovery: Recovery, instance: Instance, tmp_path: Path
) -> None:
    end = recovery.stage(dns_records, names=named(instance, "example.org", zone="example.org"))["outcome"]
    assert end["exit_code"] == 10
    assert "the account has no zone example.org: correct dns_zone" in end["details"][0]
    end = recovery.stage(dns_records, names=named(instance, f"x.{ZONE}", failover=[]), state="failover")[
        "outcome"
    ]
    assert "must be a list of records" in end["details"][0]
    (tmp_path / "no.json").write_text("{}")
    end = recovery.stage(dns_records, names=[], snapshot=str(tmp_path / "no.json"))["outcome"]
    assert (end["exit_code"], "is no snapshot of DNS records" in end["message"]) == (10, True)


def test_validation_names_who_says_something_else(
    recovery: Recovery, api: Api, instance: Instance, name: str
) -> None:
    recovery.stage(dns_records, names=named(instance, name), state="failover")
    done = recovery.stage(
        recovery_check, names=named(instance, name, records=[{**OTHER[0], "content": "192.0.2.1"}])
    )
    assert done["outcome"]["exit_code"] == 13
    assert "rollback" not in done["outcome"]["next"]
    (check,) = recovery.events(done, "check")
    assert (check["component"], check["check"], check["verdict"]) == ("site-dns", "dns", "fail")
    assert "(authority) says A 192.0.2.80, not A 192.0.2.1" in check["detail"]
    with resolving(instance.dns) as resolver:
        resolver.mute = True
        done = recovery.stage(recovery_check, names=named(instance, name, resolver.address, records=OTHER))
    assert done["outcome"]["exit_code"] == 16
    assert f"{resolver.address}: no answer within 2 s" in done["checks"][0]["detail"]


# --- the maintenance page


@pytest.fixture
def app(api: Api, instance: Instance, request: pytest.FixtureRequest) -> Iterator[str]:
    """A name that an application answers: everything by one Worker, a part of it by another one."""
    own = request.node.name.split("[")[0].replace("_", "-")[:50]
    host, routes = f"{own}.{ZONE}", f"/zones/{instance.zones[ZONE]}/workers/routes"
    for path, worker in (("/*", f"{own}-a"), ("/v1/*", f"{own}-b")):
        api.upload(worker, worker[-1], first=True)
        api("POST", routes, {"pattern": f"{host}{path}", "script": worker})
    upload_page(api, "page")
    yield host
    for route in api("GET", routes):
        api("DELETE", f"{routes}/{route['id']}")


def routes_of(api: Api, instance: Instance) -> dict[str, str]:
    return {
        item["pattern"]: item["script"]
        for item in api("GET", f"/zones/{instance.zones[ZONE]}/workers/routes")
    }


def status(instance: Instance, host: str, path: str = "/") -> int:
    return edge.get(instance, f"https://{host}{path}").status_code


def test_the_page_takes_over_every_route_and_gives_each_back(
    recovery: Recovery, api: Api, instance: Instance, app: str
) -> None:
    before = routes_of(api, instance)
    bare = f"bare-{app}"
    page: dict[str, Any] = {"worker": "page", "hosts": [app, bare]}
    on = recovery.stage(maintenance_page, state="on", **page)
    assert on["outcome"]["exit_code"] == 0, on["outcome"]
    assert [status(instance, app), status(instance, app, "/v1/x"), status(instance, bare)] == [503] * 3
    assert {check["component"] for check in recovery.events(on, "check")} == {app, bare}
    again = recovery.stage(maintenance_page, state="on", **page)
    assert (again["outcome"]["exit_code"], again["changed"]) == (0, False)
    # Another run, which knows only the ledger.
    off = recovery.stage(maintenance_page, state="off", **page)
    assert off["outcome"]["exit_code"] == 0, off["outcome"]
    assert routes_of(api, instance) == before
    assert [status(instance, app), status(instance, app, "/v1/x"), status(instance, bare)] == [200, 200, 530]
    assert recovery.stage(maintenance_page, state="off", **page)["changed"] is False


def test_routes_of_the_page_are_not_recorded(recovery: Recovery, api: Api, app: str) -> None:
    worker = app.split(".")[0] + "-a"
    health = {"not_applicable": "it is not asked here"}
    one = {"name": "shop", "kind": "worker", "target": worker, "follows": "always", "health": health}
    version = str(api.live(worker)["versions"][0]["version_id"])

    def config() -> str | None:
        """What a record of it, found not to work, names as its routes and crons."""
        run = new_run_id()
        Journal(recovery.runs, run, Redactor([])).write("outcome", exit_code=13)
        given: dict[str, Any] = {"components": [one], "identities": {"shop": {"version_id": version}}}
        done = recovery.stage(record, run=run, release="r1", **given)
        assert done["recorded"] == "r1", done
        found = recovery.ledger.view().release("r1")
        assert found
        return found.config

    assert (
        recovery.stage(maintenance_page, state="on", worker="page", hosts=[app])["outcome"]["exit_code"] == 0
    )
    assert config() is None
    recovery.stage(maintenance_page, state="off", worker="page", hosts=[app])
    assert config() is not None


def test_a_page_that_is_none_is_not_put_anywhere(
    recovery: Recovery, api: Api, instance: Instance, app: str
) -> None:
    api.upload("no-page", "200", first=True)
    before = routes_of(api, instance)
    for worker, said in (
        ("no-page", "has no workers.dev address"),
        ("nobody", "the account has no Worker nobody"),
    ):
        end = recovery.stage(maintenance_page, state="on", worker=worker, hosts=[app])["outcome"]
        assert end["exit_code"] == 10
        assert said in end["message"]
    upload_page(api, "wrong", "export default { fetch() { return new Response('x', {status: 503}); } };")
    end = recovery.stage(maintenance_page, state="on", worker="wrong", hosts=[app])["outcome"]
    assert "503, but without Retry-After" in end["message"]
    assert routes_of(api, instance) == before
    found = recovery.stage(recovery_check, names=[], maintenance={"worker": "wrong"})
    assert found["outcome"]["exit_code"] == 13


def test_without_a_ledger_the_file_of_the_run_leads_back(
    recovery: Recovery, api: Api, instance: Instance, app: str
) -> None:
    before = routes_of(api, instance)
    recovery.declared["ledger"] = {"backend": "none"}
    on = recovery.stage(maintenance_page, state="on", worker="page", hosts=[app])
    kept = Path(on["journal"]).with_name("routes.json")
    assert on["outcome"]["next"].endswith(f"-e state=off -e snapshot={kept}")
    end = recovery.stage(maintenance_page, state="off", worker="page", hosts=[app])["outcome"]
    assert end["exit_code"] == 10
    assert "-e snapshot=" in end["message"]
    off = recovery.stage(maintenance_page, state="off", worker="page", hosts=[app], snapshot=str(kept))
    assert off["outcome"]["exit_code"] == 0
    assert routes_of(api, instance) == before


def test_lost_answers_and_a_kill_in_between_end_in_the_same_place(
    recovery: Recovery, api: Api, instance: Instance, app: str
) -> None:
    before = routes_of(api, instance)
    api.fault({"kind": "reset", "phase": "after", "count": 2, "match": {"method": "PUT", "path": "/routes/"}})
    assert (
        recovery.stage(maintenance_page, state="on", worker="page", hosts=[app])["outcome"]["exit_code"] == 0
    )
    # As after a kill: one route is back already, the other is not, and the ledger still says that the page is shown.
    route = next(
        r for r in api("GET", f"/zones/{instance.zones[ZONE]}/workers/routes") if r["pattern"] == f"{app}/*"
    )
    api(
        "PUT",
        f"/zones/{instance.zones[ZONE]}/workers/routes/{route['id']}",
        {**route, "script": before[f"{app}/*"]},
    )
    assert (
        recovery.stage(maintenance_page, state="off", worker="page", hosts=[app])["outcome"]["exit_code"] == 0
    )
    assert routes_of(api, instance) == before


# --- the API is away


def test_a_run_waits_with_jitter_and_goes_on_when_the_api_answers(
    api: Api, client: Client, tmp_path: Path
) -> None:
    api.fault({"kind": "partition", "lease_seconds": 1.5})
    assert client.read("workers/scripts") is not None
    events = [json.loads(line) for line in (tmp_path / "run" / "journal.jsonl").read_text().splitlines()]
    pauses = [event["pause"] for event in events if event["event"] == "api.retry"]
    assert len(pauses) >= 2
    # Between half of the step and the whole of it, so that many runs do not come back at once.
    assert all(0.1 * 2**n <= pause <= 0.2 * 2**n for n, pause in enumerate(pauses, start=1)), pauses


def test_a_run_gives_up_when_its_patience_is_over(api: Api, instance: Instance, recovery: Recovery) -> None:
    recovery.declared["cloudflare"]["patience"] = 0.5  # type: ignore[index]
    api.fault({"kind": "partition", "lease_seconds": 30})
    end = recovery.stage(dns_records, names=named(instance, f"x.{ZONE}"))["outcome"]
    assert end["exit_code"] == 10
    assert "attempts)" in end["details"][0]
