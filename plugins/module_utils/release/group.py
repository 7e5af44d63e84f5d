"""Which versions of different components belong together.

What the ledger recorded as a release is one. For the other versions keys are tried from the
strongest to the weakest: the tag, the commit, the message; what carries none of them joins by the
time at which it was made. A key that is used again for something else ("latest", "deploy") would
join what does not belong together: it is not used at all.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from .model import Release, State, Version

if TYPE_CHECKING:
    from ..ledger.view import Recorded

__all__ = ["KEYS", "group"]

KEYS = ("tag", "commit", "message", "window")
# A letter is demanded, or every date written in digits would be a commit.
_COMMIT = re.compile(r"(?<![\w-])(?=[0-9]*[a-f])[0-9a-f]{7,40}(?![\w-])")
_Item = tuple[str, Version]


def group(
    states: Mapping[str, State],
    *,
    window: timedelta,
    keys: Iterable[str] = KEYS,
    recorded: Sequence[Recorded] = (),
) -> list[Release]:
    """Group the versions of all components into releases, newest first.

    ``window`` is the longest time between two versions of one release when only time joins them.
    A version made by a secret change belongs to the release of the version before it. ``recorded``
    are the releases of the ledger, newest first; all of them are in the answer.
    """
    keys = tuple(keys)
    maker = _makers(states, recorded)
    primary: dict[str, list[Version]] = {}
    made: dict[str, list[_Item]] = {each.name: [] for each in recorded}
    secret_of: dict[tuple[str, str], list[Version]] = {}
    for name, state in states.items():
        primary[name] = []
        for chain in _chains(state):
            if len(chain) > 1:
                secret_of[name, chain[0].id] = chain[1:]
            its = next((maker[pair] for version in chain if (pair := (name, version.id)) in maker), None)
            if its is not None:
                made[its].append((name, chain[0]))
            else:
                primary[name].append(chain[0])

    sets = _join_by_keys(primary, [key for key in keys if key != "window"])
    if "window" in keys:
        sets = _join_by_time(sets, window)
    releases = [_release(items, secret_of) for items in sets]
    releases += [_of_record(each, made[each.name], secret_of) for each in recorded]
    return sorted(releases, key=lambda release: release.finished, reverse=True)


def _makers(states: Mapping[str, State], recorded: Sequence[Recorded]) -> dict[tuple[str, str], str]:
    """The recorded release that brought a version: the oldest that has it; later ones only carry it."""
    listed = {(name, version.id) for name, state in states.items() for version in state.versions}
    maker: dict[tuple[str, str], str] = {}
    for release in recorded:
        maker.update(dict.fromkeys(release.versions.items() & listed, release.name))
    return maker


def _chains(state: State) -> list[list[Version]]:
    """Versions oldest first, each with those that secret changes made of it."""
    chains: list[list[Version]] = []
    for version in sorted(state.versions, key=lambda item: item.created):
        if version.unfit is not None:
            continue
        if version.secret_only and chains:
            chains[-1].append(version)
        else:
            chains.append([version])
    return chains


def _of_record(
    recorded: Recorded, items: list[_Item], secret_of: Mapping[tuple[str, str], list[Version]]
) -> Release:
    return Release(recorded.name, _members(items, secret_of), recorded=recorded)


def _tokens(version: Version, keys: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    message = " ".join(version.message.split()) if version.message else None
    for key in keys:
        if key == "tag" and version.tag:
            found[key] = version.tag
        elif key == "commit":
            text = version.commit or next(
                (hit.group() for hit in map(_COMMIT.search, (version.tag or "", message or "")) if hit), None
            )
            if text:
                found[key] = text[:7]
        elif key == "message" and message:
            found[key] = message
    return found


def _join_by_keys(primary: Mapping[str, list[Version]], keys: list[str]) -> list[list[_Item]]:
    items = [(name, version) for name, versions in primary.items() for version in versions]
    places: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, (_, version) in enumerate(items):
        for key, token in _tokens(version, keys).items():
            places[key, token].append(index)

    parent = list(range(len(items)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    position = {(name, v.id): place for name, versions in primary.items() for place, v in enumerate(versions)}
    for indexes in places.values():
        if _is_reused([items[index] for index in indexes], position):
            continue
        for index in indexes[1:]:
            parent[root(index)] = root(indexes[0])
    joined: dict[int, list[_Item]] = defaultdict(list)
    for index, item in enumerate(items):
        joined[root(index)].append(item)
    return list(joined.values())


def _is_reused(items: list[_Item], position: Mapping[tuple[str, str], int]) -> bool:
    """A key names one release only if no other version lies between two of its versions."""
    per_component: dict[str, list[int]] = defaultdict(list)
    for name, version in items:
        per_component[name].append(position[name, version.id])
    if any(max(places) - min(places) >= len(places) for places in per_component.values()):
        return True
    # Three or more in a row under one key is how an unchanging message looks, not one release.
    return any(len(places) > 2 for places in per_component.values())


def _join_by_time(sets: list[list[_Item]], window: timedelta) -> list[list[_Item]]:
    """Join sets that lie within the window of each other and do not bear different names."""

    def began(items: list[_Item]) -> float:
        return min(version.created.timestamp() for _, version in items)

    joined: list[list[_Item]] = []
    for items in sorted(sets, key=began):
        if joined and _may_join(joined[-1], items, window):
            joined[-1] = joined[-1] + items
        else:
            joined.append(items)
    return joined


def _may_join(left: list[_Item], right: list[_Item], window: timedelta) -> bool:
    end = max(version.created for _, version in left)
    start = min(version.created for _, version in right)
    named = [{version.tag for _, version in side if version.tag} for side in (left, right)]
    return start - end <= window and not (named[0] and named[1] and named[0] != named[1])


def _release(items: list[_Item], secret_of: Mapping[tuple[str, str], list[Version]]) -> Release:
    members = _members(items, secret_of)
    release = Release(name=_name(items), members=members)
    codes: dict[str, set[str | None]] = defaultdict(set)
    for name, version in items:
        codes[name].add(version.tag or version.commit or version.message)
    doubtful = sorted(
        name
        for name, members_ in members.items()
        if sum(not version.secret_only for version in members_) > 1
        and (None in codes[name] or len(codes[name]) > 1)
    )
    if doubtful:
        release.ambiguous = f"{', '.join(doubtful)} has several versions in it that nothing tells apart"
    return release


def _members(
    items: list[_Item], secret_of: Mapping[tuple[str, str], list[Version]]
) -> dict[str, list[Version]]:
    members: dict[str, list[Version]] = defaultdict(list)
    for name, version in sorted(items, key=lambda item: item[1].created, reverse=True):
        members[name] += [*reversed(secret_of.get((name, version.id), [])), version]
    return dict(members)


def _name(items: list[_Item]) -> str:
    versions = [version for _, version in items]
    for candidates in (
        [version.tag for version in versions],
        [version.commit[:12] if version.commit else None for version in versions],
        [version.message[:40] if version.message else None for version in versions],
    ):
        known = sorted({candidate for candidate in candidates if candidate})
        if known:
            return known[0]
    return max(version.created for version in versions).strftime("%Y-%m-%dT%H:%M:%SZ")
