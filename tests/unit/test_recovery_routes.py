"""The page takes every route of a name, and what was before the first one comes back."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils.recovery.routes import Route, Step, as_before, host_of, takeover, unknown

NAMES = ("a.example.com", "b.example.com", "example.com")
HOSTS = dict.fromkeys(NAMES[:2], "z")
PATTERNS = st.sampled_from(
    [
        f"{scheme}{name}{path}"
        for name in NAMES
        for path in ("/*", "/v1/*", "/v1")
        for scheme in ("", "https://")
    ]
)
SCRIPTS = st.sampled_from(["one", "two", "page", None])
ROUTES = st.lists(st.tuples(PATTERNS, SCRIPTS), unique_by=lambda route: route[0], max_size=8).map(
    lambda found: [Route("z", pattern, script, f"id{n}") for n, (pattern, script) in enumerate(found)]
)


def apply(routes: list[Route], steps: list[Step]) -> list[Route]:
    """What Cloudflare makes of the steps."""
    found = {route.pattern: route for route in routes}
    for step in steps:
        if step.keep:
            old = found.get(
                step.route.pattern, Route("z", step.route.pattern, None, f"new {step.route.pattern}")
            )
            found[step.route.pattern] = replace(old, script=step.script)
        else:
            del found[step.route.pattern]
    return sorted(found.values(), key=lambda route: route.pattern)


def plain(routes: list[Route]) -> list[tuple[str, str | None]]:
    return sorted((route.pattern, route.script) for route in routes)


@given(ROUTES)
def test_every_request_to_the_names_meets_the_page_and_then_as_before(routes: list[Route]) -> None:
    steps = takeover(routes, HOSTS, "page")
    shown = apply(routes, steps)
    for route in shown:
        assert (route.script == "page") or host_of(route.pattern) not in HOSTS
    assert {f"{name}/*" for name in HOSTS} <= {route.pattern for route in shown}
    assert takeover(shown, HOSTS, "page") == []
    # What led to the page already, did so before: it is not ours to take away.
    before = [step.route.as_dict() for step in steps]
    back = apply(shown, as_before(shown, before, "page"))
    assert plain(back) == plain(routes)
    assert as_before(back, before, "page") == []


@given(ROUTES)
def test_what_nobody_wrote_down_is_named_and_left_alone(routes: list[Route]) -> None:
    shown = apply(routes, takeover(routes, HOSTS, "page"))
    assert as_before(shown, [], "page") == []
    assert {route.pattern for route in unknown(shown, [], "page")} == {
        r.pattern for r in shown if r.script == "page"
    }


def test_the_words_of_a_step() -> None:
    assert Step(Route("z", "a/*", "one", "1"), "page").in_words() == "a/*: one -> page"
    assert Step(Route("z", "a/*", None), "page").in_words() == "a/*: no route -> page"
    assert Step(Route("z", "a/*", "page", "1"), None, keep=False).in_words() == "a/*: page -> no route"
    assert Step(Route("z", "a/*", None, "1"), "page").in_words() == "a/*: no Worker -> page"


def test_the_host_of_a_pattern() -> None:
    assert host_of("https://api.example.com/v1/*") == "api.example.com"
    assert host_of("api.example.com/*") == "api.example.com"
    assert host_of("*.example.com/*") == "*.example.com"
