"""Threads of which one runs at a time, in an order that a seed decides: interleavings that can be repeated."""

import threading
from collections.abc import Callable, Iterable
from random import Random


class _Task:
    def __init__(self, work: Callable[[], None], actor: str, parent: "_Task | None") -> None:
        self.work, self.actor, self.parent = work, actor, parent
        self.children = 0
        self.go = threading.Semaphore(0)


class Scheduler:
    """Runs actors; each goes on until it calls :meth:`pause`, and anybody may be next."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._ready: list[_Task] = []
        self._back = threading.Semaphore(0)
        self._now: _Task | None = None
        self._errors: list[BaseException] = []

    @property
    def actor(self) -> str:
        """Who runs."""
        assert self._now is not None
        return self._now.actor

    def run(self, actors: dict[str, Callable[[], None]]) -> None:
        for name, work in actors.items():
            self._start(_Task(work, name, None))
        while self._ready:
            self._now = self._ready.pop(self._random.randrange(len(self._ready)))
            self._now.go.release()
            self._back.acquire()
        if self._errors:
            raise self._errors[0]

    def pause(self) -> None:
        """Let others go first, if chance will have it."""
        task = self._now
        assert task is not None
        self._ready.append(task)
        self._wait(task)

    def each(self, work: Callable, items: Iterable) -> list:
        """In place of :func:`plugins.module_utils.concurrent.each`."""
        parent, todo = self._now, list(items)
        assert parent is not None
        if not todo:
            return []
        results: list[object] = [None] * len(todo)

        def one(place: int) -> Callable[[], None]:
            def run() -> None:
                try:
                    results[place] = work(todo[place])
                except Exception as error:
                    results[place] = error

            return run

        parent.children = len(todo)
        for place in range(len(todo)):
            self._start(_Task(one(place), parent.actor, parent))
        self._wait(parent)
        return results

    def _start(self, task: _Task) -> None:
        def run() -> None:
            task.go.acquire()
            try:
                task.work()
            except BaseException as error:
                self._errors.append(error)
            if task.parent is not None:
                task.parent.children -= 1
                if not task.parent.children:
                    self._ready.append(task.parent)
            self._back.release()

        threading.Thread(target=run, daemon=True).start()
        self._ready.append(task)

    def _wait(self, task: _Task) -> None:
        self._back.release()
        task.go.acquire()
