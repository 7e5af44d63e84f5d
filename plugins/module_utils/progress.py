"""What a person sees of a run: journal events in, lines of text out."""

from __future__ import annotations

from typing import Any

from .database.words import loss_in_words

__all__ = ["Board", "line_of"]

_WIDTHS = {"rehearse": 12, "switch": 14, "validate": 8}
_INDENT = "\n" + " " * 11
_SAID = {
    "lock.wait": "  waiting: {holder}",
    "lock.broken": "  lock broken ({reason}): {holder}",
    "lock.trouble": "  the lock was not renewed: {why}",
    "approval.bypassed": "  EMERGENCY, without an approval: {reason} ({by})",
    "declined": "  no rollback: {why}",
    "trigger.finding": "  finding: {says}",
    "drill": "  {step:<9} {said}",
    "watch.trouble": "  not known: {why}",
    "unfrozen": "  not frozen any more",
    "route": "  {change}",
    "ledger.trouble": "  the ledger was not written: {why}",
}


def line_of(event: dict[str, Any], *, verbose: bool) -> str | None:
    """The line for an event, or ``None`` when it is not worth one."""
    told = _told(event, verbose=verbose)
    return None if told is None else f"{event['elapsed']:7.1f} s  {told}"


def _told(event: dict[str, Any], *, verbose: bool) -> str | None:
    kind, component = event["event"], event.get("component", "")
    if kind == "stage.start" and event["stage"] == "watch":
        rate = f"{event['rate']:g} requests/s to each component"
        so_far = [f"  so far: {event['so_far']}"] if event.get("so_far") else []
        return _INDENT.join([f"watch {_for(event['seconds'])}, {rate}; Ctrl-C ends only the watch", *so_far])
    if kind == "stage.start":
        return str(event["stage"])
    if kind == "watch.look":
        p95 = "" if event.get("p95") is None else f", p95 {event['p95'] * 1000:.0f} ms"
        counts = f"{event['n']} answers, {event['bad']} bad, {event['late']} late"
        of = f" of {event['of']:g}" if event.get("of") else ""
        return f"  {event['at']:.0f}{of} s: {counts}{p95}"
    if kind == "watch.deployed":
        return f"  another version serves: {', '.join(event['components'])}"
    if kind == "watch.page":
        hidden, gone = (", ".join(event[side]) for side in ("components", "gone"))
        said = [f"not watched: {hidden}: {event['why']}"] if hidden else []
        return "  " + "; ".join([*said, f"watched again: {gone}"] if gone else said)
    if kind == "watch.regression":
        return f"  worse: {event['why']}: {'a person decides' if event['ask'] else 'roll back'}"
    if kind == "plan":
        moving = sum(move["method"] != "none" for move in event["moves"])
        origin = event.get("live_release") or "a mixed set"
        count = f"{moving} of {len(event['moves'])} components to move"
        lines = [f"  {origin} -> {event['release']}, {count}"]
        lines += [f"  passed over: {item['release']}: {item['why']}" for item in event.get("skipped", [])]
        return _INDENT.join(lines)
    if kind == "databases.plan":
        lines = [f"  {item['name']:<20} {item['method']}: {item['why']}" for item in event["databases"]]
        lines += [
            f"  {item['name']:<20} would lose {loss_in_words(loss)}"
            for item in event["databases"]
            for loss in item["losses"]
        ]
        return _INDENT.join(lines)
    if kind == "database.moved":
        kept = f", what it loses is kept in {len(event['kept'])} file(s)" if event["kept"] else ""
        return f"  {event['database']:<20} {event['method']}, done{kept}"
    if kind == "dns.changed":
        before, after = ("; ".join(event[side]) or "nothing" for side in ("before", "after"))
        return f"  {component:<20} {before} -> {after}"
    if kind in _SAID:
        return _SAID[kind].format(**event)
    if kind == "goal":
        by = event.get("approved_by")
        return f"  goal stored, plan {event['hash']}{f', approved by {by}' if by else ''}"
    if kind == "frozen":
        paused = (
            f", automatic deployments of {', '.join(event['paused'])} are paused" if event["paused"] else ""
        )
        return f"  frozen{paused}"
    if kind == "rehearsed":
        return f"  {component:<20} {event['verdict']}{_because(event.get('why'))}"
    if kind == "switch.end":
        return (
            f"  {component:<20} {event['state']} in {event['seconds']:.2f} s{_because(event.get('problem'))}"
        )
    if kind == "switch.unanswered":
        return f"  {component:<20} no answer ({event['fault']}): reading back"
    if kind == "rates":
        return f"  {component:<20} {event['check']} {event['verdict']}: {event['bad']} of {event['n']} bad"
    if kind == "check" and event.get("quiet") and not verbose:
        return None
    if kind in ("check", "trigger.evidence"):
        return f"  {component:<20} {event['check']} {event['verdict']}{_because(event.get('detail'))}"
    if kind == "probe" and event.get("unseen"):
        # The verdict of the rehearsal comes with an event of its own.
        return None
    if kind == "probe" and event["verdict"] == "pass":
        return f"  {component:<20} pass in {event['seconds'] * 1000:.0f} ms"
    if kind == "probe":
        return f"  {component:<20} fail{_because('; '.join(event['problems']))}"
    if kind == "api.wait":
        return f"  waiting {event['seconds']:.0f} s for Cloudflare's rate limit"
    if kind == "api.retry":
        return f"  {event['fault']}: again in {event['pause']:.1f} s"
    if verbose and kind == "api":
        took = f"{event['seconds'] * 1000:.0f} ms"
        return f"    {event['method']} {event['path']} {event['status']} {took} {event.get('ray', '')}"
    if verbose and kind == "wrangler":
        return f"    {event['command']} {event['status']} {event['seconds']:.1f} s"
    return None


def _for(seconds: float) -> str:
    return f"for {seconds:g} s" if seconds else "until something is worse"


def _because(why: str | None) -> str:
    return f": {why}" if why else ""


class Board:
    """The state of every component, for a terminal that can redraw: a row each, a column per stage."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._stage: str | None = None
        self._moves: dict[str, dict[str, str]] = {}
        self._plan: list[str] = []
        self._findings: list[str] = []
        self._trouble: str | None = None

    def feed(self, event: dict[str, Any]) -> None:
        """Take in one event."""
        kind = event["event"]
        if kind == "stage.start":
            self._stage, self._trouble = event["stage"], None
        elif kind == "stage.end":
            self._stage = None
        elif kind == "plan":
            self._plan = (_told(event, verbose=False) or "").splitlines()
            self._moves = {
                move["component"]: {"plan": f"{move['from_label']} -> {move['to_label']}"}
                for move in event["moves"]
            }
        elif kind == "trigger.finding":
            # That a rollback does not help is what must not be cut off.
            place = 0 if event["helps"] == "no" else len(self._findings)
            self._findings.insert(place, _told(event, verbose=False) or "")
        elif kind in ("rehearsed", "probe", "switch.start", "switch.end"):
            row = self._moves.setdefault(event["component"], {})
            if kind == "switch.end":
                row["switch"] = f"{event['state']} {event['seconds']:.2f} s"
            elif kind == "switch.start":
                row["switch"] = "..."
            elif kind == "rehearsed":
                row["rehearse"] = event["verdict"]
            elif self._stage == "validate":
                row["validate"] = event["verdict"]
        elif kind in (
            "api.wait",
            "api.retry",
            "switch.unanswered",
            "watch.look",
            "watch.deployed",
            "watch.page",
        ):
            self._trouble = line_of(event, verbose=False)

    def lines(self, elapsed: float | None, columns: int) -> list[str]:
        """The board: the plan, findings and component rows as fit, what is being done (``None``: it is over).

        With few columns a row leaves out what the first line sums up, then all but how far it came.
        """
        layouts = self._layouts() if self._moves else [[]]
        shown = next((rows for rows in layouts if max(map(len, rows), default=0) <= columns), layouts[-1])
        findings = self._findings[: self._rows - 1]
        if len(findings) + len(shown) > self._rows:
            arrived = sum("moved" in row.get("switch", "") for row in self._moves.values())
            shown = [f"  {len(self._moves)} components, {arrived} arrived"]
        lines: list[str | None] = [*self._plan, *findings, *shown]
        if elapsed is not None:
            lines += [f"  {elapsed:5.1f} s  {self._stage or '...'}", self._trouble]
        return [line for line in lines if line]

    def _layouts(self) -> list[list[str]]:
        """The rows in three widths, the widest first; each stays as wide through a run."""
        name = max([len(name) for name in self._moves] + [9])
        plan = max([len(row.get("plan", "")) for row in self._moves.values()] + [0])
        titles = {title: title for title in ("plan", *_WIDTHS)}
        wide, middle, narrow = [], [], []
        for component, row in [("component", titles), *self._moves.items()]:
            stages = "  ".join(f"{row.get(stage, ''):<{width}}" for stage, width in _WIDTHS.items())
            wide.append(f"  {component:<{name}}  {row.get('plan', ''):<{plan}}  {stages}")
            middle.append(f"  {component:<{name}}  {stages}")
            came = next((row[stage] for stage in reversed(_WIDTHS) if stage in row), "")
            narrow.append(f"  {component:<{name}}  {came}")
        return [wide, middle, narrow[1:]]
