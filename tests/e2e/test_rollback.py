"""The main job, typed as a person types it (S2, S5, S28, S34-S40)."""

import json

import pytest

from tests.support.environment import PROJECT, WORKERS, Environment

AUTH = WORKERS["auth-worker"]


def test_the_whole_set_goes_back_and_is_proved(environment: Environment) -> None:
    good = environment.versions("r2")
    run = environment.play("rollback.yml")
    assert run.code == 0, run.output
    assert environment.live() == good
    assert run.last_line.startswith("DONE: local serves r2; 6 of 6 components and 1 database checked")
    assert "next     ansible-playbook status.yml -i local" in run.output
    assert [event["stage"] for event in run.events if event["event"] == "stage.end"] == [
        "plan",
        "databases",
        "before",
        "rehearse",
        "switch",
        "databases.check",
        "validate",
        "flows",
    ]
    probes = {event["component"]: event for event in run.events if event["event"] == "probe"}
    assert set(probes) == {*WORKERS, "site"}


def test_the_modules_do_the_same_without_the_actions(environment: Environment) -> None:
    good = environment.versions("r2")
    run = environment.play("rollback.yml", actions=False)
    assert run.code == 0, run.output
    assert environment.live() == good
    refused = environment.play("rollback.yml", "-e", "release=r9", actions=False)
    assert refused.code == 10
    assert "REFUSED: there is no release 'r9'" in refused.last_line


def test_the_second_run_changes_nothing_and_says_so(environment: Environment) -> None:
    assert environment.play("rollback.yml").code == 0
    before, bookmark = environment.live(), environment.bookmark()
    mark = environment.api.mark()
    run = environment.play("rollback.yml")
    assert run.code == 0, run.output
    assert "nothing to do" in run.last_line
    assert environment.writes(mark) == []
    assert (environment.live(), environment.bookmark()) == (before, bookmark)


def test_check_shows_the_plan_and_touches_nothing(environment: Environment) -> None:
    before, bookmark = environment.live(), environment.bookmark()
    mark = environment.api.mark()
    run = environment.play("rollback.yml", "--check", "--diff")
    assert run.code == 0, run.output
    for component in (*WORKERS, "site"):
        assert f"{component} " in run.output
    assert "only a check, nothing was changed" in run.last_line
    assert environment.writes(mark) == []
    assert (environment.live(), environment.bookmark()) == (before, bookmark)


def test_durable_objects_get_their_code_at_once(environment: Environment) -> None:
    assert environment.play("rollback.yml").code == 0
    live = environment.api.live(WORKERS["websocket-worker"])
    assert live["code_update_strategy"]["mode"] == "immediate"
    assert "back to r2" in live["annotations"]["workers/message"]


def test_a_limit_moves_only_what_it_names_and_says_so(environment: Environment) -> None:
    before = environment.live()
    run = environment.play("rollback.yml", "--limit", "auth-worker")
    assert run.code == 0, run.output
    assert "the set is incomplete" in run.last_line
    assert environment.live() == {**before, AUTH: environment.versions("r2")[AUTH]}


def test_the_site_alone_goes_to_the_release_of_the_others(environment: Environment) -> None:
    run = environment.play("rollback.yml", "--limit", "site")
    assert run.code == 0, run.output
    assert environment.live()[PROJECT] == environment.versions("r2")[PROJECT]
    assert environment.play("validate.yml", "--limit", "site", "--tags", "quick").code == 0


def test_a_release_that_is_named(environment: Environment) -> None:
    run = environment.play("rollback.yml", "-e", "release=r1")
    assert run.code == 0, run.output
    assert environment.live() == environment.versions("r1")


def test_an_unknown_release_is_refused_with_the_candidates(environment: Environment) -> None:
    before = environment.live()
    run = environment.play("rollback.yml", "-e", "release=r9")
    assert run.code == 10
    assert "REFUSED: there is no release 'r9'" in run.last_line
    assert """ansible-playbook rollback.yml -i local -e '{"release": "r2"}'""" in run.output
    assert environment.live() == before


def test_versions_that_are_named(environment: Environment) -> None:
    before = environment.live()
    old = environment.versions("r1")[AUTH]
    run = environment.play(
        "rollback.yml", "-e", json.dumps({"versions": {"auth-worker": old}, "validate_seconds": 1})
    )
    assert environment.live() == {**before, AUTH: old}
    # The others still throw, so what was asked for is done, and not proved.
    assert run.code in (0, 13), run.output


def test_a_target_that_fails_unseen_is_refused_and_withdrawn(environment: Environment) -> None:
    environment.serve("r2")
    before = environment.live()
    run = environment.play("rollback.yml", "-e", "release=r3", "-e", "rehearse_seconds=1")
    assert run.code == 10, run.output
    assert "the target itself fails" in run.last_line
    assert environment.live() == before
    for script in WORKERS.values():
        assert len(environment.api.live(script)["versions"]) == 1


def test_a_target_that_fails_can_be_forced(environment: Environment) -> None:
    environment.serve("r2")
    arguments = ("-e", "release=r3", "-e", "rehearse=false", "-e", "validate_seconds=1")
    run = environment.play("rollback.yml", *arguments)
    assert run.code == 13, run.output
    assert run.last_line.startswith("VALIDATION FAILED: the set is at r3, but local: ")
    assert environment.live() == environment.versions("r3")


@pytest.mark.soak
def test_the_cli_of_wrangler_gives_the_same_result(environment: Environment) -> None:
    """The CLI starts Node for each of some hundred calls; test_secrets.py has two components move by it."""
    good = environment.versions("r2")
    run = environment.play("rollback.yml", "-e", "cloudflare_transport=wrangler")
    assert run.code == 0, run.output
    assert environment.live() == good
    assert any(event["event"] == "wrangler" for event in run.events)


def test_a_changed_secret_needs_a_word(environment: Environment) -> None:
    environment.api(
        "PUT", f"A/workers/scripts/{AUTH}/secrets", {"name": "JWT_SECRET", "text": "x", "type": "secret_text"}
    )
    before = environment.live()
    run = environment.play("rollback.yml")
    assert run.code == 10, run.output
    assert "JWT_SECRET" in run.last_line
    assert "-e accept_secret_change=true" in run.output
    assert environment.live() == before
    accepted = environment.play("rollback.yml", "-e", "accept_secret_change=true")
    assert accepted.code == 0, accepted.output
    assert environment.live() == environment.versions("r2")


def test_status_says_what_is_live_and_what_does_not_fit(environment: Environment) -> None:
    environment.api.deploy(AUTH, environment.versions("r2")[AUTH], force=True)
    run = environment.play("status.yml")
    assert run.code == 0, run.output
    assert run.last_line == "DONE: local serves r3, except auth-worker"
    assert "is not of r3" in run.output


def test_validate_proves_a_good_release_and_not_a_bad_one(environment: Environment) -> None:
    bad = environment.play("validate.yml", "--tags", "quick", "-e", "validate_seconds=1")
    assert bad.code == 13, bad.output
    assert "auth-worker" in bad.last_line
    environment.serve("r2")
    good = environment.play("validate.yml", "--tags", "quick")
    assert good.code == 0, good.output
    assert good.last_line.startswith("DONE: local serves r2; 6 of 6 components and 1 database checked")


def test_pages_is_read_back(environment: Environment) -> None:
    environment.serve("r2")
    run = environment.play("status.yml")
    assert PROJECT in environment.live()
    assert "DONE: local serves r2" in run.last_line
