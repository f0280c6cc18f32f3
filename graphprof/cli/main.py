"""The command ``graphprof``: its verbs, loaded when they are called for, and its one error handler."""

from __future__ import annotations

import difflib
import importlib
import sys

import click

from graphprof._version import __version__
from graphprof.cli import streams
from graphprof.errors import GraphprofError, StorageError

# verb -> (module that defines it as `command`, one line for `graphprof --help`). Modules are
# imported only when their verb is used, so that help and reports come up at once.
VERBS: dict[str, tuple[str, str]] = {
    "profile": ("graphprof.cli.profile", "Profile a model in several modes and compare them."),
    "exec": ("graphprof.cli.exec_", "Run an unmodified script and say why it is slow."),
    "verify": ("graphprof.cli.verify", "Try what the findings advise, and say whether it helped."),
    "report": ("graphprof.cli.report", "Print a recorded session again: text, Markdown or JSON."),
    "compare": ("graphprof.cli.compare", "Say where the difference between two modes comes from."),
    "export": ("graphprof.cli.export", "Write a session's tables as CSV or Parquet."),
    "import": ("graphprof.cli.import_", "Make a session of traces that others have taken."),
    "view": ("graphprof.cli.view", "Open recorded sessions in TensorBoard on this machine."),
    "demo": ("graphprof.cli.demo", "Profile a built-in model on real data, end to end."),
    "modes": ("graphprof.cli.modes", "List the modes, and what can run here."),
    "doctor": ("graphprof.cli.doctor", "Check this machine: versions, devices, noise."),
}


class Verbs(click.Group):
    """A group whose commands are imported on first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Name the verbs in the order of the table."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the verb's module and return its command."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(VERBS[cmd_name][0]).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb; suggest the one that was meant."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = difflib.get_close_matches(args[0], VERBS, n=1)
            if not near:
                raise
            raise click.UsageError(f"{error.message} Did you mean {near[0]!r}?", ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the verbs without importing them."""
        with formatter.section("Verbs"):
            formatter.write_dl([(verb, line) for verb, (_, line) in VERBS.items()])


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="graphprof")
def graphprof() -> None:
    """Profile one TensorFlow model in every way it can run, side by side.

    \b
    graphprof demo                                   a built-in model, end to end
    graphprof profile models.py:build --logdir logs  your model
    graphprof view logs                              the same in TensorBoard
    """


def main(argv: list[str] | None = None) -> None:
    """Run the command line and exit with its documented code (``docs/exit-codes.md``)."""
    streams.be_lenient()
    try:
        # Not `graphprof.main()`: it turns a closed pipe into exit code 1, which is taken.
        arguments = sys.argv[1:] if argv is None else argv
        with graphprof.make_context("graphprof", list(arguments)) as context:
            code = graphprof.invoke(context)
        streams.flush()
    except click.exceptions.Exit as end:
        code = end.exit_code
    except GraphprofError as error:
        click.echo(f"graphprof: {error}", err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("graphprof: interrupted.", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # The reader (`| head`) has seen enough. What Python flushes at exit must go nowhere, too.
        streams.give_up()
        sys.exit(0)
    except OSError as error:
        full = StorageError(
            f"Cannot use {error.filename or 'the output'}: {error.strerror or error}",
            "Free some space, or write elsewhere",
        )
        click.echo(f"graphprof: {full}", err=True)
        streams.give_up()
        sys.exit(full.exit_code)
    sys.exit(code if isinstance(code, int) else 0)
