"""Settings of two moments compared, told in words, and recognised again."""

from dataclasses import replace

from plugins.module_utils.cloudflare.settings import Difference, Settings, compare, fingerprint, in_words

THEN = Settings(
    routes=("app.example/* (app.example)",),
    domains=("www.app.example",),
    crons=("0 * * * *",),
    secrets=("KEY",),
    bindings=("kv_namespace STORE -> 1", "plain_text MODE"),
    migration="v1",
)


def test_a_difference_says_what_a_rollback_does_with_it() -> None:
    now = Settings(
        routes=("app.example/* (app.example)", "app.example/new/* (app.example)"),
        crons=("5 * * * *",),
        secrets=("KEY", "OTHER"),
        bindings=("kv_namespace STORE -> 2", "plain_text MODE"),
        migration="v2",
    )
    found = {difference.what: difference for difference in compare("auth", THEN, now)}
    assert found["route"] == Difference(
        "auth", "route", (), ("app.example/new/* (app.example)",), "by option"
    )
    assert (found["cron"].then, found["cron"].now, found["cron"].handled) == (
        ("0 * * * *",), ("5 * * * *",), "by option",
    )  # fmt: skip
    assert (found["domain"].then, found["domain"].handled) == (("www.app.example",), "stays")
    assert (found["secret"].now, found["secret"].handled) == (("OTHER",), "goes back with the version")
    assert found["binding"].now == ("kv_namespace STORE -> 2",)
    assert (found["migration"].then, found["migration"].now) == (("v1",), ("v2",))
    assert compare("auth", THEN, THEN) == []


def test_words_name_the_component_both_sides_and_the_end() -> None:
    (cron,) = compare("auth", THEN, replace(THEN, crons=("5 * * * *",)))
    assert in_words(cron) == (
        "auth: cron 0 * * * * is gone, cron 5 * * * * is new;"
        " a rollback leaves it so, unless asked to put it back"
    )
    (tag,) = compare("auth", replace(THEN, migration=None), THEN)
    assert in_words(tag) == "auth: Durable Object migration v1 is new; a rollback leaves it so"


def test_the_fingerprint_is_of_what_is_set_and_of_nothing_else() -> None:
    same = Settings.of_dict(THEN.as_dict())
    assert same == THEN
    mark = fingerprint({"auth": THEN, "site": Settings()})
    assert len(mark) == 12 and mark == fingerprint({"site": Settings(), "auth": same})
    assert mark != fingerprint({"auth": THEN, "site": Settings(crons=("0 0 * * *",))})


def test_settings_of_a_newer_tool_are_still_read() -> None:
    assert Settings.of_dict({"crons": ["0 0 * * *"], "unheard_of": 1}) == Settings(crons=("0 0 * * *",))
