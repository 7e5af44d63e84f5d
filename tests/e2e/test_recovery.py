"""recovery.yml as a person types it, and the break-glass card without any of it: curl and a shell."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dns.message
import dns.query
import pytest

from local_cloudflare.launch import start
from plugins.module_utils.stage import database_restore_plan
from tests.support import edge, receivers
from tests.support.environment import DATABASE, WORKERS, Environment, Run
from tests.support.notifying import CONTACTS
from tests.support.recovering import Recovery
from tests.support.seed import Seed
from tests.support.served import http, serving
from tests.support.stages import declared

ZONE = "mustbeviral.com"


@pytest.fixture(scope="module")
def environment(seed: Seed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """r1 and r2 are known to be good, r3 serves and throws. Every test leaves it so."""
    with start(seed.copy(tmp_path_factory.mktemp("recovery") / "state")) as instance:
        yield Environment(instance)


def status(environment: Environment, host: str) -> int:
    return edge.get(environment.instance, f"https://{host}/").status_code


def address(environment: Environment, name: str = ZONE) -> str:
    host, port = environment.instance.dns.rsplit(":", 1)
    answer = dns.query.udp(dns.message.make_query(name, "A"), host, port=int(port), timeout=5)
    return ", ".join(data.to_text() for rrset in answer.answer for data in rrset)


def routes(environment: Environment) -> dict[str, str]:
    listed = environment.api("GET", f"/zones/{environment.instance.zones[ZONE]}/workers/routes")
    return {route["pattern"]: route["script"] for route in listed}


def sql(environment: Environment, text: str) -> list[dict[str, object]]:
    (found,) = environment.api("GET", f"A/d1/database?name={DATABASE}")
    answers = environment.api("POST", f"A/d1/database/{found['uuid']}/query", {"sql": text})
    rows: list[dict[str, object]] = answers[-1]["results"]
    return rows


def test_without_a_step_it_says_what_could_be_done(environment: Environment) -> None:
    mark = environment.api.mark()
    run = environment.play("recovery.yml")
    assert run.code == 0, run.output
    assert environment.writes(mark) == []
    assert "serves r3; known to be good: r2, r1" in run.output
    assert "of 6 components keep their contract; not: auth-worker, content-worker, " in run.output
    for step in ("maintenance", "failover", "database", "configuration", "card"):
        assert f"ansible-playbook recovery.yml -i local -e step={step}\n" in run.output
    # What could do nothing has no command.
    assert "nobody is declared (contacts)" in run.output
    assert "step=escalate" not in run.output
    assert run.last_line.startswith("DONE: nothing was changed")


def test_the_maintenance_page_goes_on_and_off(environment: Environment) -> None:
    before = routes(environment)
    on = environment.play("recovery.yml", "-e", "step=maintenance")
    assert on.code == 0, on.output
    assert [status(environment, host) for host in (ZONE, f"www.{ZONE}", f"api.{ZONE}")] == [503] * 3
    *_, back, _ = on.output.rstrip().splitlines()
    assert back == "next     ansible-playbook recovery.yml -i local -e step=maintenance -e state=off"
    off = environment.play("recovery.yml", *back.split()[5:])
    assert off.code == 0, off.output
    assert routes(environment) == before
    # The lock is free, and nobody is left behind.
    assert not environment.processes()


def test_a_database_goes_back_only_with_consent(environment: Environment) -> None:
    sql(
        environment, "INSERT INTO items (id, title, created, updated) VALUES ('kept', 'kept', '2026', '2026')"
    )
    moment = datetime.now(UTC).isoformat(timespec="milliseconds")
    while datetime.now(UTC).isoformat(timespec="milliseconds") == moment:
        pass
    sql(
        environment,
        "UPDATE items SET title = 'spoilt', updated = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE id = 'kept'",
    )
    databases = [item for item in declared(environment)["databases"] if item["name"] == "content-db"]
    stages = Recovery(environment.instance, environment.runs)
    asked: dict[str, Any] = {"databases": databases, "moment": moment}
    refused = stages.stage(database_restore_plan, **asked)["outcome"]
    assert refused["exit_code"] == 10
    assert any("content-db: would lose up to 1 row" in line for line in refused["details"])
    assert sql(environment, "SELECT title FROM items WHERE id = 'kept'") == [{"title": "spoilt"}]
    (hash_,) = re.findall(r"accept_loss=([0-9a-f]{12})", refused["next"])
    needs = {"data_loss": True}
    alone = stages.stage(database_restore_plan, **asked, accept_loss=hash_, require_approval=needs)["outcome"]
    assert (alone["exit_code"], "needs an approval" in alone["message"]) == (10, True)
    for wrong, said in (("noon", "no time in ISO 8601"), ("2026-11-27T06:00:00", "has no time zone")):
        assert (
            said
            in stages.stage(database_restore_plan, databases=databases, moment=wrong)["outcome"]["message"]
        )
    never = stages.stage(database_restore_plan, databases=databases)["outcome"]
    assert "say which one with -e moment=" in never["details"][0]

    environment.serve("r2")
    try:
        variables = f"step=database moment={moment} accept_loss={hash_}"
        done = environment.play("recovery.yml", "--limit", "content-db:content-worker", "-e", variables)
        assert done.code == 0, done.output
        assert sql(environment, "SELECT title FROM items WHERE id = 'kept'") == [{"title": "kept"}]
        assert "to take that back: ansible-playbook rollback.yml -i local -e undo=" in done.output
    finally:
        environment.serve("r3")


def blocks(card: str, heading: str) -> list[str]:
    """The calls under the headings that begin so."""
    sections = re.split(r"^## ", card, flags=re.MULTILINE)[1:]
    text = "".join(section for section in sections if section.startswith(heading))
    return re.findall(r"```bash\n(.*?)```", text, flags=re.DOTALL)


def bash(environment: Environment, script: str) -> None:
    """With curl and a shell alone."""
    done = subprocess.run(
        ["bash", "-c", script],
        env={"PATH": os.defpath, "CLOUDFLARE_API_TOKEN": environment.instance.api_token},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"


def test_the_card_alone_brings_the_good_release_back(environment: Environment, seed: Seed) -> None:
    """The card that record.yml wrote when r2 was recorded; only the address is another one now."""
    card = (seed.path.with_name(f"{seed.path.name}-runs") / "local" / "break-glass.md").read_text()
    assert "for the release **r2**" in card
    assert environment.instance.api_token not in card
    card = re.sub(r"http://127\.0\.0\.1:\d+/client/v4", environment.instance.api_url, card)
    calls = blocks(card, "Code: all of it back to r2")
    assert len(calls) == 6
    for call in calls:
        bash(environment, call)
    assert environment.live() == environment.versions("r2")
    assert status(environment, f"auth.{ZONE}") != 500

    before = routes(environment)
    for call in blocks(card, "Maintenance page: on"):
        bash(environment, call)
    assert [status(environment, host) for host in (ZONE, f"www.{ZONE}", f"api.{ZONE}")] == [503] * 3
    for call in blocks(card, "Maintenance page: off"):
        bash(environment, call)
    assert routes(environment) == before

    assert address(environment) == "127.0.0.1"
    for call in blocks(card, f"DNS: {ZONE} to the other place"):
        bash(environment, call)
    assert address(environment) == "127.0.0.2"
    for call in blocks(card, f"DNS: {ZONE} back"):
        bash(environment, call)
    assert address(environment) == "127.0.0.1"

    sql(environment, "DELETE FROM d1_migrations")
    for call in blocks(card, "Data: content-db"):
        bash(environment, call)
    assert len(sql(environment, "SELECT name FROM d1_migrations")) == 2
    environment.serve("r3")


def following(run: Run) -> list[str]:
    """The arguments of the command that the run names as the next."""
    *_, line, _ = run.output.rstrip().splitlines()
    name, *arguments = line.removeprefix("next     ansible-playbook ").split()
    assert (name, arguments[:2]) == ("recovery.yml", ["-i", "local"]), line
    return arguments[2:]


def test_a_failover_goes_there_and_back_by_the_commands_that_it_names(environment: Environment) -> None:
    mark = environment.api.mark()
    check = environment.play("recovery.yml", "-e", "step=failover", "--check")
    assert (check.code, environment.writes(mark)) == (0, []), check.output
    assert following(check) == ["-e", "step=failover"]
    there = environment.play("recovery.yml", *following(check))
    assert there.code == 0, there.output
    assert address(environment) == "127.0.0.2"
    assert "everybody who was asked says so" in there.last_line
    assert following(there) == ["-e", "step=failover", "-e", "state=off"]
    back = environment.play("recovery.yml", *following(there))
    assert back.code == 0, back.output
    assert address(environment) == "127.0.0.1"


def test_maintenance_by_dns(environment: Environment) -> None:
    """No Worker is declared: names lead to a page elsewhere."""
    before = routes(environment)
    records = {"site-dns": [{"type": "A", "content": "127.0.0.3", "ttl": 60}]}
    page = http(503, b"back soon", "Retry-After: 60\r\n")
    with serving(lambda number: (0, page)) as server:
        declared = ("-e", json.dumps({"maintenance": {"url": server.url, "records": records}}))
        on = environment.play("recovery.yml", *declared, "-e", "step=maintenance")
    assert on.code == 0, on.output
    assert (address(environment), routes(environment)) == ("127.0.0.3", before)
    told = environment.play("recovery.yml", *declared)
    assert f"{ZONE}: ON NOW, A 127.0.0.3, ttl 60, since " in told.output, told.output
    assert following(on) == ["-e", "step=maintenance", "-e", "state=off"]
    off = environment.play("recovery.yml", *declared, *following(on))
    assert off.code == 0, off.output
    assert address(environment) == "127.0.0.1"


def test_the_configuration_comes_back_after_the_maintenance_page(environment: Environment) -> None:
    """While the page is shown, it is said to be why nothing is proved, nothing waits, and its routes stay its own."""
    crons = f"A/workers/scripts/{WORKERS['auth-worker']}/schedules"
    before = environment.api("GET", crons)["schedules"]
    route = f"route api.{ZONE}/* ({ZONE})"
    try:
        assert environment.play("recovery.yml", "-e", "step=maintenance").code == 0
        back = environment.play("rollback.yml", "-e", "put_back=route")
        assert back.code == 16, back.output
        (plan,) = [event for event in back.events if event["event"] == "plan"]
        (stays,) = plan["stays"]
        assert stays.startswith(f"api-gateway: {route} leads to the maintenance page, since ")
        tried = {event["component"]: event for event in back.events if event["event"] == "rehearsed"}
        assert {name for name, event in tried.items() if event["verdict"] != "pass"} == {"api-gateway"}
        assert "the maintenance page answers for it" in tried["api-gateway"]["why"]
        asked = [event for event in back.events if event["event"] == "probe" and event.get("unseen")]
        assert "api-gateway" not in {event["component"] for event in asked}
        assert f"api-gateway: {route} not put back: the maintenance page is there" in back.output
        status_ = environment.play("status.yml")
        assert f"local serves r2; the maintenance page is on api.{ZONE}, {ZONE}, " in status_.last_line
        environment.api("PUT", crons, [{"cron": "7 7 * * *"}])
        shown = environment.play("recovery.yml", "-e", "step=configuration")
        assert shown.code == 16, shown.output
        assert "the maintenance page answers for api-gateway, site, since " in shown.last_line
        assert "auth-worker: cron put back as recorded" in shown.output
        assert following(shown) == ["-e", "step=maintenance", "-e", "state=off"]
        assert environment.play("recovery.yml", *following(shown)).code == 0
        done = environment.play("recovery.yml", "-e", "step=configuration")
        assert done.code == 0, done.output
        assert done.last_line.startswith("DONE: local serves r2; 6 of 6 components")
        validated = environment.play("validate.yml", "--tags", "quick")
        assert validated.code == 0, validated.output
        headers = [event for event in validated.events if event.get("check") == "headers"]
        assert len(headers) == 6
        assert all(event["detail"].endswith("in force, as when r2 was recorded") for event in headers)
        after = environment.api("GET", crons)["schedules"]
        assert [each["cron"] for each in after] == [each["cron"] for each in before]
    finally:
        environment.serve("r3")


def test_a_step_tells_people_what_it_is_and_escalation_calls_everybody(environment: Environment) -> None:
    with receivers.http(receivers.slack) as chat:
        slack = {"token": "canary00-token", "channel": "#i", "api_url": chat.url}
        told = json.dumps({"notifications": {"slack": slack}, "contacts": CONTACTS})
        run = environment.play(
            "recovery.yml", "-e", told, "-e", "step=escalate", "-e", "reason='two rollbacks failed'"
        )
        assert run.code == 0, run.output
        said = [request.json["text"] for request in chat.requests]
    assert "a step of recovery has begun: escalate" in said[0]
    assert not any("a rollback has begun" in text for text in said)
    for contact in CONTACTS:
        assert any(f"<@{contact['to']}>" in text and "two rollbacks failed" in text for text in said), said
    assert "3 contact(s) of local are being called" in run.last_line
    assert not environment.processes()
