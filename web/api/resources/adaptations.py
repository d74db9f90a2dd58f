"""Making something from a resource, and what was made from it, in the client API."""

from __future__ import annotations

from typing import Final

from aiohttp import web
from msgspec import Raw

from fedserver.resources import adapting, licences, publishing
from fedserver.resources.adapting import Edge, Node
from web import auth, forms, keys, replies
from web.api.render import renderer
from web.api.resources import shown
from web.api.resources.entities import Adaptation, AdaptationSource, AdaptationTree


async def adapt(request: web.Request) -> web.Response:
    """``POST /api/v1/resources/:id/adapt``: a draft of what is to be made from it; `relation` is adaptation, translation (into a
    `language`) or version."""
    member = auth.member(request, "write:resources")
    params, server = await forms.params(request), keys.server(request)
    draft_id = await adapting.adapt(
        server,
        member,
        forms.path_id(request),
        relation=params.text("relation") or "adaptation",
        language=params.text("language"),
    )
    return shown.draft(await publishing.draft(server, member, draft_id))


async def tree(request: web.Request) -> web.Response:
    """``GET /api/v1/resources/:id/adaptations``: what it is made from and what is made from it, `depth` steps (3, at most 10)
    each way."""
    viewer = auth.viewer(request, "read:resources")
    depth = forms.query(request).integer("depth", adapting.DEPTH_USUAL, least=0, most=adapting.DEPTH_MAX)
    found = await adapting.tree(keys.server(request), viewer.account_id, forms.path_id(request), depth=depth)
    return replies.json(
        AdaptationTree(
            nodes=[_node(request, one) for one in found.nodes],
            edges=[_edge(one) for one in found.edges],
            complete=found.complete,
        )
    )


def _node(request: web.Request, node: Node) -> Adaptation:
    row, licence = node.shown.row, node.shown.details.licence
    return Adaptation(
        id=str(row.id),
        depth=node.depth,
        uri=row.uri,
        url=row.url or row.uri,
        title=row.title,
        language=row.language or None,
        licence=licence or None,
        licence_url=licences.address(licence) or None,
        version=row.version or None,
        instance=row.domain or keys.server(request).config.domain,
        withdrawn=row.withdrawn_at is not None,
        account=Raw(renderer(request).account(node.author)),  # type: ignore[arg-type]
    )


def _edge(edge: Edge) -> AdaptationSource:
    return AdaptationSource(
        resource_id=str(edge.post_id),
        source_id=None if edge.source_id is None else str(edge.source_id),
        uri=edge.source_uri,
        relation=edge.relation,
        title=edge.title,
        licence=edge.licence or None,
    )


routes: Final[list[web.RouteDef]] = [
    web.post("/api/v1/resources/{id}/adapt", adapt),
    web.get("/api/v1/resources/{id}/adaptations", tree),
]
