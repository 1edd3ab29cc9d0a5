"""Credentials of an index stay between the appliance and that index."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING

import pytest

from support.door import Door
from support.fixtures import DOORS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import requests

    from indexes.publishing import Published
    from indexes.servers import Servers
    from support.deployment import Appliance
    from support.door import OpenDoor

# Seconds after which every line is in the log; it is flushed once a second.
_LOG_DELAY = 1.5


@pytest.fixture
def published(servers: Servers, new_name: Callable[[str], str]) -> Published:
    return servers.publish("pypiserver", new_name("pypiserver"), "1.0")


@pytest.fixture(scope="session")
def secrets(servers: Servers) -> list[str]:
    """Return every way in which the password could be written somewhere."""
    both = f"{servers.user}:{servers.password}".encode()
    quoted = servers.password.replace("\\", "\\\\").replace('"', '\\"')
    return [servers.password, quoted, base64.b64encode(both).decode()]


def file_url(page: requests.Response) -> str:
    """Return the URL of the page's only file, as a path at the door that served it."""
    (file,) = page.json()["files"]
    assert file["url"].startswith("../../files/"), file
    return str(file["url"]).removeprefix("../..")


def test_the_server_itself_gives_nothing_without_credentials(
    servers: Servers, published: Published
) -> None:
    """Else the other tests here would prove nothing."""
    itself = Door(servers.address, "pypiserver.example", servers.ca)
    for path in (f"/simple/{published.project}/", f"/packages/{published.filename}"):
        assert itself.ask(path).status_code == 401
        right = base64.b64encode(f"{servers.user}:{servers.password}".encode()).decode()
        assert itself.ask(path, {"Authorization": f"Basic {right}"}).status_code == 200


@pytest.mark.parametrize("door", DOORS)
def test_a_client_without_credentials_gets_page_and_file(
    pages: OpenDoor, published: Published, secrets: list[str], door: str
) -> None:
    """And no answer has the credentials in it, nor asks for any."""
    page = pages(door).page(published.project)
    assert page.status_code == 200, page.text
    file = pages(door).ask(file_url(page))
    assert (file.status_code, len(file.content)) == (200, published.size)
    for answer in (page, file):
        assert not {"WWW-Authenticate", "Authorization", "Set-Cookie"} & set(answer.headers)
        said = f"{answer.headers}".encode() + answer.content
        assert [secret for secret in secrets if secret.encode() in said] == []


@pytest.mark.parametrize("door", DOORS)
def test_a_clients_own_credentials_reach_no_private_server(
    pages: OpenDoor, servers: Servers, published: Published, door: str
) -> None:
    headers = {"Authorization": "Basic dXNlcjpodXNo", "Cookie": "session=hush"}
    page = pages(door).page(published.project, headers=headers)
    file = pages(door).ask(file_url(page), headers)
    assert (page.status_code, file.status_code) == (200, 200)
    module = published.project.replace("-", "_")
    asked = servers.requests(published.project) + servers.requests(module)
    assert {request.filename for request in asked} == {"", published.filename}
    assert {request.user for request in asked} == {servers.user}


def test_no_other_server_is_told_the_credentials(
    pages: OpenDoor, servers: Servers, published: Published, new_name: Callable[[str], str]
) -> None:
    for server in ("devpi", "listing", "torch"):
        project = new_name(server)
        servers.publish(server, project, "1.0")
        assert pages("index").page(project).status_code == 200
    pages("index").page(published.project)
    told = {
        request.host
        for request in servers.requests()
        if request.authorization and request.user_agent.startswith("Cellar")
    }
    assert told == {"pypiserver.example"}


@pytest.fixture(scope="session")
def search(appliance: Appliance, secrets: list[str]) -> Iterator[str]:
    """Return a command that looks for the credentials, and does not have them in its arguments."""
    path = "/run/secrets-to-look-for"
    words = " %s" * len(secrets)
    appliance.run(f"umask 077; printf '%%s\\n' {words} > {path}", *secrets)
    yield f"grep --text --fixed-strings --file {path}"
    appliance.run(f"rm {path}")


@pytest.mark.parametrize(
    "source",
    [
        "cat /var/log/cellar/*.log",
        "journalctl --quiet --no-pager",
        "cat /proc/[0-9]*/cmdline",
        "systemctl show cellar-rewriter.service nginx.service",
        # What any user of the machine can read.
        "find /etc /opt /run /srv /tmp /usr/local /var -xdev -type f -perm -o=r -exec cat {} +",
    ],
)
def test_nobody_but_root_and_the_services_can_read_the_credentials(
    appliance: Appliance, pages: OpenDoor, published: Published, search: str, source: str
) -> None:
    page = pages("index").page(published.project)
    pages("index").ask(file_url(page))
    time.sleep(_LOG_DELAY)
    read = appliance.box.run(f"{source} 2>/dev/null | wc --bytes")
    assert int(read.stdout) > 0
    found = appliance.box.run(f"{source} 2>/dev/null | {search} --count")
    assert found.stdout.strip() == "0", source


def test_the_search_for_the_credentials_finds_them_where_they_are(
    appliance: Appliance, search: str
) -> None:
    """In the configuration of the two services that send them, which nobody else can read."""
    found = appliance.run(f"{search} --recursive --files-with-matches /etc/cellar /etc/nginx")
    assert len(found.split()) == 2, found
    for path in found.split():
        assert appliance.run("stat --format '%%a' %s", path).strip()[-1] == "0", path
