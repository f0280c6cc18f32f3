"""``graphprof view``: TensorBoard on this machine, with the GRAPHPROF tab open."""

from __future__ import annotations

import threading
import webbrowser
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from graphprof import session as sessions
from graphprof.errors import StorageError, UsageError

# Names by which this machine is reached from itself.
_LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]")

# Addresses that stand for every network of this machine: then any name may lead here.
_EVERY_NETWORK = ("0.0.0.0", "::", "[::]")


@click.command()
@click.argument("logdir", type=click.Path(path_type=Path))
@click.option("--port", type=click.IntRange(0, 65535), help="Port; the first free one from 6006.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--open", "open_browser", is_flag=True, help="Open the page in a browser.")
@click.option(
    "--only",
    is_flag=True,
    help="Only the GRAPHPROF tab: starts in a second, without links to PROFILE.",
)
def command(logdir: Path, port: int | None, host: str, open_browser: bool, only: bool) -> None:
    """Show the sessions in LOGDIR in TensorBoard, on this machine.

    \b
    graphprof view logs
    graphprof view logs --open --only

    Prints the address and serves until Ctrl-C. Exit code 0; 2 where the port is taken; 6 where LOGDIR
    cannot be read.
    """
    _check(logdir)
    url = _launch(logdir, port, host, only)
    if next(sessions.find(logdir), None) is None:
        click.echo(
            f"There is no session in {logdir} yet: graphprof demo --logdir {logdir}", err=True
        )
    click.echo(f"{url}#graphprof")
    click.echo("Serving until Ctrl-C.", err=True)
    if open_browser:
        webbrowser.open(f"{url}#graphprof")
    threading.Event().wait()


def _check(logdir: Path) -> None:
    if not logdir.exists():
        raise StorageError(
            f"There is no folder {logdir}",
            "Name the folder that was given to `graphprof profile --logdir`",
        )
    try:
        next(logdir.iterdir(), None)
    except OSError as error:
        raise StorageError(
            f"Cannot read {logdir}: {error.strerror or error}", "Name a folder that you may read"
        ) from error


def _launch(logdir: Path, port: int | None, host: str, only: bool) -> str:
    """Start TensorBoard in a thread and return its address, with ``/`` at the end."""
    from tensorboard import program

    board = program.TensorBoard(plugins=_plugins(only), server_class=_guarded_server(host))
    options: dict[str, Any] = {"logdir": str(logdir.resolve()), "host": host}
    if port is not None:
        options["port"] = port
    try:
        board.configure(argv=[None], **options)
        url: str = board.launch()
    except program.TensorBoardServerException as error:
        where = host if port is None else f"{host}:{port}"
        raise UsageError(
            f"Cannot listen on {where}: {error.msg.strip()}",
            "Leave --port out to take the first free one, or name another",
        ) from error
    return url


def _plugins(only: bool) -> list[Any]:
    """TensorBoard's plugins with ours, which is shown even before there is a session."""
    from tensorboard.plugins.core.core_plugin import CorePluginLoader
    from tensorboard.plugins.hparams.hparams_plugin import HParamsPlugin
    from tensorboard_plugin_graphprof.loader import AlwaysShown, GraphprofLoader

    if only:
        # TensorBoard's page asks for HPARAMS whether it is there or not.
        return [CorePluginLoader(), AlwaysShown, HParamsPlugin]
    from tensorboard import default

    others = [plugin for plugin in default.get_plugins() if plugin is not GraphprofLoader]
    return [*others, AlwaysShown]


def _guarded_server(host: str) -> Callable[..., Any]:
    """A server that answers to the names of this machine only.

    TensorBoard does not look at the name that a browser asks for, so a page elsewhere could point
    its own name here and read the answers.
    """
    from tensorboard import program

    def make(app: Any, flags: Any) -> Any:
        return program.create_port_scanning_werkzeug_server(guard(app, host), flags)

    return make


def guard(app: Any, host: str) -> Any:
    """Wrap a WSGI application: requests for other hosts than this one are refused."""
    if host in _EVERY_NETWORK:
        return app
    allowed = {*_LOCAL_HOSTS, host, f"[{host}]"}

    def guarded(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        asked = environ.get("HTTP_HOST", "")
        name = asked if asked.endswith("]") else asked.rpartition(":")[0] or asked
        if name.lower() in allowed:
            return app(environ, start_response)  # type: ignore[no-any-return]
        text = b"This is not the host that graphprof view serves. Use the address that it printed."
        headers = [("Content-Type", "text/plain"), ("X-Content-Type-Options", "nosniff")]
        start_response("403 Forbidden", headers)
        return [text]

    return guarded
