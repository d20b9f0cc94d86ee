"""Before a long encode: is the asked dtype near enough to float32, which batches suit this machine, how long will it take?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from embver.errors import PolicyError

if TYPE_CHECKING:
    from embver.encode.batches import BatchPlan
    from embver.encode.gate import InBoth
    from embver.encode.models import LoadedEncoder
    from embver.encode.spec import Item

_LISTED: Final = 5
_WORTH_IT: Final = 1000  # items: a run of fewer is over before a warm-up has told anything


@dataclass(frozen=True, slots=True, kw_only=True)
class Warm:
    """What a warm-up found of one modality.

    `plan` holds the batches that suit this machine. `moved` is how far the asked dtype moves a sample from float32, as
    an entry of a floor; None where float32 was asked. `expected_s` is about how long the rest of the run will take.
    """

    modality: str
    plan: BatchPlan
    expected_s: float | None = None
    items_per_s: float | None = None
    tokens_per_s: Mapping[int, float] | None = None
    moved: Mapping[str, Any] | None = None


def warm_up(
    encoder: LoadedEncoder,
    items: Sequence[Item],
    *,
    batch: BatchPlan,
    role: str | None,
    metric: str,
    to_do: int | None = None,
) -> Warm:
    """Check the dtype of the computation on a sample of the items, then choose the batches for `to_do` of them.

    With 0 to do, the batches stay as they are. Raises PolicyError, with the numbers, if the dtype is not *equivalent*
    to float32 for this encoder and corpus.
    """
    from embver.encode.floor import spread
    from embver.encode.tuning import SAMPLE, tune

    sample = spread(items, SAMPLE)
    moved = check_compute(encoder, sample, batch=batch, role=role, metric=metric)
    wanted = len(items) if to_do is None else to_do
    found = tune(encoder, sample, items=wanted, role=role, batch=batch) if wanted > _WORTH_IT else None
    if found is None:
        return Warm(modality=encoder.spec.modality, plan=batch, moved=moved)
    return Warm(
        modality=encoder.spec.modality,
        plan=found.plan,
        expected_s=wanted / found.items_per_s,
        items_per_s=found.items_per_s,
        tokens_per_s=found.tokens_per_s,
        moved=moved,
    )


def check_compute(
    encoder: LoadedEncoder, sample: Sequence[Item], *, batch: BatchPlan, role: str | None, metric: str
) -> Mapping[str, Any] | None:
    """Return how far the encoder's dtype moves a sample from float32; None where it is float32.

    Raises PolicyError, with the numbers, beyond the rule's bounds of *equivalent*.
    """
    if encoder.compute == "float32":
        return None
    from embver.encode.gate import encode_in_both
    from embver.measure.rule import Rule

    both, rule = encode_in_both(encoder, sample, role=role, batch=batch), Rule()
    path, dtype = encoder.spec.card_path, encoder.compute
    if both.lost:
        more = f" and {len(both.lost) - _LISTED} more" if len(both.lost) > _LISTED else ""
        raise PolicyError(
            f"{path}: in {dtype} the vectors of {', '.join(both.lost[:_LISTED])}{more} are zero or not finite",
            hint="--compute float32, or bfloat16, whose range is the same",
        )
    return _judged(both, path, dtype, metric, rule) if len(both.exact) else {}


def _judged(both: InBoth, path: str, dtype: str, metric: str, rule: Any) -> dict[str, Any]:
    import numpy as np

    from embver.measure.repeat import measure_repeat

    identical = (both.exact == both.asked).all(axis=1)
    found = measure_repeat(
        both.exact, np.arange(len(both.exact)), both.asked, identical, metric=metric, rule=rule
    )
    moved: dict[str, Any] = {"cosine_distance_p99": float(f"{found.distance_p99:.2g}")}
    said = [f"p99 of 1-cosine {found.distance_p99:.1e} (at most {rule.equivalent_distance_p99:.0e})"]
    if found.neighbours is not None:
        moved[f"recall_at_{found.k}"] = round(found.neighbours.value, 4)
        said.append(
            f"{found.neighbours.value:.4f} of the {found.k} nearest neighbours are the same, at least "
            f"{found.neighbours.lcb:.4f} (at least {rule.equivalent_recall})"
        )
    is_near = found.distance_p99 <= rule.equivalent_distance_p99
    if not (is_near and (found.neighbours is None or found.neighbours.lcb >= rule.equivalent_recall)):
        raise PolicyError(
            f"{path}: {dtype} is not equivalent to float32 on {found.rows} items of this corpus",
            reasons=tuple(said),
            hint="--compute float32",
        )
    return moved
