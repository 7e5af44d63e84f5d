"""Whether name servers and resolvers say of a name what they should. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from .lookup import Said
from .records import Record, plain, ttl_of

__all__ = ["Expected", "Verdict", "expected", "judge"]


@dataclass(frozen=True)
class Expected:
    """What a question of the type ``kind`` shall be answered with.

    ``values`` of the type ``answered``; ``None`` where the addresses are Cloudflare's to choose (proxied, or an alias
    at the apex). ``ttl`` in seconds.
    """

    kind: str
    answered: str
    values: frozenset[str] | None
    ttl: int


@dataclass(frozen=True)
class Verdict:
    """``verdict``: pass, fail or inconclusive; ``detail`` in one line; ``stale``: seconds of a wrong answer."""

    verdict: str
    detail: str
    stale: int = 0


def expected(records: Sequence[Record], *, apex: bool) -> list[Expected]:
    """The questions to ask about declared records, with the answers that they should have."""
    told = [plain(record) for record in records]
    found = []
    for kind in sorted({record["type"] for record in told}):
        own = [record for record in told if record["type"] == kind]
        if any(record["proxied"] for record in own) or (kind == "CNAME" and apex):
            continue
        values = frozenset(
            f"{record['priority']} {record['content']}" if kind == "MX" else record["content"]
            for record in own
        )
        found.append(Expected("A" if kind == "CNAME" else kind, kind, values, ttl_of(own)))
    hidden = [r for r in told if r["proxied"] or (r["type"] == "CNAME" and apex)]
    if hidden:
        found.append(Expected("A", "A", None, ttl_of(hidden)))
    return found


def judge(want: Expected, authority: Collection[Said], resolvers: Collection[Said]) -> Verdict:
    """The authority must say what is declared; whoever else answers must say what the authority says.

    Who does not answer proves nothing: without the authority, or without any of the resolvers, nothing is proved.
    """
    told = [said for said in authority if not said.problem]
    silent = [f"{said.server}: {said.problem}" for said in (*authority, *resolvers) if said.problem]
    if not told:
        return Verdict("inconclusive", "; ".join(["the authority was not heard", *silent]))
    wrong = [
        f"{said.server} (authority) says {_values(said)}{_instead(want)}"
        for said in told
        if not _right(want, said)
    ]
    if wrong:
        return Verdict("fail", "; ".join([*wrong, *silent]))
    off = sorted({said.ttl for said in told if want.values is not None and said.ttl != want.ttl})
    if off:
        return Verdict("fail", f"the authority says a TTL of {off[0]} s, {want.ttl} s are declared")
    true = frozenset[str]().union(*(said.values for said in told))
    heard = [said for said in resolvers if not said.problem]
    late = [said for said in heard if not _agrees(want, said, true)]
    if late:
        said = [f"{one.server} says {_values(one)} for {one.ttl} s more" for one in late]
        detail = f"the authority says {_values(told[0])}, but {'; '.join([*said, *silent])}"
        return Verdict("fail", detail, max(one.ttl for one in late))
    if resolvers and not heard:
        return Verdict("inconclusive", "; ".join(["no resolver was heard", *silent]))
    others = f" and {len(heard)} resolver{'' if len(heard) == 1 else 's'}" if heard else ""
    agreed = f"{_values(told[0])}, TTL {told[0].ttl} s, says the authority ({len(told)} of {len(authority)}){others}"
    return Verdict("pass", "; ".join([agreed, *silent]))


def _right(want: Expected, said: Said) -> bool:
    return (
        bool(said.values)
        if want.values is None
        else said.kind == want.answered and said.values == want.values
    )


def _agrees(want: Expected, said: Said, true: frozenset[str]) -> bool:
    # Of the addresses that Cloudflare chooses, one resolver may know others than the next.
    return bool(said.values & true) if want.values is None else said.values == true


def _values(said: Said) -> str:
    return f"{said.kind} {_listed(said.values)}" if said.values else "that there is nothing"


def _instead(want: Expected) -> str:
    return f", not {want.answered} {_listed(want.values)}" if want.values is not None else ""


def _listed(values: Iterable[str]) -> str:
    return ", ".join(sorted(values))
