"""The page of a real run in a real browser, offline; the same bytes again; the record that cannot be disputed."""

from __future__ import annotations

import hashlib
import json
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from local_cloudflare.launch import start
from plugins.module_utils.ledger.directory import Directory
from plugins.module_utils.ledger.ledger import Ledger
from tests.support.browser import Browser, NoBrowser, Page, started
from tests.support.environment import ROOT, Environment, Run
from tests.support.seed import Seed

EVIL = "<script>document.title='taken'</script> & \u202eright to left\u202c <img src=x onerror=alert(1)>"
SAID: dict[str, Any] = {
    "reason": EVIL,
    "detected_by": "the night shift",
    "evidence": "https://alerts.example/7",
    "detected": "2026-11-24T21:30:00Z",
    "owner": "DevOps/SRE",
    "dashboards": {"Grafana": "https://grafana.example/d/1?from={from_ms}&to={to_ms}"},
}
# Each in its own width and colours: a desk, a phone, the night.
VIEWS: dict[str, dict[str, Any]] = {
    "desk": {"width": 1440},
    "phone": {"width": 390, "phone": True},
    "dark": {"width": 1440, "dark": True},
}


@pytest.fixture(scope="module")
def environment(seed: Seed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    with start(seed.copy(tmp_path_factory.mktemp("page") / "state")) as instance:
        yield Environment(instance)


@pytest.fixture(scope="module")
def run(environment: Environment) -> Run:
    done = environment.play("rollback.yml", "-e", json.dumps(SAID))
    assert done.code == 0, done.output
    return done


@pytest.fixture(scope="module")
def report(run: Run) -> Path:
    assert run.journal is not None
    return run.journal.parent / "report"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    try:
        with started(tmp_path_factory.mktemp("browser")) as found:
            yield found
    except NoBrowser as error:
        pytest.skip(f"no browser can run here: {error}")


@pytest.fixture(scope="module")
def pages(browser: Browser, report: Path) -> dict[str, Page]:
    return {name: browser.open((report / "incident.html").as_uri(), **view) for name, view in VIEWS.items()}


@pytest.mark.parametrize("view", VIEWS)
def test_it_opens_without_an_error_and_asks_for_nothing(
    pages: dict[str, Page], report: Path, view: str
) -> None:
    page = pages[view]
    assert [event["request"]["url"] for event in page.told("Network.requestWillBeSent")] == [
        (report / "incident.html").as_uri()
    ]
    for kind in ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
        assert page.told(kind) == []


@pytest.mark.parametrize("view", VIEWS)
def test_it_fits_its_width(pages: dict[str, Page], view: str) -> None:
    width = VIEWS[view]["width"]
    assert pages[view].run("[document.documentElement.scrollWidth, document.body.scrollWidth]") == [
        width,
        width,
    ]
    # A table may scroll within itself; nothing else reaches out.
    out = pages[view].run(
        """[...document.querySelectorAll('body *')].filter(each => {
             const box = each.getBoundingClientRect();
             return box.width && box.right > innerWidth + 1 && !each.closest('.scroll');
           }).map(each => each.outerHTML.slice(0, 80))"""
    )
    assert out == []


@pytest.mark.parametrize("view", VIEWS)
def test_every_mark_of_the_drawing_is_within_it(pages: dict[str, Page], view: str) -> None:
    marks = pages[view].run(
        """[...document.querySelectorAll('svg')].map(drawing => {
             const frame = drawing.getBoundingClientRect();
             const marks = [...drawing.querySelectorAll('rect, circle, text')];
             return [marks.length, marks.filter(each => {
               const box = each.getBoundingClientRect();
               return box.left < frame.left - 1 || box.right > frame.right + 1
                 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1;
             }).map(each => each.outerHTML.slice(0, 90))];
           })"""
    )
    assert len(marks) == 2
    assert all(count > 5 for count, _ in marks)
    assert [outside for _, outside in marks] == [[], []]


# WCAG 2.2, 1.4.3: 4.5 to 1, and 3 to 1 for large letters.
_CONTRAST = """(() => {
  const parse = text => { const n = text.match(/[\\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, place) => sum + v * [0.2126, 0.7152, 0.0722][place], 0);
  const behind = each => {
    for (let at = each; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour[3] === 1) return colour;
    }
    return [255, 255, 255, 1];
  };
  const weak = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const each = node.parentElement, style = getComputedStyle(each);
    if (!node.data.trim() || !each.getClientRects().length || each.closest('title')) continue;
    const ink = parse(each.closest('svg') ? style.fill : style.color), size = parseFloat(style.fontSize);
    const [high, low] = [light(ink), light(behind(each))].sort((a, b) => b - a);
    const large = size >= 24 || (size >= 18.66 && parseInt(style.fontWeight) >= 700);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < (large ? 3 : 4.5)) weak.push(`${ratio.toFixed(2)} ${node.data.trim().slice(0, 40)}`);
  }
  return weak;
})()"""


@pytest.mark.parametrize("view", VIEWS)
def test_letters_stand_out_from_what_is_behind_them(pages: dict[str, Page], view: str) -> None:
    assert pages[view].run(_CONTRAST) == []


def test_the_night_is_dark(pages: dict[str, Page]) -> None:
    behind = "getComputedStyle(document.body).backgroundColor"
    lights = {name: sum(map(int, re.findall(r"\d+", page.run(behind)))) for name, page in pages.items()}
    assert lights["dark"] < 120 < 600 < lights["desk"]


def test_who_does_not_see_it_can_read_it(pages: dict[str, Page]) -> None:
    page = pages["desk"]
    assert page.run("document.documentElement.lang") == "en"
    levels = page.run("[...document.querySelectorAll('h1,h2,h3,h4')].map(each => Number(each.tagName[1]))")
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    for question in (
        "[...document.querySelectorAll('svg')].every(each => each.getAttribute('role') === 'img'"
        " && each.getAttribute('aria-label').length > 10)",
        "[...document.querySelectorAll('th')].every(each => ['col', 'row'].includes(each.scope))",
        "[...document.querySelectorAll('.box')].every(each => ['done', 'open'].includes(each.ariaLabel))",
        "document.querySelectorAll('main').length === 1 && !!document.querySelector('nav').ariaLabel",
        "[...document.links].every(each => each.textContent.trim().length > 1)",
    ):
        assert page.run(question), question


def test_what_others_wrote_is_shown_and_does_nothing(pages: dict[str, Page]) -> None:
    page = pages["desk"]
    assert page.run("document.title").startswith("local: rolled back")
    assert page.run("[document.scripts.length, document.images.length]") == [0, 0]
    shown = page.run("document.body.innerText")
    assert "<script>document.title='taken'</script> & " in shown
    assert not set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069") & set(shown)


def test_dashboards_open_at_the_time_of_the_incident(pages: dict[str, Page]) -> None:
    [link] = pages["desk"].run(
        "[...document.links].filter(each => each.protocol === 'https:').map(each => each.href)"
    )
    begins, ends = map(int, re.findall(r"=(\d+)", link))
    around = 15 * 60 * 1000
    assert begins == datetime.fromisoformat(SAID["detected"]).timestamp() * 1000 - around
    assert ends > begins + 2 * around
    assert link == SAID["dashboards"]["Grafana"].format(from_ms=begins, to_ms=ends)


def test_all_sections_are_printed(pages: dict[str, Page]) -> None:
    titles = pages["desk"].run("[...document.querySelectorAll('h2')].map(each => each.textContent)")
    printed = pages["desk"].pdf()
    outline = [found.decode("latin-1") for found in re.findall(rb"/Title \(((?:[^()\\]|\\.)*)\)", printed)]
    assert len(titles) > 15
    assert {title.upper() for title in titles} <= {line.replace("\\", "").upper() for line in outline}


# --- the record


def hashes(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def knowngood(environment: Environment, *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("knowngood")), *arguments]
    environ = environment.environ()
    return subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120, check=False, **more
    )


def test_the_report_of_a_real_run_is_the_same_bytes_again(
    environment: Environment, run: Run, report: Path, tmp_path: Path
) -> None:
    # Another place, another time zone, another language: nothing of it may show.
    assert run.journal is not None
    copy = tmp_path / "elsewhere" / run.journal.parent.name / "journal.jsonl"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(run.journal.read_bytes())
    environ = {**environment.environ(), "TZ": "Pacific/Auckland", "LC_ALL": "C", "PYTHONHASHSEED": "7"}
    command = [sys.executable, "-m", "knowngood", "report", str(copy), "--to", str(tmp_path / "again")]
    subprocess.run(command, cwd=ROOT, env=environ, check=True, capture_output=True, timeout=60)
    assert hashes(tmp_path / "again") == hashes(report)
    assert len(hashes(report)) == 5


def test_a_disk_that_is_full_costs_the_files_that_do_not_fit_and_no_other(
    environment: Environment, run: Run, tmp_path: Path
) -> None:
    assert run.journal is not None
    before = tmp_path / "report"
    before.mkdir()
    (before / "incident.html").write_text("the one of before")
    # No file may grow beyond this: what a full disk says, to one process.
    done = knowngood(
        environment,
        "report",
        str(run.journal),
        "--to",
        str(before),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192)),
    )
    assert done.returncode == 10
    assert "incident.html was not written: " in done.stderr
    assert "Traceback" not in done.stderr
    assert (before / "incident.html").read_text() == "the one of before"
    assert {"incident.txt", "review.ics"} <= {path.name for path in before.iterdir()}
    assert not [path for path in before.iterdir() if path.name.startswith(".")]


def test_the_ledger_keeps_the_hash_of_the_journal(environment: Environment, run: Run) -> None:
    assert run.journal is not None
    ledger = Ledger(Directory(str(environment.instance.state / "ledger" / "local")), by="a test")
    [end] = [entry.body for entry in ledger.entries() if entry.kind == "end"]
    noted = end["journal"]
    lines = run.journal.read_bytes().splitlines(keepends=True)
    assert noted["head"] == hashlib.sha256(lines[noted["records"] - 1]).hexdigest()
    assert any(json.loads(line)["event"] == "outcome" for line in lines[: noted["records"]])
    done = knowngood(environment, "verify", run.journal.parent.name, "-i", "local")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"INTACT: all up to record {noted['records']}" in done.stdout


def test_the_first_record_says_what_the_run_was_made_with(run: Run, report: Path) -> None:
    begin = run.events[0]
    assert begin["inventory"] == ["local"]
    told = json.loads((report / "incident.json").read_text())
    made_with = ("version", "tool_hash", "inventory_hash", "runbook", "runbook_reviewed")
    assert told["versions"] == {name: begin[name] for name in made_with}
    assert (told["owner"], told["source"], told["by"]) == ("DevOps/SRE", "the night shift", begin["operator"])
    assert any("passed the" in line for line in told["evidence"])
