"""The commands for people, read by typer; what they do is in a module each."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from vmop import __version__

app = typer.Typer(
    name="vmop",
    help="The VictoriaMetrics operator in Python, and what you need to try it without a cluster.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vmop {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None: ...


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
def operator(context: typer.Context) -> None:
    """Run the operator daemon: in a cluster, or against the one of --kubeconfig. Its flags: vmop operator -h."""
    from vmop.cli import operator as daemon  # noqa: PLC0415 - each command pays for its own imports

    raise typer.Exit(daemon.main(context.args, os.environ))
