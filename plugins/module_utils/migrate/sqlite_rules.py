"""What a SQLite (D1) migration does to the way back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from .model import Finding
from .sqlite_rebuild import Copy, added, compare, read_copy, source_of
from .sqlite_sandbox import Action, Sandbox, Statement, Table, bare, split
from .verdict import Verdict, additive, lost_up, reversible, shorten, unknown

__all__ = ["classify"]

_SELF = "is created by this same migration"
_DEFINING = {
    "ALTER_TABLE", "CREATE_INDEX", "CREATE_TABLE", "CREATE_TEMP_TABLE", "CREATE_TRIGGER", "CREATE_VIEW",
    "DROP_INDEX", "DROP_TABLE", "DROP_TRIGGER", "DROP_VIEW",
}  # fmt: skip
_UPKEEP = {"ANALYZE", "EXPLAIN", "REINDEX", "VACUUM"}
_TRANSACTION = {"BEGIN", "COMMIT", "END", "RELEASE", "ROLLBACK", "SAVEPOINT"}
_SESSION_PRAGMAS = {
    "analysis_limit", "busy_timeout", "cache_size", "case_sensitive_like", "defer_foreign_keys",
    "foreign_key_check", "foreign_key_list", "foreign_keys", "ignore_check_constraints", "index_info",
    "index_list", "integrity_check",
    "legacy_alter_table", "optimize", "quick_check", "recursive_triggers", "table_info", "table_list",
    "table_xinfo", "temp_store",
}  # fmt: skip
_REPLACE = re.compile(r"\bOR\s+REPLACE\b|^REPLACE\b|\)\s*REPLACE\s+INTO\b", re.IGNORECASE)
_PRAGMA = re.compile(r"PRAGMA\s+(?:\w+\s*\.\s*)?(\w+)\s*(?:=\s*(.+)|\(\s*(.+?)\s*\))?", re.IGNORECASE)
_IF_EXISTS = re.compile(r"(DROP\s+\w+\s+)IF\s+EXISTS\b", re.IGNORECASE)
_IF_NOT_EXISTS = re.compile(r"\bIF\s+NOT\s+EXISTS\b", re.IGNORECASE)


def classify(sql: str, *, before: str, migration: str) -> list[Finding]:
    """As ``classify.classify``."""
    script = _Script()
    try:
        for statement in split(before):
            script.replay(statement)
            script.informed = True
        script.begin()
        judged = [(statement, list(script.judge(statement, at))) for at, statement in enumerate(split(sql))]
        for at, verdicts in script.rebuilds():
            judged[at][1].extend(verdicts)
    finally:
        script.sandbox.close()
    return [
        Finding(
            migration,
            shorten(statement.text),
            statement.line,
            verdict.kind,
            verdict.reason,
            verdict.loses,
            verdict.table,
            verdict.column,
            statement.text,
        )
        for statement, verdicts in judged
        for verdict in verdicts
    ]


class _Script:
    """Judges the statements of one script in order."""

    def __init__(self) -> None:
        self.sandbox = Sandbox()
        self.informed = False
        """Earlier migrations are known, so that a table that none of them creates is not there."""
        self.begin()

    def begin(self) -> None:
        """From here on, nothing counts as created by the script at hand."""
        self.now = self.sandbox.tables()
        self.created: set[str] = set()
        self.filled_in: set[tuple[str, str]] = set()
        """Columns that the script has added, as (table, column)."""
        self.home: dict[str, str] = {}
        """What a table that the script has renamed was called before."""
        self.copies: dict[str, Copy] = {}
        """Tables of the script that hold the rows of an older one, by their present name."""
        self.dropped: list[tuple[int, str, Table, Copy]] = []
        self.settled: list[tuple[int, list[Verdict]]] = []
        self.again: set[str] = set()
        """Indexes and triggers that went with a copied table; creating them again changes nothing."""

    def replay(self, statement: Statement) -> None:
        """Bring the schema up to date with a statement of an earlier migration."""
        if _PRAGMA.fullmatch(bare(statement.text)):
            self._pragma(statement.text)
            return
        actions, error = self.sandbox.compile(statement.text)
        if not error and any(action.what in _DEFINING for action in actions):
            self.sandbox.run(statement.text)

    def judge(self, statement: Statement, at: int) -> Iterator[Verdict]:
        word = statement.text.split(None, 1)[0].upper().rstrip(";")
        if word in _UPKEEP:
            yield additive("upkeep; no row changes")
        elif word in _TRANSACTION:
            if word == "ROLLBACK":
                self.begin()
            yield additive("begins or ends a transaction, which D1 does by itself and refuses in a script")
        elif word in ("ATTACH", "DETACH"):
            yield unknown("concerns another database file, which cannot be read here")
        elif word == "PRAGMA":
            yield self._pragma(statement.text)
        else:
            yield from self._compiled(statement.text, at)

    def _compiled(self, text: str, at: int) -> Iterator[Verdict]:
        if not self.informed and (match := _IF_EXISTS.match(plain := bare(text))):
            text = match.group(1) + plain[match.end() :]
        before = self.sandbox.inventions
        actions, error = self.sandbox.compile(text)
        if self.sandbox.inventions != before:
            self.now = self.sandbox.tables()
        incomplete = error.endswith("values were supplied") and self.sandbox.invented
        if error and not incomplete:
            yield unknown(f"SQLite does not understand it: {error}")
            return
        if any(action.what in _DEFINING for action in actions):
            yield from self._define(text, actions, at)
        elif text.split(None, 1)[0].upper() in ("CREATE", "DROP"):
            yield additive("nothing happens: IF EXISTS, or IF NOT EXISTS, does not hold")
        else:
            yield from self._write(text, actions)

    def _pragma(self, text: str) -> Verdict:
        # Not compiled: some take effect even in an EXPLAIN.
        match = _PRAGMA.fullmatch(bare(text))
        if match is None:
            return unknown("SQLite does not understand this PRAGMA")
        name, value = match[1].lower(), match[2] or match[3]
        if name == "legacy_alter_table":
            self.sandbox.run(text)
        if name == "writable_schema":
            return unknown("lets the schema be written by hand, which cannot be judged")
        if name in _SESSION_PRAGMAS or not value:
            return additive("concerns this session only")
        return reversible(f"{name} is stored with the database; its former value brings it back")

    def _define(self, text: str, actions: list[Action], at: int) -> Iterator[Verdict]:
        old = self.now
        if error := self.sandbox.run(text):
            yield unknown(f"SQLite refuses it: {error}")
            return
        self.now = self.sandbox.tables()
        action = next(action for action in actions if action.what in _DEFINING)
        name = (action.second if action.what == "ALTER_TABLE" else action.first).lower()
        table = action.second.lower()
        certain = not _IF_NOT_EXISTS.search(bare(text))
        if action.what in ("CREATE_TABLE", "CREATE_TEMP_TABLE"):
            if certain or action.what == "CREATE_TEMP_TABLE":
                self.created.add(name)
            yield additive(f"a new table, which code from before does not know{self._held(name)}")
        elif action.what == "CREATE_INDEX":
            if name in self.again:
                yield additive("was there before")
            else:
                yield self._index(text, name, table, certain=certain)
        elif action.what == "CREATE_VIEW":
            self.created.add(name)
            yield additive("a new view")
        elif action.what == "CREATE_TRIGGER":
            self.created.add(name)
            if name in self.again or table in self.created:
                yield additive(f"{table} {_SELF}, or the trigger was there before")
            else:
                yield reversible("the trigger acts on what code from before does too")
        elif action.what == "DROP_TABLE":
            yield from self._drop(name, old[name], at)
            self.copies.pop(name, None)
        elif action.what == "ALTER_TABLE":
            yield self._alter(name, old)
        elif name in self.created:
            yield additive(f"{name} {_SELF}")
        else:
            yield reversible(f"code from before may need {name}; its definition brings it back")

    def _held(self, name: str) -> str:
        """What rows that point to older tables keep code of before from doing."""
        keys = self.now[name].keys if name in self.now else frozenset()
        held = sorted(
            {to for _, to, rule in keys if to not in self.created and rule in ("NO ACTION", "RESTRICT")}
        )
        return (
            f"; code from before cannot delete rows of {', '.join(held)} that new rows point to"
            if held
            else ""
        )

    def _index(self, text: str, name: str, table: str, *, certain: bool) -> Verdict:
        if certain:
            self.created.add(name)
        if not re.match(r"CREATE\s+UNIQUE\b", bare(text), re.IGNORECASE):
            return additive("an index changes no answer")
        if table in self.created:
            return additive(f"{table} {_SELF}")
        words = set(re.findall(r"\w+", bare(text).lower()))
        columns = self.now[table].columns
        if any(to == table and name in words and not columns[name].filled for to, name in self.filled_in):
            return additive(
                "concerns a column that this same migration adds, which code from before leaves NULL"
            )
        return reversible("a second row with the same values is refused now")

    def _drop(self, name: str, table: Table, at: int) -> Iterator[Verdict]:
        if name in self.created:
            self.created.discard(name)
            yield additive(f"{name} {_SELF}")
            return
        self._settle(name, table)
        old = {key: column for key, column in table.columns.items() if (name, key) not in self.filled_in}
        table = replace(table, columns=old)
        holders = [holder for holder, copy in self.copies.items() if copy.source == name]
        holder = max(holders, key=lambda holder: len(self.copies[holder].columns or ()), default=None)
        if holder is None:
            yield lost_up(f"all rows of {name}", table=name)
        else:
            self.dropped.append((at, self.home.get(name, name), table, self.copies[holder]))
            # Another table may take the name.
            self.copies[holder].source = ""
            self.again |= table.indexes | table.triggers
            # From now on it is where the rows are.
            self.created.discard(holder)
        # D1 keeps foreign keys on, and dropping a table deletes its rows first, with all that follows.
        children = sorted(
            child
            for child, info in self.now.items()
            if child not in self.copies
            and any(
                to == name and rule in ("CASCADE", "SET NULL", "SET DEFAULT") for _, to, rule in info.keys
            )
        )
        if children:
            yield lost_up(
                f"rows or values of {', '.join(children)}: D1 keeps foreign keys on whatever a PRAGMA says,"
                f" and dropping {name} deletes its rows first"
            )

    def _settle(self, holder: str, now: Table) -> None:
        """Say what dropping a copied table came to, from what now holds its rows."""
        for dropped in list(self.dropped):
            at, home, table, copy = dropped
            if self.copies.get(holder) is not copy:
                continue
            self.dropped.remove(dropped)
            verdicts = list(compare(home, table, now, copy))
            carried = copy.columns or {}
            self.filled_in |= {(holder, key) for key in now.columns if key not in table.columns | carried}
            if holder != home:
                verdicts.append(reversible(f"code from before looks for {home}, whose rows are in {holder}"))
            self.settled.append((at, verdicts))

    def rebuilds(self) -> list[tuple[int, list[Verdict]]]:
        """What dropping each copied table came to, known when the script is at its end."""
        for holder in list(self.copies):
            if holder in self.now:
                self._settle(holder, self.now[holder])
        return self.settled

    def _alter(self, name: str, old: dict[str, Table]) -> Verdict:
        gone, come = set(old) - set(self.now), set(self.now) - set(old)
        if gone and come:
            # A virtual table takes its shadow tables along, whose names are longer.
            return self._rename(min(gone, key=len), min(come, key=len))
        before, after = old[name].columns, self.now[name].columns
        lost, new = [key for key in before if key not in after], [key for key in after if key not in before]
        copied = self.copies[name].columns if name in self.copies else None
        if lost and copied is not None and lost[0] in copied:
            source = copied.pop(lost[0])
            copied |= {new[0]: source} if new else {}
        if name in self.created:
            return additive(f"{name} {_SELF}")
        if lost and new:
            if (name, lost[0]) in self.filled_in:
                self.filled_in.add((name, new[0]))
                return additive(f"{lost[0]} was added by this same migration")
            return reversible(f"code from before uses the former name {name}.{lost[0]}, not {new[0]}")
        if lost:
            if (name, lost[0]) in self.filled_in:
                return additive(f"{lost[0]} was added by this same migration")
            return lost_up(f"all values of {name}.{lost[0]}", table=name, column=lost[0])
        if new:
            self.filled_in.add((name, new[0]))
            return added(name, after[new[0]])
        return reversible(f"the definition of {name} changes")

    def _rename(self, old: str, new: str) -> Verdict:
        for copy in self.copies.values():
            if copy.source == old:
                copy.source = new
        if old in self.copies:
            copy = self.copies[new] = self.copies.pop(old)
            if any(home == new and dropped is copy for _, home, _, dropped in self.dropped):
                return additive(f"{old} takes the place of {new}, whose rows it holds")
        self.filled_in |= {(new, column) for table, column in self.filled_in if table == old}
        if old in self.created:
            self.created.remove(old)
            self.created.add(new)
            return additive(f"{old} {_SELF}")
        self.home[new] = self.home.get(old, old)
        return reversible(f"code from before uses the former name {old}, not {new}")

    def _write(self, text: str, actions: list[Action]) -> Iterator[Verdict]:
        inserted = [action.first.lower() for action in actions if action.what == "INSERT"]
        for name in dict.fromkeys(inserted):
            self._note_copy(text, name, actions)
            yield self._insert(name, replaces=bool(_REPLACE.search(bare(text))))
        updated = {(a.first.lower(), a.second.lower(), a.trigger) for a in actions if a.what == "UPDATE"}
        deleted = {(a.first.lower(), a.trigger) for a in actions if a.what == "DELETE"}
        for name in {action[0] for action in (*updated, *deleted)} & set(self.copies):
            self.copies[name].columns = None
        for name, column, trigger in sorted(updated):
            if name in self.created or (name, column) in self.filled_in:
                yield additive(f"fills only {name}.{column}, which this same migration adds")
            else:
                yield lost_up(f"former values of {name}.{column}{_by(trigger)}", table=name, column=column)
        for name, trigger in sorted(deleted):
            if name in self.created:
                yield additive(f"{name} {_SELF}")
            else:
                yield lost_up(f"rows of {name}{_by(trigger)}", table=name)
        if not (inserted or updated or deleted):
            calls = {action.second.lower() for action in actions if action.what == "FUNCTION"}
            if "load_extension" in calls:
                yield unknown("loads code into the database")
            else:
                yield additive("reads only")

    def _insert(self, name: str, *, replaces: bool) -> Verdict:
        if name in self.created:
            return additive(f"{name} {_SELF}")
        if replaces:
            return lost_up(f"former values of rows of {name} that were there already (REPLACE)", table=name)
        return reversible(
            f"code from before meets rows of {name} that it did not write; they can be taken out again"
        )

    def _note_copy(self, text: str, into: str, actions: list[Action]) -> None:
        if into not in self.created or into not in self.now:
            return
        read = {action.first.lower() for action in actions if action.what == "READ"}
        source = source_of(text, read)
        if source in self.now and source not in self.created:
            copy = read_copy(text, self.now[into], source, self.now[source])
            # Filled more than once: in parts, then.
            self.copies[into] = Copy(source, None) if into in self.copies else copy


def _by(trigger: str) -> str:
    return f" (by the trigger {trigger})" if trigger else ""
