"""What a person sees: a board that redraws itself, the verdict last, and nothing strange anywhere."""

import time

import pytest

from tests.support.environment import PROJECT, ROOT, WORKERS, Environment
from tests.support.screen import Terminal

COMPONENTS = (*WORKERS, "site")


def on_terminal(environment: Environment, *arguments: str, rows: int = 24, columns: int = 80) -> Terminal:
    command = environment.command("rollback.yml", *arguments)
    return Terminal(command, cwd=ROOT, environ=environment.environ(), rows=rows, columns=columns)


@pytest.mark.parametrize("columns", [80, 40])
def test_the_board_redraws_and_the_verdict_is_last(environment: Environment, columns: int) -> None:
    # Slow enough for the board to be drawn in every stage.
    environment.api.fault({"kind": "latency", "latency_ms": 150, "match": {"path": "/accounts/"}})
    terminal = on_terminal(environment, columns=columns)
    assert terminal.wait() == 0, terminal.output
    assert "Traceback" not in terminal.output
    for stage in ("plan", "rehearse", "switch"):
        assert f" s  {stage}\r\n" in terminal.output
    assert terminal.output.count("\x1b[J") > 10
    lines = [line for line in terminal.lines if line]
    assert lines[-1].startswith("DONE: local serves r2; 6 of 6 components")
    assert lines[-2] == "next     ansible-playbook status.yml -i local"
    for component in COMPONENTS:
        # Its flows, where it has any, come after these.
        board, result, *_ = [line for line in lines if line.split()[0] == component]
        assert "moved" in board or columns == 40
        assert board.endswith("pass")
        assert " pass " in result
    assert sum(line.lstrip().startswith("r3 -> r2") for line in lines) == 1, "the board was drawn twice"


def test_ctrl_c_while_switching_says_how_it_stands_and_the_next_run_arrives(environment: Environment) -> None:
    environment.api.fault(
        {"kind": "timeout", "match": {"method": "POST", "path": f"/{PROJECT}/.*/rollback$"}}
    )
    mark = environment.api.mark()
    terminal = on_terminal(environment)
    deadline = time.monotonic() + 30
    while not environment.api.is_holding(mark):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    terminal.press_ctrl_c()
    pressed = time.monotonic()
    assert terminal.wait() == 99
    assert time.monotonic() - pressed < 5
    assert environment.processes() == []
    assert "Traceback" not in terminal.output
    lines = [line for line in terminal.lines if line]
    assert lines[-1] == "INTERRUPTED: some components may have moved, and others not"
    assert lines[-2] == "next     give the same command again: it goes on from here"
    environment.api.heal()
    again = environment.play("rollback.yml")
    assert again.code == 0, again.output
    assert environment.live() == environment.versions("r2")


def test_ctrl_c_before_the_switch_says_that_nothing_moved(environment: Environment) -> None:
    before = environment.live()
    environment.api.fault({"kind": "timeout", "match": {"path": "/versions$"}})
    mark = environment.api.mark()
    terminal = on_terminal(environment)
    while not environment.api.is_holding(mark):
        time.sleep(0.02)
    terminal.press_ctrl_c()
    assert terminal.wait() == 99
    assert [line for line in terminal.lines if line][-1] == "INTERRUPTED: no component has moved"
    assert environment.live() == before


@pytest.mark.parametrize("verbose", [(), ("-vv", "--diff")], ids=["plain", "verbose"])
def test_elsewhere_there_are_plain_lines(environment: Environment, verbose: tuple[str, ...]) -> None:
    run = environment.play("rollback.yml", *verbose)
    assert run.code == 0, run.output
    assert "\x1b" not in run.output
    assert "\r" not in run.output
    for component in COMPONENTS:
        assert f"  {component:<20} moved in " in run.output


def test_a_second_ctrl_c_during_the_watch_says_what_was_proved(environment: Environment) -> None:
    terminal = on_terminal(environment, "-e", "watch_seconds=60", columns=200)
    terminal.until(" s  watch")
    terminal.press_ctrl_c()
    terminal.until("the watch ends; what serves stays")
    terminal.press_ctrl_c()
    assert terminal.wait() == 99
    lines = [line for line in terminal.lines if line]
    assert lines[-1].startswith("INTERRUPTED: local serves r2; 6 of 6 components")
    assert lines[-1].endswith("; it was being watched")
    assert lines[-2] == "next     ansible-playbook status.yml -i local"
    assert environment.live() == environment.versions("r2")
