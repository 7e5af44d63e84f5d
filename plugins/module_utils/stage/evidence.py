"""Ask those who know whether it is as a person says, while a stage does its own work; none is waited for long."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from ..cloudflare.client import Client
from ..cloudflare.d1 import D1
from ..cloudflare.errors import CloudflareError, Refused
from ..concurrent import begun
from ..probe.connect import NoAnswer
from ..probe.contract import Contract, judge
from ..trigger.evidence import ASKED, DATABASE, PARTY, SIGNAL, Evidence, findings, floor_of
from .task import Task

if TYPE_CHECKING:
    from ..release.plan import Plan
    from ..signal.model import Window

__all__ = ["Gathered", "gathering", "write"]

# Seconds of the past that signals are asked for.
_WINDOW = 600.0
_ABOUT = (DATABASE, PARTY, SIGNAL)

Told = Callable[[Mapping[str, str | None]], list[Evidence]]
"""What was answered, where these versions serve, per component."""


class Gathered:
    """What is asked about, and, once it is known, the ``plan``, which tells what serves from the target."""

    def __init__(self, task: Task) -> None:
        self.plan: Plan | None = None
        self._task = task
        self._trigger = task.params["trigger"]
        self._questions = list(_questions(task))
        self._answers = begun(lambda item: item[3](), self._questions, task.params["probing"]["seconds"])

    def tell(self) -> None:
        """Write down what was answered and what follows; who has not answered by now could not be asked."""
        moves = self.plan.as_dict()["moves"] if self.plan else []
        serving = {move["component"]: move["live"][0][0] for move in moves if len(move["live"]) == 1}
        told: list[Evidence] = []
        for (about, subject, check, _), answer in zip(self._questions, self._answers(), strict=True):
            try:
                if isinstance(answer, Exception):
                    raise answer
                told += answer(serving)
            except Exception as error:
                told.append(_unknown(about, subject, check, error))
        if SIGNAL in ASKED[self._trigger]:
            environment = self._task.params["environment_name"]
            told += [
                Evidence(SIGNAL, environment, "signals", "inconclusive", f"could not be asked: {problem}")
                for problem in self._task.params["signals"].get("problems", [])
            ]
        write(self._task, self._trigger, _ABOUT, told, moves)
        if self._trigger == "security" and self.plan:
            self._task.journal.write(
                "trigger.finding", **floor_of(self._task.params["not_older_than"]).as_dict()
            )


@contextmanager
def gathering(task: Task) -> Iterator[Gathered]:
    """Ask all through the block, and at its end write down what came: nothing that is asked ends a run."""
    gathered = Gathered(task)
    try:
        yield gathered
    except Exception:
        gathered.tell()
        raise
    gathered.tell()


def write(
    task: Task,
    trigger: str,
    about: Sequence[str],
    told: Sequence[Evidence],
    moves: Sequence[Mapping[str, Any]] = (),
) -> None:
    """The events of what was answered, and of what it means."""
    for item in told:
        task.journal.write("trigger.evidence", **item.as_dict())
    for finding in findings(trigger, about, told, moves):
        task.journal.write("trigger.finding", **finding.as_dict())


def _questions(task: Task) -> Iterator[tuple[str, str, str, Callable[[], Told]]]:
    """Of each what it is about, whom, what the check is called, and the question itself."""
    kinds, params = ASKED[task.params["trigger"]], task.params
    if DATABASE in kinds:
        for declared in params["databases"]:
            yield DATABASE, declared["name"], "reachable", partial(_database, task, declared)
    if PARTY in kinds:
        for party in params["third_parties"]:
            yield PARTY, party["name"], "health", partial(_third_party, task, party)
    if SIGNAL in kinds:
        # What most rollbacks do not need takes as long to load as the plan's own.
        from ..signal.model import Window
        from .signals import secrets_of

        sources, window = params["signals"].get("sources", []), Window.last(_WINDOW)
        for secret in secrets_of(sources):
            task.redactor.learn(secret)
        for source in sources:
            subject = source["component"] or params["environment_name"]
            yield SIGNAL, subject, source["check"], partial(_signal, task, window, source)


def _unknown(about: str, subject: str, check: str, error: Exception) -> Evidence:
    expected = isinstance(error, TimeoutError | NoAnswer)
    why = str(error) if expected else f"{type(error).__name__}: {error}"
    return Evidence(about, subject, check, "inconclusive", f"could not be asked: {why}")


def _database(task: Task, declared: Mapping[str, Any]) -> Told:
    """Whether one statement gets through, by the way that does not depend on what serves."""
    verdict, detail, away = "pass", "it answers", False
    try:
        (_ask_d1 if declared["kind"] == "d1" else _ask_postgres)(task, declared)
    except _NoDatabase as error:
        verdict, detail, away = "fail", str(error), error.away
    return lambda versions: [Evidence(DATABASE, declared["name"], "reachable", verdict, detail, away)]


class _NoDatabase(Exception):
    """It was asked, and gave no answer. ``away``: because nobody is there."""

    def __init__(self, error: Exception, *, away: bool) -> None:
        super().__init__(str(error))
        self.away = away


def _ask_d1(task: Task, declared: Mapping[str, Any]) -> None:
    way, seconds = task.params["cloudflare"], task.params["probing"]["seconds"]
    # The stage's own client goes on asking for a minute.
    client = Client(way["api_url"], task.token, way["account_id"], task.journal, timeout=seconds, patience=0)
    try:
        D1(client, declared["database"]).query("SELECT 1")
    except CloudflareError as error:
        raise _NoDatabase(error, away=not isinstance(error, Refused)) from None


def _ask_postgres(task: Task, declared: Mapping[str, Any]) -> None:
    # The driver is slow to load, and most rollbacks need none.
    from ..postgres.connect import Server, session
    from ..postgres.errors import Away, DatabaseError

    try:
        server = Server.of(
            declared["dsn"], maintenance_name=declared["maintenance"], is_direct=declared["direct"]
        )
    except DatabaseError as error:
        raise NoAnswer(str(error), unseen=True) from None
    try:
        with session(server, read_only=True, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        raise _NoDatabase(error, away=isinstance(error, Away)) from None


def _third_party(task: Task, party: Mapping[str, Any]) -> Told:
    """One question. Who is only slow has not failed when the time is over: that is not known."""
    probing, contract = task.params["probing"], Contract.of(party["health"])
    try:
        answer = task.connector.get(contract.url)
    except NoAnswer as error:
        if error.unseen:
            raise
        problems = [str(error)]
    else:
        limits = {name: probing[name] for name in ("max_skew", "slow", "tls_margin")}
        problems = judge(contract, answer, identity=None, **limits)
    detail = "; ".join(problems) or "it keeps its health contract"
    verdict = "fail" if problems else "pass"
    return lambda versions: [Evidence(PARTY, party["name"], "health", verdict, detail)]


def _signal(task: Task, window: Window, source: Mapping[str, Any]) -> Told:
    from ..signal.model import Unread
    from .signals import asked

    try:
        read = asked(task, window, source)
    except Unread as error:
        raise NoAnswer(str(error), unseen=True) from None

    def told(versions: Mapping[str, str | None]) -> list[Evidence]:
        return [
            Evidence(SIGNAL, item.component, item.check, item.verdict, item.detail, figures=item.figures)
            for item in read(versions)
        ]

    return told
