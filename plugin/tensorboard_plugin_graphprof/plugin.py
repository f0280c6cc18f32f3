"""The plugin as TensorBoard sees it: a table of routes, and nothing else."""

from __future__ import annotations

import gzip
import json
import logging
from collections.abc import Callable, Iterable
from typing import Any

from tensorboard.plugins import base_plugin
from werkzeug.wrappers import Request, Response

from graphprof.errors import GraphprofError, UsageError
from tensorboard_plugin_graphprof.api import Answer, Api, NotFoundError
from tensorboard_plugin_graphprof.assets import ASSETS
from tensorboard_plugin_graphprof.discovery import Discovery, roots

logger = logging.getLogger(__name__)

# Small answers are not worth compressing.
_GZIP_FROM = 1024

_STATIC = "/static/"

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
"""A WSGI application."""


class GraphprofPlugin(base_plugin.TBPlugin):  # type: ignore[misc]
    """The GRAPHPROF tab."""

    plugin_name = "graphprof"

    def __init__(self, context: base_plugin.TBContext, *, always_active: bool = False) -> None:
        self._discovery = Discovery(roots(context))
        self._api = Api(self._discovery)
        self._always_active = always_active

    def get_plugin_apps(self) -> dict[str, App]:
        """The routes, below ``/data/plugin/graphprof``."""
        self._discovery.start()
        apps = {f"/{name}": _data_app(answer) for name, answer in self._api.routes.items()}
        return {**apps, f"{_STATIC}*": _app(_static)}

    def is_active(self) -> bool:
        """Whether there is a session in the log directory, from the last walk through it."""
        return self._always_active or self._discovery.any()

    def frontend_metadata(self) -> base_plugin.FrontendMetadata:
        """What TensorBoard loads into the tab."""
        return base_plugin.FrontendMetadata(
            es_module_path=f"{_STATIC}index.js", tab_name="graphprof"
        )


def _data_app(answer: Callable[[dict[str, str]], Answer]) -> App:
    """A route that answers a query."""

    def reply(request: Request) -> Response:
        try:
            found = answer(request.args.to_dict())
        except GraphprofError as error:
            return _error(request, _status(error), error.message, error.cure)
        except Exception as error:
            # Nothing that a reader can ask for should lead here; what does is a mistake of ours.
            logger.exception("GRAPHPROF failed on %s", request.full_path)
            message = f"graphprof failed: {type(error).__name__}: {error}"
            return _error(request, 500, message, "Report it, with what TensorBoard's log says")
        return _respond(request, 200, found.body, found.content_type)

    return _app(reply)


def _static(request: Request) -> Response:
    """A file of the page, looked up by name in what was read at start."""
    asset = ASSETS.get(request.path.rpartition(_STATIC)[2])
    if asset is None:
        return _error(request, 404, "There is no such file", "Reload the page")
    headers = {"ETag": asset.tag}
    if asset.tag.strip('"') in request.if_none_match:
        return Response(status=304, headers=_headers(headers))
    packed = "gzip" in request.accept_encodings
    body = asset.body if packed else gzip.decompress(asset.body)
    return _send(request, 200, body, asset.content_type, packed, headers)


def _app(reply: Callable[[Request], Response]) -> App:
    """A WSGI application that reads only.

    A page elsewhere can make a browser POST here, so that nothing but GET and HEAD is answered.
    """

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = Request(environ)
        if request.method in ("GET", "HEAD"):
            response = reply(request)
        else:
            response = _error(request, 405, f"{request.method} is not answered here", "Use GET")
            response.headers["Allow"] = "GET, HEAD"
        return response(environ, start_response)  # type: ignore[no-any-return]

    return app


def _status(error: GraphprofError) -> int:
    if isinstance(error, UsageError):
        return 400
    return 404 if isinstance(error, NotFoundError) else 422


def _error(request: Request, status: int, message: str, cure: str) -> Response:
    body = json.dumps({"error": {"message": message, "cure": cure}}).encode("ascii")
    return _respond(request, status, body, "application/json")


def _respond(request: Request, status: int, body: bytes, content_type: str) -> Response:
    packed = len(body) >= _GZIP_FROM and "gzip" in request.accept_encodings
    # Level 1: the answer is used once, by a browser that is mostly on the same machine.
    return _send(request, status, gzip.compress(body, 1) if packed else body, content_type, packed)


def _send(
    request: Request,
    status: int,
    body: bytes,
    content_type: str,
    packed: bool,
    headers: dict[str, str] | None = None,
) -> Response:
    found = _headers({"Content-Length": str(len(body)), **(headers or {})})
    if packed:
        found["Content-Encoding"] = "gzip"
    content = b"" if request.method == "HEAD" else body
    return Response(content, status=status, headers=found, content_type=content_type)


def _headers(more: dict[str, str]) -> dict[str, str]:
    # no-cache: kept by the browser, but asked for again each time, so that an update shows at once.
    return {
        "Cache-Control": "no-cache",
        "X-Content-Type-Options": "nosniff",
        "Vary": "Accept-Encoding",
        **more,
    }
