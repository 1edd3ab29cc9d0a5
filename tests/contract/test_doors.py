"""Doors: who is answered under which name, and how a client begins to trust."""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
from typing import TYPE_CHECKING

import pytest
import requests

from fakepypi.raw import RawClient, request_bytes
from support.door import ACCEPT
from support.fixtures import DOORS

if TYPE_CHECKING:
    from fakepypi.client import FakePyPI
    from fakepypi.publication import PublishedFile
    from support.deployment import Appliance
    from support.door import OpenDoor


def over_plain_http(appliance: Appliance, path: str, host: str) -> requests.Response:
    url = f"http://{appliance.outside}{path}"
    return requests.get(url, headers={"Host": host}, allow_redirects=False, timeout=10)


@pytest.mark.parametrize("name", ["unknown.example", "www.{index}", "{server}.evil.example", None])
def test_a_name_that_is_not_ours_is_refused_in_the_handshake(
    appliance: Appliance, name: str | None
) -> None:
    """No certificate for it, so no client can be led here by accident and half work."""
    words = {"index": appliance.names.index, "server": appliance.server_name}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((appliance.outside, 443), 10) as plain,
        pytest.raises(ssl.SSLError, match=r"(?i)unrecognized_name|alert"),
    ):
        context.wrap_socket(plain, server_hostname=name.format_map(words) if name else None)


@pytest.mark.parametrize("door", DOORS)
def test_a_host_that_is_not_ours_is_refused_behind_a_handshake_that_is(
    appliance: Appliance, published: PublishedFile, door: str
) -> None:
    """An open proxy would be one that believes the Host header."""
    request = request_bytes("evil.example", f"/simple/{published.project}/")
    client = RawClient(443, appliance.ca, appliance.outside)
    answer = client.ask_with_sni(appliance.index_name(door), request)
    assert answer.status in (403, 404, 421)
    assert published.filename.encode() not in answer.body


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/project/demo/",
        "/_/oidc/mint-token",
        "/files/evil.example/-/demo-1.0.tar.gz",
        "/snapshot/2026-01-31/",
        "/packages/",
        "/packages/source/d/demo/demo-1.1.tar.gz",
        "/simple/demo/demo-1.0-py3-none-any.whl",
        "/simple/-/",
        "/simple/%00/",
        "/.well-known/x",
        "/etc/passwd",
    ],
)
def test_the_index_door_serves_pages_and_files_and_says_so_otherwise(
    pages: OpenDoor, path: str
) -> None:
    answer = pages("index").ask(path)
    assert answer.status_code in (400, 404)
    assert "Set-Cookie" not in answer.headers
    if answer.status_code == 404:
        assert re.fullmatch(r"[A-Z].*\.\n", answer.text), answer.text


@pytest.mark.parametrize("form", ["json", "html"])
def test_the_list_of_all_projects_is_pypis_own_and_transferred_once(
    pages: OpenDoor, fakepypi: FakePyPI, published: PublishedFile, form: str
) -> None:
    """For `poetry search` and mirror tools: tens of megabytes, so ten clients make one transfer."""
    assert published.project
    before = fakepypi.totals(path="/simple/").requests
    answers = pages("index").ask_at_once(10, "/simple/", {"Accept": ACCEPT[form]})
    answers.append(pages("intercept").ask("/simple/", {"Accept": ACCEPT[form], "Cookie": "a=b"}))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    if form == "json":
        assert {"meta", "projects"} <= answers[0].json().keys()
    else:
        assert '<a href="/simple/' in answers[0].text, "it leads to pages at the same door"
    assert fakepypi.totals(path="/simple/").requests <= before + 1
    assert not {"Set-Cookie", "Age"} & answers[0].headers.keys()


@pytest.mark.parametrize("door", DOORS)
def test_the_list_without_its_last_slash_is_found_at_the_same_door(
    pages: OpenDoor, door: str
) -> None:
    answer = pages(door).ask("/simple")
    assert (answer.status_code, answer.headers["Location"]) == (301, "/simple/")


def test_the_front_page_says_what_this_is(pages: OpenDoor) -> None:
    answer = pages("index").ask("/")
    assert answer.status_code == 200
    assert answer.text.startswith("Cellar")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_ca_and_its_fingerprint_are_what_signs_the_doors(
    appliance: Appliance, pages: OpenDoor, scheme: str
) -> None:
    """Who trusts what this downloads, having compared the fingerprint, is served."""
    if scheme == "https":
        pem = pages("index").ask("/ca.pem").text
        fingerprint = pages("index").ask("/ca.pem.sha256").text
    else:
        pem = over_plain_http(appliance, "/ca.pem", appliance.server_name).text
        fingerprint = over_plain_http(appliance, "/ca.pem.sha256", appliance.server_name).text
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest().upper()
    assert fingerprint == ":".join(re.findall("..", digest)) + "\n"
    assert pem == appliance.ca.read_text()

    context = ssl.create_default_context(cadata=pem)
    for name in (appliance.server_name, appliance.names.index, appliance.names.files):
        with socket.create_connection((appliance.outside, 443), 10) as plain:
            context.wrap_socket(plain, server_hostname=name).close()


def test_the_ca_is_offered_as_a_certificate(pages: OpenDoor) -> None:
    answer = pages("index").ask("/ca.pem")
    assert answer.headers["Content-Type"] == "application/x-pem-file"
    assert answer.text.count("BEGIN CERTIFICATE") == 1
    assert "PRIVATE KEY" not in answer.text


@pytest.mark.parametrize("path", ["/simple/demo/", "/", "/packages/x", "/simple/?q=a%20b"])
def test_plain_http_sends_everybody_to_https(appliance: Appliance, path: str) -> None:
    answer = over_plain_http(appliance, path, appliance.server_name)
    assert answer.status_code == 308
    assert answer.headers["Location"] == f"https://{appliance.server_name}{path}"


def test_plain_http_never_redirects_to_a_name_that_a_client_invents(appliance: Appliance) -> None:
    answer = over_plain_http(appliance, "/simple/demo/", "evil.example")
    assert answer.headers["Location"] == f"https://{appliance.server_name}/simple/demo/"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_old_and_new_clients_agree_on_tls_with_the_appliance(
    appliance: Appliance, version: ssl.TLSVersion
) -> None:
    context = ssl.create_default_context(cafile=str(appliance.ca))
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection((appliance.outside, 443), 10) as plain,
        context.wrap_socket(plain, server_hostname=appliance.server_name) as secured,
    ):
        assert secured.version() == version.name.replace("_", ".")
        assert secured.selected_alpn_protocol() == "h2"
