"""Command line: `python -m fakepypi --index-host NAME --files-host NAME --state DIR`."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from fakepypi.distributions.catalogue import DEMO, read_publications
from fakepypi.hosts.site import Names
from fakepypi.publication import Publication
from fakepypi.server import Config, Server


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; returns the exit status."""
    options = _parser().parse_args(arguments)
    names = Names(options.index_host, options.files_host, tuple(options.extra_name))
    config = Config(
        names,
        options.state,
        address=options.address,
        https_port=options.https_port,
        http_port=options.http_port,
        control_address=options.control_address,
        control_port=options.control_port,
    )
    try:
        publications = list(DEMO) if options.demo else []
        for catalogue in options.catalogue:
            publications += read_publications(catalogue)
        asyncio.run(_serve(config, publications))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"fakepypi: {error}\n")
        return 1
    return 0


async def _serve(config: Config, publications: list[Publication]) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with Server(config).running() as server:
        await server.api.publish(publications)
        sys.stdout.write(
            f"fakepypi ready: {config.names.index} and {config.names.files} on https port "
            f"{server.https.port}, control on port {server.control.port}, "
            f"CA in {config.state / 'ca.pem'}\n"
        )
        sys.stdout.flush()
        await stopping.wait()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fakepypi", description="A PyPI made for tests.")
    add = parser.add_argument
    add("--index-host", required=True, metavar="NAME", help="name of the index host")
    add("--files-host", required=True, metavar="NAME", help="name of the file host")
    add("--extra-name", action="append", default=[], metavar="NAME", help="plays both hosts")
    add("--state", required=True, type=Path, metavar="DIR", help="keeps the CA: DIR/ca.pem")
    add("--address", default="0.0.0.0", help="of both hosts (default %(default)s)")
    add("--https-port", type=int, default=443, metavar="PORT", help="default %(default)s")
    add("--http-port", type=int, metavar="PORT", help="plain HTTP, refused as PyPI does")
    add("--control-address", default="127.0.0.1", help="default %(default)s")
    add("--control-port", type=int, default=8080, metavar="PORT", help="default %(default)s")
    add("--catalogue", action="append", default=[], type=Path, metavar="FILE", help="publications")
    add("--demo", action="store_true", help="publish the small built-in catalogue")
    return parser


if __name__ == "__main__":
    sys.exit(main())
