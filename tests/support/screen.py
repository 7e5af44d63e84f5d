"""What a person sees of a program on a terminal: its output on a real pty, and the screen it leaves."""

import re
from pathlib import Path

import pexpect  # type: ignore[import-untyped]

_PART = re.compile(r"\x1b\[(\d*)([A-Za-z])|\x1b\[[\d;]+(m)|([\r\n])|([^\x1b\r\n]+)")


class Terminal:
    """A program on a terminal of its own, `rows` by `columns`."""

    def __init__(
        self, command: list[str], *, cwd: Path, environ: dict[str, str], rows: int, columns: int
    ) -> None:
        self.columns = columns
        self._read = ""
        self._rows = rows
        self._program = pexpect.spawn(
            command[0],
            command[1:],
            cwd=str(cwd),
            env={**environ, "TERM": "xterm"},
            dimensions=(rows, columns),
            encoding="utf-8",
            timeout=60,
        )

    def press_ctrl_c(self) -> None:
        """Goes through the terminal, which signals the group in the foreground."""
        self._program.sendintr()

    def until(self, text: str) -> None:
        """Read until it is written. Fails after a minute."""
        self._program.expect_exact(text)
        self._read += f"{self._program.before}{text}"

    def wait(self) -> int:
        """The exit code. Fails after a minute."""
        self._program.expect(pexpect.EOF)
        self._program.close()
        assert self._program.exitstatus is not None, f"ended by signal {self._program.signalstatus}"
        return int(self._program.exitstatus)

    @property
    def output(self) -> str:
        """All that was written, after `wait`."""
        return f"{self._read}{self._program.before}"

    @property
    def lines(self) -> list[str]:
        """The lines that are left on the screen, and above it; a line that was wrapped is one."""
        return draw(self.output, rows=self._rows, columns=self.columns)


def draw(output: str, *, rows: int, columns: int) -> list[str]:
    """Understands what Known Good writes; anything else is a ValueError."""
    screen: list[tuple[str, bool]] = [("", False)]  # text, and whether the row goes on in the next
    row = column = end = 0
    for hit in _PART.finditer(output):
        if hit.start() != end:
            raise ValueError(f"unknown control sequence at {output[end : hit.start() + 20]!r}")
        end = hit.end()
        number, letter, _, move, text = hit.groups()
        if letter == "F":
            row, column = max(row - int(number or 1), len(screen) - rows, 0), 0
        elif letter == "J" and not number:
            del screen[row + 1 :]
            screen[row] = (screen[row][0][:column], False)
        elif letter and letter != "m":
            raise ValueError(f"unknown control sequence {hit[0]!r}")
        elif move == "\r":
            column = 0
        elif move == "\n":
            row += 1
            screen += [("", False)] * (row + 1 - len(screen))
        while text:
            if column == columns:
                screen[row] = (screen[row][0], True)
                row, column = row + 1, 0
                screen += [("", False)] * (row + 1 - len(screen))
            part, text = text[: columns - column], text[columns - column :]
            old = screen[row][0]
            screen[row] = (old[:column].ljust(column) + part + old[column + len(part) :], False)
            column += len(part)
    lines, whole = [], ""
    for piece, goes_on in screen:
        whole += piece
        if not goes_on:
            lines.append(whole)
            whole = ""
    return lines
