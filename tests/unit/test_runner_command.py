"""The command says what there is, and hands on what was typed."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from knowngood import Environment, NotUsable
from knowngood.__main__ import main
from knowngood.arguments import PLAYBOOKS, TIERS, parser
from knowngood.environment import Tier, Trigger
from plugins.module_utils import outcome

ROOT = Path(__file__).resolve().parents[2]
DECLARED = yaml.safe_load((ROOT / "roles/preflight/meta/argument_specs.yml").read_text())
VARIABLES = DECLARED["argument_specs"]["main"]["options"]
VERBS = ("rollback", "plan", "validate", "drill", "watch", "status", "record")


class Became(BaseException):
    """What this process was to become."""


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    command: list[str] = []

    def execve(program: str, arguments: list[str], environ: dict[str, str]) -> None:
        assert Path(program).is_file()
        assert environ["ANSIBLE_CONFIG"] == str(ROOT / "ansible.cfg")
        command.extend(arguments[1:])
        raise Became

    monkeypatch.setattr("os.execve", execve)
    return command


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_a_playbook_and_its_options_are_variables(verb: str) -> None:
    assert (ROOT / f"{verb}.yml").is_file()
    for option, _, help_ in PLAYBOOKS[verb][1]:
        assert option.replace("-", "_") in VARIABLES, option
        assert help_


@pytest.mark.parametrize("verb", VERBS)
def test_arguments_of_a_method_are_variables(verb: str) -> None:
    own = {"self", "tier", "seconds", "limit", "check", "timeout", "extra"}
    given = set(inspect.signature(getattr(Environment, verb)).parameters) - own
    assert given <= set(VARIABLES)


def test_triggers_and_tiers_are_those_that_there_are() -> None:
    assert list(get_args(Trigger)) == VARIABLES["trigger"]["choices"]
    tags = set(re.findall(r"--tags (\w+)", (ROOT / "playbooks/validate.yml").read_text()))
    assert set(get_args(Tier)) == set(TIERS) == tags


@pytest.mark.parametrize(
    ("typed", "handed_on"),
    [
        (["rollback"], []),
        (["rollback", "--check"], ["--check", "--diff"]),
        (["rollback", "--release", "v 1", "--automatic"], ["-e", {"release": "v 1", "automatic": True}]),
        (["rollback", "-l", "site", "-e", "a=b", "-vv"], ["-e", "a=b", "--limit", "site", "-vv"]),
        (["validate"], ["--tags", "quick"]),
        (["validate", "--tier", "full"], ["--tags", "full"]),
        (["drill", "--overdue"], ["--tags", "overdue"]),
        (["watch", "--for", "0"], ["-e", {"for": "0"}]),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else None,
)
def test_without_json_it_becomes_ansible_playbook(
    became: list[str], typed: list[str], handed_on: list[Any]
) -> None:
    with pytest.raises(Became):
        main([typed[0], "-i", "local", *typed[1:]])
    assert became[:3] == [str(ROOT / f"{typed[0]}.yml"), "-i", str(ROOT / "local")]
    assert [json.loads(item) if item.startswith("{") else item for item in became[3:]] == handed_on


@pytest.mark.parametrize(
    "typed",
    [["status", "-i", "nowhere"], ["cancel", "no-such-run"], ["report", "no-such-run"]],
    ids=lambda typed: typed[0],
)
def test_what_is_not_there_is_refused_in_words(typed: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert main(typed) == outcome.REFUSED
    said = capfd.readouterr().err
    assert said.startswith("REFUSED: there is no ") and "Traceback" not in said


@pytest.mark.parametrize("typed", [[], ["rollback"], ["rollback", "-i", "local", "--timeout", "3"]], ids=len)
def test_a_wrong_command_line_is_2(typed: list[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(typed)
    assert left.value.code == 2


def test_the_help_names_every_exit_code() -> None:
    named = {int(code) for code in re.findall(r"(?:^  |; )(\d+) ", parser().format_help(), re.MULTILINE)}
    codes = {value for name, value in vars(outcome).items() if name.isupper() and isinstance(value, int)}
    assert named == codes | {2}


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_knows_the_verbs(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--print-completion", shell])
    told = capsys.readouterr().out
    assert all(verb in told for verb in VERBS)


def test_the_help_loads_nothing_that_is_slow() -> None:
    loaded = "import sys; sys.argv[1:] = ['--help']; from knowngood.__main__ import main\n"
    loaded += "try: main()\nexcept SystemExit: pass\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", loaded], capture_output=True, text=True, timeout=60, check=True
    )
    assert not {"ansible_runner", "asyncio", "ansible.constants", "shtab", "requests"} & set(
        done.stderr.split()
    )


def test_an_environment_or_playbook_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotUsable, match="no inventory nowhere"):
        Environment("nowhere")
    with pytest.raises(NotUsable, match=r"no playbook nothing\.yml"):
        Environment("local", runs=tmp_path).start("nothing")
