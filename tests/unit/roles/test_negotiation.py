"""The form of a project page is the one that the client asked for: nginx itself decides here."""

from __future__ import annotations

import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from support.rendering import render_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    # Accept lines of a request and its query; gives form, a space, media type.
    Ask = Callable[..., str]

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "application/vnd.pypi.simple.v1+html"
LATEST_JSON = "application/vnd.pypi.simple.latest+json"
LATEST_HTML = "application/vnd.pypi.simple.latest+html"

AS_JSON = "json"
AS_HTML = f"html {HTML}"
AS_TEXT = "html text/html; charset=utf-8"

# What real clients send, measured.
CLIENTS = {
    "pip 26.3": (f"{JSON}, {HTML}; q=0.1, text/html; q=0.01", AS_JSON),
    "pip 20": ("text/html", AS_TEXT),
    "uv": (f"{JSON}, {HTML};q=0.2, text/html;q=0.01", AS_JSON),
    "Poetry, PyPI source": (JSON, AS_JSON),
    "Poetry, another source": (f"{JSON}, */*;q=0.1", AS_JSON),
    "PDM": (f"{JSON}, {HTML};q=0.1, text/html;q=0.01", AS_JSON),
    "requests, curl, wget": ("*/*", AS_TEXT),
    "a browser": (
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
        AS_TEXT,
    ),
}

# RFC 9110 sections 12.4.2 and 12.5.1, PEP 691.
STANDARD = {
    "only the new name of HTML": (HTML, AS_HTML),
    "latest JSON": (LATEST_JSON, AS_JSON),
    "latest HTML": (LATEST_HTML, AS_HTML),
    "upper case": (JSON.upper(), AS_JSON),
    "upper case weight": (f"{JSON};Q=0.3, TEXT/HTML;Q=0.4", AS_TEXT),
    "no space at all": (f"text/html;q=0.5,{JSON};q=0.9", AS_JSON),
    "odd spacing": (f"  text/html ;  q=0.5 ,\t{JSON} ;\tq=0.9  ", AS_JSON),
    "empty members of the list": (f", ,text/html;q=0.5,, {JSON};q=0.9,", AS_JSON),
    "weight 1 in full": (f"{JSON};q=1.000, text/html;q=0.999", AS_JSON),
    "weight of three digits": (f"{JSON};q=0.250, text/html;q=0.125", AS_JSON),
    "HTML preferred": (f"{JSON};q=0.5, text/html", AS_TEXT),
    "HTML preferred by a tenth": (f"{JSON};q=0.8, text/html;q=0.9", AS_TEXT),
    "JSON preferred by a tenth": (f"{JSON};q=0.2, text/html;q=0.1", AS_JSON),
    "HTML preferred, both small": (f"{JSON};q=0.01, text/html;q=0.1", AS_TEXT),
    "JSON preferred, both small": (f"text/html;q=0.01, {JSON};q=0.1", AS_JSON),
    "JSON wanted as little as can be": (f"{JSON};q=0.001", AS_JSON),
    "the best of two names of JSON": (
        f"{JSON};q=0.1, {LATEST_JSON};q=0.9, text/html;q=0.5",
        AS_JSON,
    ),
    "the best of two names of HTML": (f"{JSON};q=0.5, text/html;q=0.1, {HTML};q=0.9", AS_HTML),
    "the old name of HTML before the new": (f"text/html, {HTML};q=0.1", AS_TEXT),
    "the new name of HTML before the old": (f"text/html;q=0.3, {HTML};q=0.4", AS_HTML),
    "JSON refused": (f"{JSON};q=0, text/html;q=0.1", AS_TEXT),
    "JSON refused in full": (f"{JSON};q=0.000, text/html;q=0.001", AS_TEXT),
    "HTML refused": (f"text/html;q=0, {JSON};q=0.1", AS_JSON),
    "the new name of HTML refused": (f"{HTML};q=0, text/html;q=0.2", AS_TEXT),
    "anything rather than JSON": (f"{JSON};q=0.5, */*", AS_TEXT),
    "any text rather than JSON": (f"{JSON};q=0.5, text/*;q=0.6", AS_TEXT),
    "anything, but JSON first": (f"*/*;q=0.8, {JSON}", AS_JSON),
    "what is named in full wins over a range": (f"{JSON};q=0.5, text/html;q=0.1, */*", AS_JSON),
    "HTML refused in full, anything else": (f"{JSON};q=0.5, text/html;q=0.0, */*", AS_JSON),
}

# PyPI answers what cannot be met with text/html, never 406.
UNMET = {
    "nothing known": ("image/png", AS_TEXT),
    "empty": ("", AS_TEXT),
    "plain JSON": ("application/json", AS_TEXT),
    "another version": ("application/vnd.pypi.simple.v2+json", AS_TEXT),
    "a longer name": (f"{JSON}x", AS_TEXT),
    "a name in another's middle": (f"x{JSON}", AS_TEXT),
    "dots are dots": ("application/vndXpypiXsimpleXv1+json", AS_TEXT),
    "everything refused": (f"{JSON};q=0, {HTML};q=0, text/html;q=0, */*;q=0", AS_TEXT),
    "not a list at all": ("\x7f;;;=,", AS_TEXT),
}

# ?format= wins over Accept (PEP 691), whether its plus and slash are encoded or not.
FORMATS = {
    "JSON": (f"format={JSON}", "text/html", AS_JSON),
    "JSON, encoded": ("format=application%2Fvnd.pypi.simple.v1%2Bjson", "text/html", AS_JSON),
    "JSON, encoded in lower case": (
        "format=application%2fvnd.pypi.simple.v1%2bjson",
        "text/html",
        AS_JSON,
    ),
    "latest JSON": (f"format={LATEST_JSON}", "*/*", AS_JSON),
    "the new name of HTML": (f"format={HTML}", JSON, AS_HTML),
    "the old name of HTML": ("format=text/html", f"{JSON}, {HTML};q=0.1", AS_TEXT),
    "the old name of HTML, encoded": ("format=text%2Fhtml", f"{JSON}, {HTML};q=0.1", AS_TEXT),
    "among others": (f"a=b&format={JSON}&c=d", "text/html", AS_JSON),
    "another parameter": (f"reformat={JSON}", "text/html", AS_TEXT),
    "empty": ("format=", JSON, AS_JSON),
}


@pytest.fixture(scope="module")
def ask(nginx_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Start nginx with the role's maps behind a Unix socket; give a function that asks it."""
    directory = tmp_path_factory.mktemp("n")
    maps = render_text(
        "nginx", "#jinja2: lstrip_blocks: True\n{% include 'nginx.conf/negotiation.j2' %}"
    )
    temporary = "".join(
        f"{kind}_temp_path {directory};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (directory / "nginx.conf").write_text(
        f"daemon off; worker_processes 1; pid {directory}/pid; error_log stderr notice;\n"
        "events { }\n"
        f"http {{\n{temporary}access_log off;\n{maps}\n"
        f"server {{ listen unix:{directory}/s; return 200 '$page_form $html_type'; }}\n}}\n"
    )
    command = [str(nginx_program), "-p", str(directory), "-e", "stderr"]
    command += ["-c", f"{directory}/nginx.conf"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = []
        for line in process.stderr:  # ends when nginx does
            said.append(line)
            if "start worker process " in line:
                break
        else:
            pytest.fail("nginx did not start:\n" + "".join(said))

        def get(*accept: str, query: str = "") -> str:
            lines = [f"GET /?{query} HTTP/1.1", "Host: index.example", "Connection: close"]
            lines += [f"Accept: {value}" for value in accept]
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(10)
                connection.connect(f"{directory}/s")
                connection.sendall("\r\n".join([*lines, "", ""]).encode())
                with connection.makefile("rb") as stream:
                    head, _, body = stream.read().decode().partition("\r\n\r\n")
            assert head.startswith("HTTP/1.1 200 "), head
            return body

        yield get
        process.terminate()


def _answers(answer: str, expected: str) -> bool:
    """Return whether form and media type are the expected; JSON's type is not a map's business."""
    return answer == expected or (expected == AS_JSON and answer.startswith(f"{AS_JSON} "))


@pytest.mark.parametrize(
    ("accept", "expected"), [pytest.param(*case, id=name) for name, case in CLIENTS.items()]
)
def test_real_clients_get_the_form_that_they_read(ask: Ask, accept: str, expected: str) -> None:
    answer = ask(accept)

    assert _answers(answer, expected), answer


@pytest.mark.parametrize(
    ("accept", "expected"), [pytest.param(*case, id=name) for name, case in STANDARD.items()]
)
def test_the_form_with_the_greatest_weight_is_chosen(ask: Ask, accept: str, expected: str) -> None:
    answer = ask(accept)

    assert _answers(answer, expected), answer


@pytest.mark.parametrize(
    ("accept", "expected"), [pytest.param(*case, id=name) for name, case in UNMET.items()]
)
def test_who_asks_for_what_there_is_not_gets_html(ask: Ask, accept: str, expected: str) -> None:
    answer = ask(accept)

    assert _answers(answer, expected), answer


def test_who_names_no_form_gets_html(ask: Ask) -> None:
    assert ask() == AS_TEXT


@pytest.mark.parametrize("accept", [f"{JSON}, text/html", f"text/html, {JSON}", f"*/*, {JSON}"])
def test_who_wants_json_as_much_as_html_gets_json(ask: Ask, accept: str) -> None:
    """It is the smaller form to parse, and the only one that gains keys (PEP 833)."""
    assert _answers(ask(accept), AS_JSON)


@pytest.mark.parametrize(
    ("query", "accept", "expected"),
    [pytest.param(*case, id=name) for name, case in FORMATS.items()],
)
def test_the_format_parameter_wins_over_accept(
    ask: Ask, query: str, accept: str, expected: str
) -> None:
    answer = ask(accept, query=query)

    assert _answers(answer, expected), answer
