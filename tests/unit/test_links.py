"""What the pages name is there: links, pictures, files, commands with their options, and every row of the runbook."""

from __future__ import annotations

import argparse
import json
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from knowngood.arguments import parser as knowngood

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "must-be-viral"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), EXAMPLE / "README.md"]
COVERAGE = ROOT / "docs" / "coverage.md"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!https?://)([^)#\s]*)(?:#([^)\s]+))?\)", page.read_text()):
        file = page.parent / target if target else page
        assert file.exists(), f"{page.name}: {target}"
        if anchor:
            titles = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
            assert anchor in slugs, f"{page.name}: {target}#{anchor}"


# --- commands


def typed(program: str) -> Iterator[str]:
    """What a person would type of a program: lines of ``bash`` blocks, and what stands between backticks."""
    for page in PAGES:
        text = re.sub(r" *\\\n *", " ", page.read_text())
        for block in re.findall(r"```bash\n(.*?)```", text, re.DOTALL):
            for line in block.splitlines():
                # A comment, or the end of a case of the shell.
                command = re.split(r"\s+#|\s*;;|\s+>", line.strip())[0]
                if command.startswith(f"{program} "):
                    yield re.sub(r"<[^>]+>", "something", command)
        prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        for command in re.findall(rf"`({program} [^`\n]+)`", prose):
            yield re.sub(r"<[^>]+>", "something", command)


def added() -> Iterator[str]:
    """What pages shorten: a playbook without the program, and rows of tables that only add to a rollback."""
    for page in PAGES:
        for command in re.findall(r"`([a-z]+\.yml -[^`\n]+)`", page.read_text()):
            yield "ansible-playbook " + re.sub(r"<[^>]+>", "something", command)
        if page.parent != EXAMPLE:
            for arguments in re.findall(r"^\| `(?:\.\.\. )?(-[^`]+)`", page.read_text(), re.MULTILINE):
                command = f"ansible-playbook rollback.yml -i production {arguments}"
                yield re.sub(r"<[^>]+>", "something", command)


class _Wrong(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        raise AssertionError(message)


def playbook_parser() -> argparse.ArgumentParser:
    """The options of ``ansible-playbook`` that the pages use."""
    known = _Wrong(prog="ansible-playbook", allow_abbrev=False)
    known.add_argument("playbook")
    known.add_argument("-i")
    known.add_argument("-e", action="append", default=[])
    known.add_argument("--limit", type=lambda names: re.split("[,:]", names), default=[])
    known.add_argument("--tags", type=lambda names: names.split(","), default=[])
    known.add_argument("--vault-password-file")
    for flag in ("--check", "--diff", "--syntax-check", "-v", "-vv"):
        known.add_argument(flag, action="store_true")
    return known


def variables(value: str) -> set[str]:
    """The names that an ``-e`` sets."""
    if value.startswith("@"):
        return set()
    return set(json.loads(value)) if value.startswith("{") else {value.partition("=")[0]}


@cache
def documented() -> frozenset[str]:
    """The variables that a person may set."""
    specs = yaml.safe_load((ROOT / "roles" / "preflight" / "meta" / "argument_specs.yml").read_text())
    awx = yaml.safe_load((ROOT / "awx" / "settings.yml").read_text())
    return frozenset(specs["argument_specs"]["main"]["options"]) | frozenset(awx)


@cache
def hosts() -> frozenset[str]:
    declared = yaml.safe_load((ROOT / "inventories" / "production" / "hosts.yml").read_text())
    groups = declared["all"]["children"]
    # Of the pages that show how a PostgreSQL database is declared.
    return frozenset({*groups, *(host for group in groups.values() for host in group["hosts"]), "app-db"})


PLAYBOOK_COMMANDS = sorted({*typed("ansible-playbook"), *added()})


def test_the_commands_are_found() -> None:
    assert len(PLAYBOOK_COMMANDS) >= 60


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_command_is_indented_out_of_sight(page: Path) -> None:
    """Every fence is closed, so that no command is taken for prose."""
    assert len(re.findall(r"^ *```", page.read_text(), re.MULTILINE)) % 2 == 0


def test_what_a_playbook_is_given_is_there() -> None:
    known = playbook_parser()
    for command in PLAYBOOK_COMMANDS:
        given = known.parse_args(shlex.split(command)[1:])
        assert (ROOT / given.playbook).is_file(), command
        assert given.i is None or (ROOT / given.i).exists(), command
        for value in given.e:
            assert variables(value) <= documented(), command
        assert set(given.limit) <= hosts(), command
        text = (ROOT / "playbooks" / given.playbook).read_text() if given.tags else ""
        for tag in given.tags:
            assert re.search(rf"tags: \[(\w+, )*{tag}\b", text), command


def test_what_the_command_knowngood_is_given_is_there() -> None:
    known = knowngood()
    (verbs,) = (action.choices for action in known._actions if isinstance(action.choices, dict))
    commands = set(typed("knowngood"))
    assert len(commands) >= 10
    for command in commands:
        words = shlex.split(command)[1:]
        if not words[0].startswith("-"):
            assert set(words[0].split("|")) <= set(verbs), command
        for option in (word for word in words if word.startswith("--") and word != "--"):
            if words[0] in verbs and "--" not in words[: words.index(option)]:
                assert option in verbs[words[0]]._option_string_actions, command


def test_what_make_is_given_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {word for command in typed("make") for word in command.split()[1:2]}
    assert {"demo", "test", "drill"} <= named
    assert {word for word in named if "=" not in word} <= targets


# --- the runbook, row by row


def rows() -> list[list[str]]:
    return [
        [cell.strip() for cell in line.strip("|").split(" |")]
        for line in COVERAGE.read_text().splitlines()
        if re.match(r"\| [SD]\d+ \|", line)
    ]


def test_every_row_is_there_once_and_in_order() -> None:
    expected = [f"S{number}" for number in range(1, 136)] + [f"D{number}" for number in range(1, 18)]
    assert [row[0] for row in rows()] == expected


def test_every_row_is_met_and_seen_or_says_what_is_missing() -> None:
    for name, met, seen, missing in rows():
        # Of a D the columns are what was wrong, what is done instead, and how to see it.
        assert (met and (missing if name[0] == "D" else seen)) or missing, name


def test_every_file_that_a_row_names_is_there() -> None:
    tests = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    for name in re.findall(r"`([^`\s]+)`", COVERAGE.read_text()):
        if re.fullmatch(r"test_\w+\.py", name):
            assert name in tests, name
        elif re.fullmatch(r"([\w./-]+/)?[\w.-]+\.(py|yml|md)", name):
            assert (ROOT / name).exists(), name
