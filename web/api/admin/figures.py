"""Numbers in the admin API. They are asked by POST, and change nothing."""

from __future__ import annotations

from typing import Final

from aiohttp import web
from msgspec import UNSET

from fedserver.moderation import figures
from fedserver.moderation.figures import Cohort, Datum, Measure, human_size, span_of
from fedserver.moderation.permissions import Permission
from web import auth, forms, gate, keys, replies
from web.api.admin.entities import (
    CohortData,
    CohortEntity,
    DimensionData,
    DimensionEntity,
    MeasureData,
    MeasureEntity,
)
from web.api.render import instant
from web.params import Params

KEYS_MAX: Final = 50
SHARES: Final = (10, 100)


async def measures(request: web.Request) -> web.Response:
    """``POST /api/v1/admin/measures``"""
    member = auth.moderator(request, "admin:read")
    params = await forms.params(request)
    wanted = params.texts("keys", count_max=KEYS_MAX)
    span = span_of(params.text("start_at"), params.text("end_at"))
    found = await figures.measures(keys.server(request), member, wanted, span, _about(params, wanted))
    return replies.json([_measure(one) for one in found])


async def dimensions(request: web.Request) -> web.Response:
    """``POST /api/v1/admin/dimensions``"""
    member = auth.moderator(request, "admin:read")
    params = await forms.params(request)
    wanted = params.texts("keys", count_max=KEYS_MAX)
    span = span_of(params.text("start_at"), params.text("end_at"))
    about, limit = _about(params, wanted), params.limit(*SHARES)
    found = await figures.dimensions(keys.server(request), member, wanted, span, about, limit)
    return replies.json([DimensionEntity(key, [_datum(one) for one in data]) for key, data in found.items()])


async def retention(request: web.Request) -> web.Response:
    """``POST /api/v1/admin/retention``: nothing unless both ends of the span are given."""
    member = auth.moderator(request, "admin:read")
    params = await forms.params(request)
    start, end = params.text("start_at"), params.text("end_at")
    if not start or not end:
        return replies.json([])
    frequency: figures.Frequency = "month" if params.text("frequency") == "month" else "day"
    found = await figures.retention(keys.server(request), member, span_of(start, end), frequency)
    return replies.json([_cohort(one) for one in found])


def _about(params: Params, wanted: list[str]) -> dict[str, str]:
    """``tag_uses[id]`` and ``instance_accounts[domain]``: what the measures are of."""
    found = {}
    for key in wanted:
        name = {"tag": "id", "instance": "domain"}.get(key.partition("_")[0])
        if name is not None:
            found[key] = params.nested(key).text(name)
    return found


def _measure(found: Measure) -> MeasureEntity:
    return MeasureEntity(
        key=found.key,
        unit=found.unit,
        total=str(found.total),
        data=[MeasureData(instant(day), str(value)) for day, value in found.data],
        human_value=human_size(found.total) if found.unit == "bytes" else UNSET,
        previous_total=UNSET if found.previous_total is None else str(found.previous_total),
    )


def _datum(one: Datum) -> DimensionData:
    return DimensionData(
        one.key,
        one.human_key,
        one.value,
        UNSET if one.unit is None else one.unit,
        UNSET if one.human_value is None else one.human_value,
    )


def _cohort(one: Cohort) -> CohortEntity:
    data = [CohortData(instant(day), rate, str(value)) for day, rate, value in one.data]
    return CohortEntity(instant(one.began_at), one.frequency, data)


routes: Final[list[web.RouteDef]] = gate.behind(
    Permission.VIEW_DASHBOARD,
    web.post("/api/v1/admin/measures", measures),
    web.post("/api/v1/admin/dimensions", dimensions),
    web.post("/api/v1/admin/retention", retention),
)
