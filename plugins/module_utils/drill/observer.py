"""Asks every component from every vantage point, all through a drill, as users would."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from math import inf
from typing import TypeVar

from ..concurrent import each
from ..probe.contract import Contract, judge
from .ask import NoAnswer, Vantage
from .watch import SLOW, Round, Watch

__all__ = ["Observer"]

# Seconds between the beginnings of two rounds.
_EVERY = 1.0

Found = TypeVar("Found")


class Observer:
    """``asked`` are contracts by component, ``places`` ways to ask by vantage point."""

    def __init__(
        self,
        asked: Mapping[str, Contract],
        places: Mapping[str, Vantage],
        *,
        max_skew: float,
        slow: float,
    ) -> None:
        self._asked = asked
        self._places = places
        self._max_skew = max_skew
        self._slow = slow
        self._lock = threading.Lock()
        self._ends = threading.Event()
        self._watch = Watch()

    def round(self) -> Round:
        """Ask all of them once."""
        began = datetime.now(UTC)
        questions = [(name, place) for name in self._asked for place in self._places]
        found: dict[str, dict[str, list[str]]] = {name: {} for name in self._asked}
        for (name, place), answer in zip(
            questions, each(lambda pair: self._ask(*pair), questions), strict=True
        ):
            found[name][place] = [f"{type(answer).__name__}"] if isinstance(answer, Exception) else answer
        return Round(began, datetime.now(UTC), found)

    def look(self, at: Callable[[Watch], Found]) -> Found:
        """What ``at`` sees in what was observed so far."""
        with self._lock:
            return at(self._watch)

    def run(self) -> None:
        """Rounds until :meth:`end`."""
        while not self._ends.is_set():
            new = self.round()
            with self._lock:
                self._watch.take(new)
            self._ends.wait(max(0.0, _EVERY - (new.ended - new.began).total_seconds()))

    def end(self) -> None:
        self._ends.set()

    def _ask(self, name: str, place: str) -> list[str]:
        contract = self._asked[name]
        try:
            answer = self._places[place].ask("GET", contract.url)
        except NoAnswer as error:
            return [str(error)]
        problems = judge(contract, answer, identity=None, max_skew=self._max_skew, slow=inf, tls_margin=0)
        if answer.seconds > self._slow:
            problems.append(f"{SLOW}{answer.seconds:.1f} s, more than {self._slow:g} s")
        return problems
