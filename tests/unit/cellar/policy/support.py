"""Rules, files and pages for the tests of the policy."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from cellar.policy import Policy, Verdict
from cellar.settings import FileRuleSettings

NOW = datetime(2026, 12, 1, 10, 0, tzinfo=UTC)
DAY = timedelta(days=1)
MOMENT = timedelta(microseconds=1)
WHEEL = "demo-1.2-py3-none-any.whl"


def rule(answer: str = "hide", **changes: Any) -> FileRuleSettings:
    """Return a rule that says nothing but its answer, with changes."""
    nothing: dict[str, Any] = {
        "name": "a-rule",
        "projects": ("*",),
        "versions": "",
        "kinds": (),
        "filenames": (),
        "younger_than_days": 0,
        "undated": "match",
        "larger_than": 0,
        "zone": "",
        "reason": "",
    }
    return FileRuleSettings(answer=answer, **(nothing | changes))


def written(time: datetime) -> str:
    """Return a time as PyPI writes upload-time."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def file(filename: str = WHEEL, **keys: Any) -> dict[str, Any]:
    """Return an entry of `files`; `keys` are written with "_" for "-"."""
    more = {key.replace("_", "-"): value for key, value in keys.items()}
    return {"filename": filename, "url": f"https://files.example/{filename}", **more}


def page(*files: Mapping[str, Any], **keys: Any) -> dict[str, Any]:
    return {"meta": {"api-version": "1.4"}, "name": "demo", "files": list(files), **keys}


def judged(settings: FileRuleSettings, entry: Mapping[str, Any], project: str = "demo") -> Verdict:
    """Return the verdict of a policy of one rule."""
    return Policy([settings]).file(project, entry, NOW)


def matches(settings: FileRuleSettings, entry: Mapping[str, Any], project: str = "demo") -> bool:
    return judged(settings, entry, project).rule is not None


def within(until: datetime, part: float) -> datetime:
    """Return a time from now on and before `until`, to the microsecond."""
    return NOW + int(part * ((until - NOW) // MOMENT)) * MOMENT


# For properties: few values, so that rules and files often meet.
versions = st.sampled_from(["0.9", "1.0", "1.0.0", "1.1rc1", "1!0.1", "2.0+cu128", "2004d", ""])
filenames = st.one_of(
    st.builds("demo-{}-py3-none-any.whl".format, versions),
    st.builds("demo-{}.tar.gz".format, versions),
    st.builds("demo-{}.win32-py2.7.exe".format, versions.filter(bool)),
    st.sampled_from(["readme.txt", "demo.zip", "caf\u00e9\r\n-1.0.zip", "x" * 300]),
)
# Around now, to the microsecond; and what is no time.
times = st.one_of(
    st.builds(
        lambda days, odd: written(NOW + days * DAY + odd * MOMENT),
        st.integers(-12, 2),
        st.integers(-1, 1),
    ),
    st.sampled_from(["2026-11-30", "", "soon", 5, None, "9999-12-31T23:59:59Z"]),
)
entries = st.builds(
    lambda filename, more: file(filename) | more,
    filenames,
    st.fixed_dictionaries(
        {},
        optional={
            "upload-time": times,
            "size": st.one_of(st.integers(0, 4), st.sampled_from([None, "3", True])),
            "yanked": st.booleans(),
            "x-unknown": st.integers(),
        },
    ),
)
pages = st.builds(
    lambda files, more: page(*files) | more,
    st.lists(entries, max_size=6),
    st.fixed_dictionaries(
        {},
        optional={
            "versions": st.lists(st.one_of(versions, st.none()), max_size=6),
            "x-unknown": st.integers(),
            "project-status": st.just({"status": "active"}),
        },
    ),
)
rules = st.builds(
    rule,
    answer=st.sampled_from(["allow", "hide", "refuse"]),
    projects=st.sampled_from([("*",), ("demo",), ("other", "de*"), ("other",)]),
    versions=st.sampled_from(["", "", "<1", ">=1.0,!=1.1", "==1.0", "===2004d"]),
    kinds=st.sampled_from([(), (), ("wheel",), ("sdist", "egg"), ("other",)]),
    filenames=st.sampled_from([(), (), ("*.whl",), ("readme*", "*-1.0*")]),
    younger_than_days=st.sampled_from([0, 1, 3, 10]),
    undated=st.sampled_from(["match", "skip"]),
    larger_than=st.sampled_from([0, 0, 0, 2]),
    reason=st.sampled_from(["", "Ask security@acme.example.", "Fr\u00e4g uns."]),
)
policies = st.lists(rules, max_size=4).map(
    lambda found: [
        rule(**{key: getattr(one, key) for key in one.__slots__} | {"name": f"rule-{place}"})
        for place, one in enumerate(found)
    ]
)
