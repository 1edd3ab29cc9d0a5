"""One door of the appliance, as a client sees it: one name, over verified TLS."""

import socket
import ssl
from datetime import UTC, datetime
from http import HTTPStatus

import httpx

from cellar.selftest import AGENT
from cellar.selftest.report import CheckError

_LOG = "see `journalctl -u nginx -u cellar-rewriter`"
_PROXY_LOG = "see /var/log/cellar/proxy/squid.log"
_PROXY_UNIT = "see `systemctl status squid`"
_HEAD_LIMIT = 65536


class Door:
    """Asks the appliance at its own address for one of its names."""

    def __init__(
        self, name: str, address: str, port: int, tls: ssl.SSLContext, timeout: float
    ) -> None:
        """
        Prepare to ask; nothing is connected yet.

        `name` is what TLS and HTTP are told (SNI, Host), whatever DNS says; `timeout` is seconds.
        """
        self.name = name
        self._address = address
        self._port = port
        self._tls = tls
        self._timeout = timeout

    def certificate_end(self) -> datetime:
        """
        Return when the certificate of this name ends; it has been verified, name included.

        Raises:
            CheckError: when there is no TLS connection that can be trusted.

        """
        try:
            with (
                self._connected() as plain,
                self._tls.wrap_socket(plain, server_hostname=self.name) as connection,
            ):
                certificate = connection.getpeercert() or {}
        except ssl.SSLCertVerificationError as error:
            problem = f"the certificate is not trusted: {error.verify_message}"
            raise CheckError(
                problem, "run the playbook again, or correct cellar_certificate_ca_file"
            ) from error
        except OSError as error:
            raise CheckError(
                f"no TLS connection: {error}", "see `systemctl status nginx`"
            ) from error
        return datetime.fromtimestamp(
            ssl.cert_time_to_seconds(str(certificate["notAfter"])), tz=UTC
        )

    def _connected(self) -> socket.socket:
        return socket.create_connection((self._address, self._port), self._timeout)

    def get(
        self, path: str, accept: str = "*/*", status: HTTPStatus = HTTPStatus.OK
    ) -> httpx.Response:
        """
        Ask for a path and return the answer, which has the status that is expected.

        Raises:
            CheckError: for any other answer, or none.

        """
        host = f"[{self._address}]" if ":" in self._address else self._address
        try:
            # A client for each request: a kept connection would be used again for another name.
            with httpx.Client(verify=self._tls, timeout=self._timeout, trust_env=False) as client:
                response = client.get(
                    f"https://{host}:{self._port}{path}",
                    headers={
                        "Host": self.name,
                        "User-Agent": AGENT,
                        "Accept": accept,
                        "Accept-Encoding": "gzip",
                    },
                    extensions={"sni_hostname": self.name},
                )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            problem = f"no answer to {path}: {type(error).__name__}: {error}"
            raise CheckError(problem, _LOG) from error
        if response.status_code != status:
            raise CheckError(f"{path} is answered with status {response.status_code}", _LOG)
        return response

    def get_cached(self, path: str, accept: str = "*/*") -> httpx.Response:
        """
        Ask for a path twice and return the second answer, which comes from the cache.

        Raises:
            CheckError: when it does not come from the cache, or is no answer.

        """
        self.get(path, accept)
        response = self.get(path, accept)
        # UPDATING: from the cache while the engine refreshes the object in the background.
        said = response.headers.get("X-Cache", "nothing")
        if said not in {"HIT", "UPDATING"}:
            raise CheckError(
                f"the second answer to {path} is not from the cache: X-Cache says {said}", _LOG
            )
        return response


class ProxyDoor(Door):
    """Asks the proxy door for a tunnel to one of the appliance's names."""

    def __init__(  # noqa: PLR0913 a door and where it leads
        self,
        name: str,
        address: str,
        port: int,
        tls: ssl.SSLContext,
        timeout: float,
        *,
        proxy_port: int,
    ) -> None:
        """Prepare to ask, as for the door that the tunnel leads to; nothing is connected yet."""
        super().__init__(name, address, port, tls, timeout)
        self._proxy = address, proxy_port

    def _connected(self) -> socket.socket:
        try:
            plain = socket.create_connection(self._proxy, self._timeout)
        except OSError as error:
            raise CheckError(f"no connection: {error}", _PROXY_UNIT) from error
        try:
            # As the clients that say least (RFC 9110, section 9.3.6).
            plain.sendall(f"CONNECT {self.name}:{self._port} HTTP/1.0\r\n\r\n".encode("ascii"))
            said = _head(plain)
        except OSError as error:
            plain.close()
            raise CheckError(f"no answer to CONNECT: {error}", _PROXY_LOG) from error
        status = said.partition(b"\r\n")[0].decode("latin-1")
        if status.split(" ")[1:2] != ["200"]:
            plain.close()
            raise CheckError(f"CONNECT is answered with {status or 'nothing'}", _PROXY_LOG)
        return plain


def _head(connection: socket.socket) -> bytes:
    """Return what comes before the first empty line; one byte at a time, for TLS comes after it."""
    said = b""
    while not said.endswith(b"\r\n\r\n") and len(said) < _HEAD_LIMIT:
        byte = connection.recv(1)
        if not byte:
            break
        said += byte
    return said
