"""How the rewriter runs: gunicorn's arbiter and its workers, on a socket that systemd passes."""

import logging
import math
import os
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from starlette.applications import Starlette

from cellar.logs import LOGGING
from cellar.settings import SettingsError, read_settings
from cellar.upstream import AccessError, load_access
from cellar.web import create_app

# Longer than the engine in front keeps an idle connection, so that it is the one that closes.
_KEEP_ALIVE = 75
# The workers' heartbeat files belong into memory: on a disk they can block.
_HEARTBEAT_DIR = Path("/dev/shm")  # noqa: S108 gunicorn makes unguessable files (mkstemp) in it

logger = logging.getLogger("cellar.server")


class RewriterApplication(BaseApplication):  # type: ignore[misc] # the base has no types
    """
    The rewriter for gunicorn's arbiter.

    The arbiter reads the settings, and its workers get what it has read: all workers agree, and a
    worker that is started anew does not see a file that is just being changed. SIGHUP makes the
    arbiter read them again; settings that cannot be used are reported and the present ones stay.
    """

    def __init__(self, settings_path: Path, bind: str | None) -> None:
        """
        Read the settings.

        `bind` is an address in gunicorn's notation; None means the socket that systemd passes
        (LISTEN_FDS of sd_listen_fds(3)).

        Raises:
            SettingsError: when the settings cannot be used.
            AccessError: when a CA bundle or a credential cannot be loaded.

        """
        self._settings_path = settings_path
        self._bind = bind
        self._read()
        super().__init__()

    def _read(self) -> None:
        settings = read_settings(self._settings_path)
        self._accesses = load_access(settings)
        self._settings = settings

    def load_config(self) -> None:
        """Hand gunicorn its configuration; called by gunicorn at start and at every reload."""
        for name, value in self._configuration().items():
            self.cfg.set(name, value)

    def _configuration(self) -> dict[str, Any]:
        upstream = self._settings.upstream
        # Every request is answered within this time, so draining never cuts one off.
        graceful_timeout = math.ceil(upstream.connect_timeout + upstream.read_timeout) + 2
        configuration: dict[str, Any] = {
            "proc_name": "cellar-rewriter",
            "worker_class": "cellar.worker.RewriterWorker",
            "workers": self._settings.rewriter.workers,
            "graceful_timeout": graceful_timeout,
            # A draining worker sends no heartbeat, so it needs more than its draining time.
            "timeout": graceful_timeout + 30,
            "keepalive": _KEEP_ALIVE,
            "worker_tmp_dir": str(_HEARTBEAT_DIR) if os.access(_HEARTBEAT_DIR, os.W_OK) else None,
            # It would be made in the home directory, which the service does not have.
            "control_socket_disable": True,
            "accesslog": None,
            "logconfig_dict": LOGGING,
        }
        if self._bind is not None:
            configuration["bind"] = self._bind
        return configuration

    def load(self) -> Starlette:
        """Return the ASGI application; called by gunicorn in every worker."""
        return create_app(self._settings, self._accesses)

    def reload(self) -> None:
        """Read the settings again; called by gunicorn on SIGHUP."""
        try:
            self._read()
        except SettingsError as error:
            for problem in error.problems:
                logger.error("%s", problem)  # noqa: TRY400 the sentence says it all
            logger.error("The settings cannot be used; the present ones stay.")  # noqa: TRY400
        except AccessError as error:
            logger.error("%s The present settings stay.", error)  # noqa: TRY400
        super().reload()


def has_systemd_socket() -> bool:
    """Tell whether systemd passes a socket to this process (sd_listen_fds(3))."""
    return os.environ.get("LISTEN_PID") == str(os.getpid()) and "LISTEN_FDS" in os.environ
