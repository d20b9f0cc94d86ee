"""Stamp stores, and let queries pass or refuse them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

from embver.errors import StampError, UsageError
from embver.guard.decision import DEFAULT_ALLOW, Decision, Modalities, Query, Versioned, decide, space_of
from embver.guard.stamp import Stamp, StampedSpace, parse_stamp
from embver.guard.stores import Store, store_of

Parameters = ParamSpec("Parameters")
Found = TypeVar("Found")


def stamp(
    store: Any, versions: Query | Sequence[Query], *, column: str | None = None, replace: bool = False
) -> Stamp:
    """Write into a store which version, or versions, its vectors are of; return the stamp.

    `store` is a path (FAISS index, Parquet file, LanceDB table), a LanceDB table, (Qdrant client, collection) or
    `Callbacks`. Several versions stamp a store that is being filled anew. Raises StampError where a stamp of other
    spaces stands, unless `replace`; UsageError where the vectors' dimension is not the version's.
    """
    listed = [versions] if isinstance(versions, str | Versioned) else list(versions)
    spaces = {(space.space_id, space.reference): space for space in map(space_of, listed)}
    made = Stamp(spaces=tuple(spaces.values()))
    found = store_of(store, column=column)
    _check_dimensions(found, made.spaces)
    found.write_stamp(made.to_text(), replace=replace)
    return made


def read(store: Any, *, column: str | None = None, quick: bool = False) -> Stamp:
    """Return a store's stamp; raise StampError where it has none, a damaged one, or was changed since.

    `quick` leaves out the pass over a FAISS index that compares its SHA-256.
    """
    found = store_of(store, column=column)
    text = found.read_stamp(quick=quick)
    if text is None:
        raise StampError(
            f"{found.name} has no stamp: nobody knows by which version its vectors were encoded",
            hint=f"embver guard stamp {found.name} REF, if you do",
        )
    return parse_stamp(text, store=found.name)


def inspect(
    store: Any,
    query: Query,
    *,
    allow: str = DEFAULT_ALLOW,
    modalities: Modalities | None = None,
    column: str | None = None,
    quick: bool = False,
    measure: bool = False,
) -> Decision:
    """Return what the guard thinks of a query, allowed or not; the arguments are those of `check`."""
    found = store_of(store, column=column)
    stamped = read(found, quick=quick)
    asked = space_of(query)
    if asked.space_id in {space.space_id for space in stamped.spaces}:
        _check_dimensions(found, (asked,))
    return decide(stamped, query, store=found.name, allow=allow, modalities=modalities, measure=measure)


def check(
    store: Any,
    query: Query,
    *,
    allow: str = DEFAULT_ALLOW,
    modalities: Modalities | None = None,
    column: str | None = None,
    quick: bool = False,
    measure: bool = False,
) -> Decision:
    """Let a query of a version or fingerprint pass, or raise SpaceMismatch with both names and the verdict.

    The same space passes, and so does a version that was measured at least `allow` (identical, equivalent,
    compatible) with the store's. `modalities` (of the query, of the documents) takes the verdict of that stratum
    alone; `measure` measures pairs that no card records, which takes seconds and the probe vectors of both.
    """
    decision = inspect(
        store, query, allow=allow, modalities=modalities, column=column, quick=quick, measure=measure
    )
    if not decision.is_allowed:
        raise decision.refusal()
    return decision


def guarded(
    store: Any, query: Query, *, each_call: bool = False, **options: Any
) -> Callable[[Callable[Parameters, Found]], Callable[Parameters, Found]]:
    """Decorate a query function: before its first call, or before each one, the store is checked.

    `options` are those of `check`. A refused function can be called again once the store was put right.
    """

    def decorate(function: Callable[Parameters, Found]) -> Callable[Parameters, Found]:
        is_checked = False

        @functools.wraps(function)
        def call(*arguments: Parameters.args, **named: Parameters.kwargs) -> Found:
            nonlocal is_checked
            if each_call or not is_checked:
                check(store, query, **options)
                is_checked = True
            return function(*arguments, **named)

        return call

    return decorate


def _check_dimensions(store: Store, spaces: Sequence[StampedSpace]) -> None:
    """Refuse to call vectors of one dimension a space of another."""
    held = store.dimensions()
    for space in spaces:
        if held is not None and space.dimensions and held not in space.dimensions:
            allowed = " or ".join(map(str, space.dimensions))
            raise UsageError(f"{store.name} holds vectors of {held} dimensions, {space.label} has {allowed}")
