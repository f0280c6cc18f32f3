"""A client for the plugin's routes, without a server."""

from pathlib import Path
from types import SimpleNamespace

from tensorboard_plugin_graphprof.plugin import GraphprofPlugin
from werkzeug.test import Client

SESSION = "digits_cnn-20250101-120000"
"""The id of the session that ``builders.session`` writes unless told otherwise."""


def client_of(logdir: Path | str | None, **flags: object) -> Client:
    """A client for the plugin's routes, as TensorBoard hands requests to them."""
    logdir = None if logdir is None else str(logdir)
    plugin = GraphprofPlugin(SimpleNamespace(logdir=logdir, flags=SimpleNamespace(**flags)))
    apps = plugin.get_plugin_apps()

    def route(environ, start_response):
        path = environ["PATH_INFO"]
        for prefix, app in apps.items():
            if path == prefix or (prefix.endswith("/*") and path.startswith(prefix[:-1])):
                return app(environ, start_response)
        start_response("404 NOT FOUND", [("Content-Type", "text/plain")])
        return [b"no such route"]

    return Client(route)
