"""The commands for people, read by typer; what they do is in a module each."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
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


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Gets the kubeconfig and the operator's log.")] = Path(".vmop"),
    time_limit: Annotated[float, typer.Option(help="Seconds after which the demo counts as failed.")] = 60.0,
) -> None:
    """See a VMDistributed roll over two zones, in under a minute and without a cluster."""
    from vmop.cli.demo import run_demo  # noqa: PLC0415

    raise typer.Exit(asyncio.run(run_demo(folder, time_limit=time_limit)))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def dev(
    context: typer.Context,
    kubeconfig: Annotated[Path, typer.Option(help="Where the kubeconfig for kubectl is written.")] = Path(
        ".vmop/kubeconfig"
    ),
    port: Annotated[int, typer.Option(help="Port of the API server on loopback; 0 takes a free one.")] = 0,
    operator: Annotated[bool, typer.Option(help="Run the operator in it.")] = True,
) -> None:
    """Run a small cluster on this machine with the operator in it, until Ctrl-C.

    Further words are flags for the operator: vmop dev -- -zap-log-level=debug
    """
    from vmop.cli.dev import run_dev  # noqa: PLC0415

    raise typer.Exit(asyncio.run(run_dev(kubeconfig, port=port, operator=operator, words=context.args)))


@app.command()
def rollout(
    name: Annotated[str, typer.Argument(help="Name of the VMDistributed.")],
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="Its namespace; else the kubeconfig's.")] = "",
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on until the rollout is through or failed.")] = False,
    kubeconfig: Annotated[
        Path | None, typer.Option(help="The kubeconfig; else KUBECONFIG, else ~/.kube/config.")
    ] = None,
    context: Annotated[str | None, typer.Option(help="The kubeconfig's context to use.")] = None,
) -> None:
    """Show how far the rollout of a VMDistributed is: zones, phases, traffic, and what is waited for."""
    from vmop.cli.rollout import show_rollout  # noqa: PLC0415
    from vmop.kube import ApiError, ConfigError, ObjectKey  # noqa: PLC0415

    key = ObjectKey(namespace, name)
    try:
        code = asyncio.run(show_rollout(key, kubeconfig=kubeconfig, context=context, watch=watch))
    except KeyboardInterrupt:
        code = 130
    except (ApiError, ConfigError, TimeoutError) as error:
        typer.echo(f"error: {error}", err=True)
        code = 1
    raise typer.Exit(code)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
def operator(context: typer.Context) -> None:
    """Run the operator daemon: in a cluster, or against the one of --kubeconfig. Its flags: vmop operator -h."""
    from vmop.cli import operator as daemon  # noqa: PLC0415 - each command pays for its own imports

    raise typer.Exit(daemon.main(context.args, os.environ))


@app.command()
def validate(
    files: Annotated[list[Path], typer.Argument(help="Manifests, or folders of them; - reads standard input.")],
    output: Annotated[
        str, typer.Option("--output", "-o", help="How problems are shown: text, json or junit.")
    ] = "text",
) -> None:
    """Check manifests of our kinds without a cluster; one line a problem, exit code 1 if there is any."""
    from vmop.cli.validate import validate as check  # noqa: PLC0415

    try:
        code = check(files, output, sys.stdout, sys.stderr)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    raise typer.Exit(code)


@app.command()
def render(
    files: Annotated[list[Path], typer.Argument(help="Manifests of VMCluster, VMAgent or VMAuth; - reads stdin.")],
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="Of resources that name none.")] = "default",
) -> None:
    """Print what the operator would make of resources, without a cluster. Its environment variables count."""
    from vmop.cli.render import render as write  # noqa: PLC0415

    raise typer.Exit(write(files, namespace, os.environ, sys.stdout, sys.stderr))
