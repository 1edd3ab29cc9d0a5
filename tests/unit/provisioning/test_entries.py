"""Indexes, routes and file rules: every wrong one is named by its place, and no secret is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .conftest import Check

ACME: Mapping[str, Any] = {"name": "acme", "url": "https://packages.acme.example/simple/"}
BETA: Mapping[str, Any] = {"name": "beta", "url": "https://beta.example/simple/"}
ROUTE: Mapping[str, Any] = {"projects": ["acme", "acme-*"], "indexes": ["acme"]}
RULE: Mapping[str, Any] = {"name": "cooldown", "answer": "hide", "younger_than_days": 7}

Entries = list[dict[str, Any]]


def indexes(*entries: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with these indexes, each with a route of its own."""
    names = [str(entry.get("name")) for entry in entries]
    return {
        "cellar_indexes": [dict(entry) for entry in entries],
        "cellar_routes": [{"projects": [name], "indexes": [name]} for name in dict.fromkeys(names)],
    }


def routes(*entries: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "cellar_indexes": [dict(ACME), dict(BETA)],
        "cellar_routes": [dict(entry) for entry in entries],
    }


def rules(*entries: Mapping[str, Any]) -> dict[str, Any]:
    return {"cellar_file_rules": [dict(entry) for entry in entries]}


def zones(*entries: Mapping[str, Any]) -> dict[str, Any]:
    return {"cellar_file_zones": [dict(entry) for entry in entries]}


RIGHT: dict[str, dict[str, Any]] = {
    "an index": indexes(ACME),
    "an index with everything": indexes(
        {
            **ACME,
            "files": ["https://packages.acme.example/files/", "https://cdn.acme.example:8443/"],
            "username": "ci",
            "password": "p: {{ä}} $x;'\"\\",
            "ca_file": "",
            "missing_statuses": [403, 404],
        }
    ),
    "an address and a port": indexes({**ACME, "url": "https://192.0.2.7:3141/root/dev/+simple/"}),
    "an escape": indexes({**ACME, "url": "https://git.example/api/projects/a%2Fb/simple/"}),
    "an index on the appliance's host, at another port": indexes(
        {**ACME, "url": "https://cellar.example:3141/simple/"}
    ),
    "one host, one account": indexes(
        {**ACME, "url": "https://one.example/a/", "username": "ci", "password": "x"},
        {**BETA, "url": "https://one.example/b/", "username": "ci", "password": "x"},
    ),
    "one host, two ports, two accounts": indexes(
        {**ACME, "url": "https://one.example/a/", "username": "ci", "password": "x"},
        {**BETA, "url": "https://one.example:8443/b/"},
    ),
    "a merge with PyPI": indexes(ACME)
    | {"cellar_routes": [{"projects": ["torch*", "*-plugin"], "indexes": ["acme", "pypi"]}]},
    "everything from an index": indexes(ACME)
    | {"cellar_routes": [{"projects": ["*"], "indexes": ["acme"]}]},
    "a route to PyPI before a wider one": routes(
        {"projects": ["acme-public"], "indexes": ["pypi"]},
        {"projects": ["acme-*"], "indexes": ["acme", "beta"]},
    ),
    "a rule": rules(RULE),
    "a rule with everything": rules(
        {
            "name": "x" * 32,
            "answer": "refuse",
            "projects": ["a", "b-*"],
            "versions": ">=2,<3,!=2.5.*",
            "kinds": ["wheel", "sdist", "egg", "other"],
            "filenames": ["*-win_amd64.whl", "[ab]?.zip"],
            "younger_than_days": 36500,
            "undated": "skip",
            "larger_than": "500m",
            "reason": "Ask security@acme.example.",
        }
    ),
    "an exemption, and then the rule": rules(
        {"name": "ours", "answer": "allow", "projects": ["acme-*"]}, RULE
    ),
    "an allow list": rules(
        {"name": "ours", "answer": "allow", "projects": ["six", "acme-*"]},
        {"name": "rest", "answer": "refuse"},
    ),
}


@pytest.mark.parametrize("changes", RIGHT.values(), ids=list(RIGHT))
def test_entries_that_can_work_are_not_refused(check: Check, changes: dict[str, Any]) -> None:
    assert check(changes) == []


def index(**keys: Any) -> dict[str, Any]:
    return indexes({**ACME, **keys})


def rule(**keys: Any) -> dict[str, Any]:
    return rules({**RULE, **keys})


def named(name: str) -> dict[str, Any]:
    """Return settings with an index of that name, and no route that would have it wrong too."""
    return {"cellar_indexes": [{**ACME, "name": name}]}


ONE: list[tuple[dict[str, Any], str, str]] = [
    # Types, at every depth.
    ({"cellar_indexes": {"acme": {}}}, "cellar_indexes", "is not a list; write a list"),
    ({"cellar_indexes": "acme"}, "cellar_indexes", "is not a list; write a list"),
    ({"cellar_routes": ["acme"]}, "cellar_routes[0]", "is not a mapping of keys to values"),
    ({"cellar_routes": [None]}, "cellar_routes[0]", "is not a mapping of keys to values"),
    ({"cellar_routes": [[]]}, "cellar_routes[0]", "write a mapping of keys to values, such as pro"),
    ({"cellar_file_rules": None}, "cellar_file_rules", "is empty; give it a value"),
    (
        index(nmae="acme"),
        "cellar_indexes[0].nmae",
        "is not a key of cellar_indexes; did you mean n",
    ),
    (index(colour="red"), "cellar_indexes[0].colour", "is not a key of cellar_indexes; remove it"),
    (index(**{"p: q": 1}), "cellar_indexes[0]", "has a key that is no word"),
    (indexes({"name": "acme"}), "cellar_indexes[0].url", "is missing; write the base of a Simple"),
    (rules({"name": "x"}), "cellar_file_rules[0].answer", "is missing"),
    (index(name=5), "cellar_indexes[0].name", "is not text (5)"),
    (index(url=None), "cellar_indexes[0].url", "is empty; give it a value or remove the line"),
    (
        index(files="https://a.example/"),
        "cellar_indexes[0].files",
        'is not a list ("https://a.example/"); write files: ["https://a.example/"]',
    ),
    (index(files=[1]), "cellar_indexes[0].files", "an item is not text (1)"),
    (
        index(missing_statuses=["403"]),
        "cellar_indexes[0].missing_statuses",
        "write missing_statuse",
    ),
    (index(missing_statuses=[True]), "cellar_indexes[0].missing_statuses", "is not a whole number"),
    (rule(versions=2.0), "cellar_file_rules[0].versions", "is not text (2.0)"),
    (rule(younger_than_days="7"), "cellar_file_rules[0].younger_than_days", "younger_than_days: 7"),
    (rule(answer="deny"), "cellar_file_rules[0].answer", "is not allow or hide or refuse"),
    (rule(answer="hidden"), "cellar_file_rules[0].answer", "did you mean hide?"),
    (rule(undated="matches"), "cellar_file_rules[0].undated", "did you mean match?"),
    (rule(kinds=["wheels"]), "cellar_file_rules[0].kinds", "an item is not wheel or sdist or egg"),
    (rule(kinds=["wheels"]), "cellar_file_rules[0].kinds", "did you mean wheel?"),
    # Shapes.
    (named("Acme"), "cellar_indexes[0].name", "is not a usable name"),
    (named("../acme"), "cellar_indexes[0].name", "is not a usable name"),
    (named(""), "cellar_indexes[0].name", "is not a usable name"),
    (named("x" * 33), "cellar_indexes[0].name", "is longer than 32 characters"),
    (index(url="http://a.example/"), "cellar_indexes[0].url", "is not an https URL"),
    (index(url="a.example/simple/"), "cellar_indexes[0].url", "is not an https URL"),
    (index(url="https://a.example/simple"), "cellar_indexes[0].url", "does not end with a slash"),
    (index(url="https://a.example/s/?a=b/"), "cellar_indexes[0].url", "has a query or a fragment"),
    (index(url="https://a.example/s/#/"), "cellar_indexes[0].url", "has a query or a fragment"),
    (index(url="https://u:p@a.example/"), "cellar_indexes[0].url", "has a user; write it as usern"),
    (index(url="https://A.example/"), "cellar_indexes[0].url", "has a host that has upper-case"),
    (index(url="https://a_b.example/"), "cellar_indexes[0].url", "has a host that is not a DNS na"),
    (index(url="https:///simple/"), "cellar_indexes[0].url", "is not a URL with a host"),
    (index(url="https://a.example:0/"), "cellar_indexes[0].url", "is not a URL with a host"),
    (index(url="https://a.example:65536/"), "cellar_indexes[0].url", "is not a URL with a host"),
    (index(url="https://a.example:443/"), "cellar_indexes[0].url", "names the port that every"),
    (index(url="https://[2001:db8::1]/"), "cellar_indexes[0].url", "has an IPv6 address"),
    (index(url="https://a.example/a/../b/"), "cellar_indexes[0].url", "a part that is . or .."),
    (index(url="https://a.example//b/"), "cellar_indexes[0].url", "has characters"),
    (index(url="https://a.example/a b/"), "cellar_indexes[0].url", "has characters"),
    (index(url="https://a.example/$host/"), "cellar_indexes[0].url", "has characters"),
    (index(url="https://a.example/a;b/"), "cellar_indexes[0].url", "has characters"),
    (index(url="https://a.example/\n/"), "cellar_indexes[0].url", "is not a URL with a host"),
    (index(files=[]), "cellar_indexes[0].files", "is an empty list"),
    (index(files=["https://a.example/%2e/"]), "cellar_indexes[0].files", "has characters"),
    (index(files=["https://a.example/f"]), "cellar_indexes[0].files", "does not end with a slash"),
    (index(username="ü", password="x"), "cellar_indexes[0].username", "not a usable user name;"),
    (index(username=" ci", password="x"), "cellar_indexes[0].username", "not a usable user name;"),
    (index(ca_file="ca.pem"), "cellar_indexes[0].ca_file", "is not an absolute path"),
    (index(missing_statuses=[200]), "cellar_indexes[0].missing_statuses", "is not a status of the"),
    (index(missing_statuses=[503]), "cellar_indexes[0].missing_statuses", "is not a status of the"),
    (index(missing_statuses=[401]), "cellar_indexes[0].missing_statuses", "credentials are wrong"),
    (index(missing_statuses=[429]), "cellar_indexes[0].missing_statuses", "that a trouble passes"),
    (routes({**ROUTE, "projects": []}), "cellar_routes[0].projects", "is an empty list"),
    (routes({**ROUTE, "projects": ["Acme"]}), "cellar_routes[0].projects", "is not normalised"),
    (routes({**ROUTE, "projects": ["a_*"]}), "cellar_routes[0].projects", "is not normalised"),
    (routes({**ROUTE, "projects": ["a-"]}), "cellar_routes[0].projects", "is not a project name"),
    (routes({**ROUTE, "projects": ["a[b]"]}), "cellar_routes[0].projects", "is not a project nam"),
    (routes({**ROUTE, "indexes": []}), "cellar_routes[0].indexes", "is an empty list"),
    (routes({**ROUTE, "indexes": ["A b"]}), "cellar_routes[0].indexes", "is not a usable name"),
    (rule(name="Cool down"), "cellar_file_rules[0].name", "is not a usable name"),
    (rule(projects=[]), "cellar_file_rules[0].projects", "is an empty list"),
    (rule(projects=["-a"]), "cellar_file_rules[0].projects", "is not a project name"),
    (rule(versions="2.*"), "cellar_file_rules[0].versions", "is not a set of version specifiers"),
    (rule(versions="=>2"), "cellar_file_rules[0].versions", "is not a set of version specifiers"),
    (rule(filenames=["a/b"]), "cellar_file_rules[0].filenames", "has a slash"),
    (rule(filenames=[""]), "cellar_file_rules[0].filenames", "is not a pattern of file names"),
    (rule(filenames=["a\n"]), "cellar_file_rules[0].filenames", "is not a pattern of file names"),
    (rule(younger_than_days=-1), "cellar_file_rules[0].younger_than_days", "is not between 0 and"),
    (rule(larger_than="500mb"), "cellar_file_rules[0].larger_than", "is not a size"),
    (rule(zone="Z"), "cellar_file_rules[0].zone", "is not a usable name"),
    (zones({"name": "files"}), "cellar_file_zones[0].name", "is a zone of the appliance's own"),
    (zones({"name": "A"}), "cellar_file_zones[0].name", "is not a usable name"),
    (zones({"name": "a", "max_size": "1t"}), "cellar_file_zones[0].max_size", "is not a size"),
    (zones({"name": "a", "unused_days": -1}), "cellar_file_zones[0].unused_days", "is not between"),
    (zones({"name": "a", "size": "1g"}), "cellar_file_zones[0].size", "is not a key"),
    ({"cellar_slice_size": "8M"}, "cellar_slice_size", "is not a size in k or m"),
    ({"cellar_slice_size": "1g"}, "cellar_slice_size", "is not a size in k or m"),
    ({"cellar_slice_size": "255k"}, "cellar_slice_size", "is not between 256k and 64m"),
    ({"cellar_slice_size": "65m"}, "cellar_slice_size", "is not between 256k and 64m"),
    ({"cellar_file_size_limit": "2"}, "cellar_file_size_limit", "is not a size"),
    (rule(reason="Käse."), "cellar_file_rules[0].reason", "is not a sentence that every client"),
    (rule(reason="a\nb"), "cellar_file_rules[0].reason", "is not a sentence that every client"),
    (rule(reason="x" * 121), "cellar_file_rules[0].reason", "is not a sentence that every client"),
    # Contradictions.
    (index(name="pypi"), "cellar_indexes[0].name", "is pypi, which is always there"),
    (
        indexes(ACME, {**BETA, "name": "acme"}),
        "cellar_indexes[1].name",
        'is the same as that of cellar_indexes[0] ("acme")',
    ),
    (
        indexes(ACME, {**BETA, "url": ACME["url"]}),
        "cellar_indexes[1].url",
        "is the same as that of cellar_indexes[0]",
    ),
    (index(url="https://index.example/simple/"), "cellar_indexes[0].url", "is on a host of PyPI"),
    (index(files=["https://files.example:8443/"]), "cellar_indexes[0].files", "on a host of PyPI"),
    (index(url="https://cellar.example/simple/"), "cellar_indexes[0].url", "would ask itself"),
    (index(url="https://192.0.2.10/simple/"), "cellar_indexes[0].url", "is the appliance, which"),
    (index(files=["https://cellar.example/"]), "cellar_indexes[0].files", "would ask itself"),
    (
        index(files=["https://a.example/", "https://b.example/", "https://a.example/"]),
        "cellar_indexes[0].files",
        'has an item twice ("https://a.example/")',
    ),
    (index(username="ci"), "cellar_indexes[0].password", "is empty, and username is set"),
    (index(password="x"), "cellar_indexes[0].username", "is empty, and password is set"),
    (
        indexes(
            {**ACME, "url": "https://one.example/a/", "username": "ci", "password": "x"},
            {**BETA, "url": "https://one.example/b/"},
        ),
        "cellar_indexes[1].files",
        "share one.example with those of cellar_indexes[0], and username and password differ",
    ),
    (
        indexes(
            {**ACME, "files": ["https://cdn.example:8443/a/"]},
            {**BETA, "files": ["https://cdn.example:8443/b/"], "ca_file": "/srv/ca.pem"},
        ),
        "cellar_indexes[1].files",
        "share cdn.example:8443 with those of cellar_indexes[0], and ca_file differ",
    ),
    (
        {"cellar_indexes": [dict(ACME)]},
        "cellar_indexes[0].name",
        'is in no route ("acme"), so nothing comes from this index',
    ),
    (
        routes(ROUTE, {"projects": ["beta"], "indexes": ["beat", "beta"]}),
        "cellar_routes[1].indexes",
        'has an unknown index ("beat"); did you mean beta?',
    ),
    (
        routes(ROUTE, {"projects": ["beta"], "indexes": ["beta", "x"]}),
        "cellar_routes[1].indexes",
        'has an unknown index ("x"); add it to cellar_indexes',
    ),
    (
        routes(ROUTE, {"projects": ["beta"], "indexes": ["beta", "pypi", "beta"]}),
        "cellar_routes[1].indexes",
        'has an item twice ("beta")',
    ),
    (
        routes(ROUTE, {"projects": ["acme"], "indexes": ["beta"]}),
        "cellar_routes[1].projects",
        'has "acme", and "acme" of cellar_routes[0] decides for the same names before it',
    ),
    (
        routes(ROUTE, {"projects": ["beta", "acme-x-*"], "indexes": ["beta"]}),
        "cellar_routes[1].projects",
        'has "acme-x-*", and "acme-*" of cellar_routes[0] decides',
    ),
    (
        routes({"projects": ["*"], "indexes": ["beta"]}, {"projects": ["a*"], "indexes": ["acme"]}),
        "cellar_routes[1].projects",
        'has "a*", and "*" of cellar_routes[0] decides',
    ),
    (
        rules(RULE, {**RULE, "answer": "refuse"}),
        "cellar_file_rules[1].name",
        'is the same as that of cellar_file_rules[0] ("cooldown")',
    ),
    (
        rules({"name": "x", "answer": "hide", "undated": "match"}),
        "cellar_file_rules[0].undated",
        "is set, and the rule asks for no age",
    ),
    (
        rules({"name": "x", "answer": "allow", "reason": "Why not."}),
        "cellar_file_rules[0].reason",
        "nobody is told the reason of an answer allow",
    ),
    (
        rules({"name": "x", "answer": "stream", "younger_than_days": 7}),
        "cellar_file_rules[0].younger_than_days",
        "is set, and an answer stream does not change with time",
    ),
    (
        rules({"name": "x", "answer": "stream", "zone": "z"}) | zones({"name": "z"}),
        "cellar_file_rules[0].zone",
        "is set, and nothing is stored by an answer stream",
    ),
    (
        rules({"name": "x", "answer": "store", "zone": "pined"}),
        "cellar_file_rules[0].zone",
        'is none of cellar_file_zones ("pined")',
    ),
    (
        zones({"name": "pinned"}),
        "cellar_file_zones[0]",
        'is named by no rule ("pinned")',
    ),
    (
        rules({"name": "x", "answer": "store", "zone": "z"})
        | zones({"name": "z"}, {"name": "z", "max_size": "1g"}),
        "cellar_file_zones[1].name",
        'is the same as that of cellar_file_zones[0] ("z")',
    ),
    (
        {"cellar_file_size_limit": "41g"},
        "cellar_file_size_limit",
        "is more (41g) than cellar_files_max_size (40g)",
    ),
    (
        {"cellar_file_size_limit": "", "cellar_file_over_limit": "refuse"},
        "cellar_file_over_limit",
        'is set ("refuse"), and cellar_file_size_limit is empty',
    ),
    (
        rules({"name": "x", "answer": "stream"}, {"name": "y", "answer": "store"}),
        "cellar_file_rules[1]",
        'never decides, since cellar_file_rules[0] ("x")',
    ),
    (
        rules({"name": "all", "answer": "allow"}, RULE),
        "cellar_file_rules[1]",
        'never decides, since cellar_file_rules[0] ("all") decides for all files',
    ),
    (
        rules(
            {"name": "ours", "answer": "allow", "projects": ["acme-*", "acme"]},
            {**RULE, "projects": ["acme-x", "acme"]},
        ),
        "cellar_file_rules[1]",
        'never decides, since cellar_file_rules[0] ("ours")',
    ),
]


@pytest.mark.parametrize(("changes", "subject", "phrase"), ONE)
def test_an_entry_that_cannot_be_used_is_named_by_its_place(
    check: Check, changes: dict[str, Any], subject: str, phrase: str
) -> None:
    lines = check(changes)

    assert len(lines) == 1, lines
    assert lines[0].startswith(f"{subject}: "), lines
    assert phrase in lines[0]
    assert "\n" not in lines[0]


def test_problems_of_all_entries_come_at_once_in_the_order_of_the_settings(check: Check) -> None:
    lines = check(
        {
            "cellar_file_rules": [{**RULE, "versions": "2.*"}, {**RULE, "answer": "deny"}],
            "cellar_routes": [{"projects": ["A"], "indexes": ["acme"], "colour": 1}],
            "cellar_indexes": [{**ACME, "url": 5}, {**BETA, "url": "http://beta.example/"}],
            "cellar_log_days": 0,
            "cellar_https_port": "443",
        }
    )

    assert [line.partition(":")[0] for line in lines] == [
        "cellar_https_port",
        "cellar_indexes[0].url",
        "cellar_indexes[1].url",
        "cellar_routes[0].colour",
        "cellar_routes[0].projects",
        "cellar_file_rules[1].answer",
        "cellar_file_rules[0].versions",
        "cellar_log_days",
    ]


SECRET = "hunter2"
# Every way to write a password wrongly that comes to mind.
LEAKS: dict[str, object] = {
    "alone": indexes({**ACME, "password": SECRET}),
    "in a list": index(username="ci", password=[SECRET]),
    "in a mapping": index(username="ci", password={"token": SECRET}),
    "with a line break": index(username="ci", password=f"{SECRET}\n"),
    "with a tab": index(username="ci", password=f"{SECRET}\t{SECRET}"),
    "with a space": index(username="ci", password=f" {SECRET}"),
    "under a mistyped key": index(username="ci", pasword=SECRET),
    "under an unknown key": index(token=SECRET),
    "as a key": index(**{f"password:{SECRET}": None}),
    "as a user name": index(username=f"ci:{SECRET}", password=SECRET),
    "as a user name in a list": index(username=[f"ci:{SECRET}"], password=SECRET),
    "in the URL": index(url=f"https://ci:{SECRET}@packages.acme.example/simple/"),
    "in the URL, without a scheme": index(url=f"ci:{SECRET}@packages.acme.example/simple/"),
    "in the URL, as a query": index(url=f"https://packages.acme.example/simple/?key={SECRET}"),
    "in the URL of files": index(files=[f"https://:{SECRET}@packages.acme.example/"]),
    "in an index that is no list": {
        "cellar_indexes": {**ACME, "username": "ci", "password": SECRET}
    },
    "in an index that is text": {"cellar_indexes": [f"name: acme, password: {SECRET}"]},
    "in indexes that are text": {"cellar_indexes": f"- name: acme\n  password: {SECRET}"},
    "in an index within a list": {"cellar_indexes": [[{**ACME, "password": SECRET}]]},
    "in two indexes of one host": indexes(
        {**ACME, "url": "https://one.example/a/", "username": "ci", "password": SECRET},
        {**BETA, "url": "https://one.example/b/", "username": "ci", "password": f"{SECRET}2"},
    ),
    "in an index without a route": {
        "cellar_indexes": [{**ACME, "username": "ci", "password": SECRET}]
    },
    "where no CA is": index(username="ci", password=SECRET, ca_file="/nonexistent/ca.pem"),
}


@pytest.mark.parametrize("changes", LEAKS.values(), ids=list(LEAKS))
def test_a_password_is_never_shown(check: Check, changes: dict[str, Any]) -> None:
    lines = check(changes)

    assert lines
    assert [line for line in lines if SECRET in line] == []


@pytest.mark.parametrize("password", [12345678, True, 1.5])
def test_a_password_that_yaml_takes_for_a_number_is_not_shown(check: Check, password: Any) -> None:
    (line,) = check(index(username="ci", password=password))

    assert line.startswith("cellar_indexes[0].password: is not text; write one line of text")
    assert str(password).lower() not in line.lower()


UNRESOLVED = {
    "'vault_acme_password' is undefined": (
        "cellar_indexes: cannot be evaluated: 'vault_acme_password' is undefined; "
        "correct its template"
    ),
    f"Syntax error in template: Encountered unknown tag '{SECRET}'": (
        "cellar_indexes: cannot be evaluated, and the reason may hold a secret; "
        "correct its template; a password with {{, {% or {# needs !unsafe before it"
    ),
    "A vault exception marker was tripped": (
        "cellar_indexes: cannot be decrypted; "
        "give Ansible the vault password that it was encrypted with"
    ),
}


@pytest.mark.parametrize(("reason", "line"), UNRESOLVED.items())
def test_a_password_that_cannot_be_evaluated_is_not_shown(
    check: Check, reason: str, line: str
) -> None:
    assert check({"cellar_indexes": []}, unresolved={"cellar_indexes": reason}) == [line]
