"""The forms of the report: the runbook's layout, pages that nobody's text can break, the same bytes again."""

from __future__ import annotations

import json
import re
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
import runs

from knowngood.__main__ import main
from plugins.module_utils.report.ics import ics_of
from plugins.module_utils.report.markdown import markdown_of
from plugins.module_utils.report.model import incident_of
from plugins.module_utils.report.page import page_of
from plugins.module_utils.report.seal import NotUsable, close, load_or_make_key, verify
from plugins.module_utils.report.text import text_of
from plugins.module_utils.report.write import json_of, write_all

NAMES = {"incident.html", "incident.md", "incident.json", "incident.txt", "review.ics"}
# What somebody may write into a reason, an error message or a name.
EVIL = (
    "<script>alert(1)</script> | `x` [a](http://e.vil) ![i](http://e.vil/p.png) <img src=x>\n"
    "# head {{ 7*7 }} \x1b[31m\u202e"
)
LAYOUT = r"""PRODUCTION INCIDENT REPORT
==========================
Incident ID: \S+
Time: (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|not known)
Severity: (CRITICAL|HIGH|MEDIUM|LOW)
Status: (INVESTIGATING|MITIGATING|RESOLVED)

SUMMARY:
- What went wrong: .+
- Impact: .+
- Rollback status: (COMPLETED|IN-PROGRESS|FAILED)

TIMELINE:
- (\S+Z|not known) Issue detected
- (\S+Z|not known) Rollback initiated
- (\S+Z|not known) Rollback completed
- (\S+Z|not known) Service restored

CURRENT STATUS:
- Application: (HEALTHY|DEGRADED|DOWN|UNKNOWN)
- Database: (HEALTHY|DEGRADED|DOWN|UNKNOWN)
- External Services: (HEALTHY|DEGRADED|DOWN|UNKNOWN)

NEXT STEPS:
- \[[ x]\] Complete service validation
- \[[ x]\] Root cause analysis
- \[[ x]\] Communication to stakeholders
"""


def evil() -> list[runs.Event]:
    """A run in which everything that others can write is evil."""
    return [
        *runs.begun(moves=[runs.move("auth-worker", from_label=EVIL), runs.move("site")], live_release=EVIL),
        (0.95, "incident.opened", {"reason": EVIL, "source": EVIL, "commander": EVIL}),
        (0.96, "trigger.evidence", {"component": EVIL, "check": EVIL, "verdict": "fail", "detail": EVIL}),
        (0.97, "trigger.finding", {"says": EVIL, "helps": "unknown"}),
        *runs.goal(reason=EVIL, approved_by=EVIL),
        *runs.switched(site=EVIL)[:5],
        (2.0, "api", {"method": "POST", "path": EVIL, "status": 500, "ray": EVIL, "seconds": 1.0}),
        *runs.validated(site=EVIL),
        *runs.ended(13, EVIL, EVIL),
    ]


class Page(HTMLParser):
    """The tags of a page, and everything that would be fetched."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)
        self.links += [
            value or "" for name, value in attrs if name in ("href", "src", "xlink:href", "action")
        ]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


RUNS = {
    "good": runs.good(),
    "killed": runs.good()[:12],
    "refused": [*runs.begun(), *runs.ended(10, "nothing was changed: no target")],
    "evil": evil(),
    "with data": [
        *runs.begun(),
        runs.database("rewind", runs.loss(4)),
        *runs.goal(),
        *runs.database_moved("rewind", runs.loss(4), kept=("/srv/kept/a.csv",)),
        *runs.switched(),
        *runs.validated(),
        *runs.ended(0, "done"),
    ],
}


@pytest.mark.parametrize("name", RUNS)
def test_the_text_is_the_runbooks_layout_line_by_line(tmp_path: Path, name: str) -> None:
    text = text_of(incident_of(runs.told(tmp_path, RUNS[name])))
    assert re.fullmatch(LAYOUT, text), text


@pytest.mark.parametrize("name", RUNS)
def test_the_page_stands_alone_and_is_well_formed(tmp_path: Path, name: str) -> None:
    page = page_of(incident_of(runs.told(tmp_path, RUNS[name])))
    found = Page(page)
    assert found.open == []
    assert not {"script", "link", "img", "iframe", "object"} & set(found.tags)
    assert all(link.startswith("#") and link[1:] in found.ids for link in found.links)
    assert "url(" not in page
    assert "@import" not in page


@pytest.mark.parametrize("name", ["good", "killed", "with data"])
def test_the_page_says_first_what_happened_whether_it_is_over_and_what_is_next(
    tmp_path: Path, name: str
) -> None:
    page = page_of(incident_of(runs.told(tmp_path, RUNS[name])))
    places = [page.index(words) for words in ("<h1>", "What happened", "Is it over?", "What next", "<svg")]
    assert places == sorted(places)


def test_nobodys_text_becomes_markup(tmp_path: Path) -> None:
    incident = incident_of(runs.told(tmp_path, evil()))
    page, markdown, text = page_of(incident), markdown_of(incident), text_of(incident)
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "49" not in re.findall(r"head (\S+)", page)
    for form in (page, markdown, text, ics_of(incident)):
        assert "\x1b" not in form
        assert "\u202e" not in form
    outside_code = re.sub(r"(`+).*?\1|^    .*$", "", re.sub(r"\\.", "", markdown), flags=re.MULTILINE)
    assert "<script>" not in outside_code
    assert "](http" not in outside_code
    widths = [
        line.replace("\\|", "").count("|")
        for line in markdown.splitlines()
        if line.startswith("| auth-worker")
    ]
    head = next(line for line in markdown.splitlines() if line.startswith("| component | from"))
    assert widths[0] == head.count("|")


def test_a_link_is_a_link_and_nothing_else(tmp_path: Path) -> None:
    name, url = "Errors](http://e.vil) <b>", 'https://x.example/a b)"><script>\n?t={from}'
    opened = (0.1, "incident.opened", {"dashboards": {name: url}})
    incident = incident_of(runs.told(tmp_path, [runs.good()[0], opened, *runs.good()[1:]]))
    page, markdown = page_of(incident), markdown_of(incident)
    found = Page(page)
    outside = [link for link in found.links if not link.startswith("#")]
    assert len(outside) == 1
    assert outside[0].startswith('https://x.example/a b)"><script>')
    assert "script" not in found.tags
    line = next(line for line in markdown.splitlines() if "x.example" in line)
    assert re.fullmatch(r"- \[Errors\\\]\(http://e\.vil\) \\<b\\>\]\(https://x\.example/[^() <>]+\)", line), (
        line
    )


def test_calendar_lines_are_folded_and_its_text_is_escaped(tmp_path: Path) -> None:
    calendar = ics_of(incident_of(runs.told(tmp_path, evil())))
    lines = calendar.split("\r\n")
    assert all(len(line.encode()) <= 75 for line in lines)
    assert "\n" not in calendar.replace("\r\n", "")
    whole = calendar.replace("\r\n ", "").split("\r\n")
    assert (whole[0], whole[-2]) == ("BEGIN:VCALENDAR", "END:VCALENDAR")
    told = dict(line.split(":", 1) for line in whole if ":" in line)
    begins = datetime.strptime(told["DTSTART"], "%Y%m%dT%H%M%SZ")
    ends = datetime.strptime(told["DTEND"], "%Y%m%dT%H%M%SZ")
    assert (begins.isoformat(), (ends - begins).total_seconds()) == ("2026-03-03T11:00:00", 3600)


@pytest.mark.parametrize("name", RUNS)
def test_the_same_journal_gives_the_same_bytes(tmp_path: Path, name: str) -> None:
    journal = runs.rewritten(tmp_path, RUNS[name])
    one, other = write_all(journal, tmp_path / "one"), write_all(journal, tmp_path / "other")
    assert set(one.files) == NAMES
    assert one.problems == []
    for form, path in one.files.items():
        assert path.read_bytes() == other.files[form].read_bytes()
        assert path.stat().st_mode & 0o077 == 0


def test_the_report_tells_whether_its_journal_is_whole(tmp_path: Path) -> None:
    journal = runs.write(tmp_path, runs.good())
    opened = write_all(journal, tmp_path / "report").files["incident.md"].read_text()
    assert "intact, and not closed" in opened
    close(runs.Journal(tmp_path, journal.parent.name, runs.Redactor()), load_or_make_key(tmp_path / "key"))
    closed = write_all(journal, tmp_path / "report").files["incident.md"].read_text()
    assert "intact, closed and signed" in closed
    assert verify(journal).head in closed
    journal.write_bytes(journal.read_bytes().replace(b"nonsense", b"wellwell"))
    edited = write_all(journal, tmp_path / "report").files["incident.md"].read_text()
    assert "not intact: record" in edited


def test_a_journal_with_a_broken_line_is_reported_without_it(tmp_path: Path) -> None:
    journal = runs.write(tmp_path, runs.good())
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:5], b"\xff not json\n", *lines[6:], b'{"seq": 99, "ev']))
    told = json.loads(write_all(journal, tmp_path / "report").files["incident.json"].read_text())
    assert told["journal"]["bad"] == 6
    assert told["ended"] == "DONE"


def test_a_folder_that_cannot_be_written_is_a_problem_and_no_exception(tmp_path: Path) -> None:
    journal = runs.write(tmp_path, runs.good())
    (tmp_path / "report").write_text("in the way")
    written = write_all(journal, tmp_path / "report")
    assert written.files == {}
    assert len(written.problems) == len(NAMES)
    assert all("was not written" in problem for problem in written.problems)


def test_a_journal_that_is_not_there_or_empty_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(NotUsable, match="cannot be read"):
        write_all(tmp_path / "none", tmp_path)
    (tmp_path / "empty").write_text("")
    with pytest.raises(NotUsable, match="no record"):
        write_all(tmp_path / "empty", tmp_path)


def test_json_has_every_field_and_sorted_keys(tmp_path: Path) -> None:
    told = json.loads(json_of(incident_of(runs.told(tmp_path, runs.good()))))
    assert list(told) == sorted(told)
    assert (told["status"], told["components"][0]["to_id"]) == ("RESOLVED", "auth-worker-good")
    assert told["budgets"][0]["seconds"] == 120


def test_the_command_writes_the_report_and_verifies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = runs.write(tmp_path, runs.good())
    assert main(["report", str(journal.parent)]) == 0
    assert {Path(line).name for line in capsys.readouterr().out.split()} == NAMES
    assert main(["verify", str(journal)]) == 13
    assert "NOT CLOSED" in capsys.readouterr().out
    key = load_or_make_key(tmp_path / "key")
    close(runs.Journal(tmp_path, journal.parent.name, runs.Redactor()), key)
    assert main(["verify", str(journal)]) == 0
    assert main(["verify", str(journal), "--public-key", "0" * 64]) == 13
    head = verify(journal).head
    assert main(["verify", str(journal), "--head", head]) == 0
    assert main(["verify", str(journal), "--head", "tip"]) == 10
    assert main(["report", "no-such-run"]) == 10
    assert "there is no run no-such-run" in capsys.readouterr().err
