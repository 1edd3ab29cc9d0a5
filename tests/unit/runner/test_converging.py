"""What the program changes on a host is what it was told to, and goes without a trace."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cellar_runner.converging import Part, converge, preview
from cellar_runner.edits.block import Block
from cellar_runner.edits.env_lines import EnvLines
from cellar_runner.edits.ini_keys import IniKeys
from cellar_runner.edits.whole import Whole
from cellar_runner.journal import Step, Store
from cellar_runner.refusal import Refusal
from cellar_runner.targets.target import Command
from unit.runner.trees import snapshot, write

if TYPE_CHECKING:
    from collections.abc import Iterator

HOSTS = b"""127.0.0.1 localhost
# BEGIN cellar-runner
192.0.2.1 index.example
# END cellar-runner
"""
RELOAD = Command(("reload", "it"), "its settings are old")


class Site:
    """A host below `root` and the program's own folder beside it; `ran` are commands that ran."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.root.mkdir()
        self.store = Store(folder / "state")
        self.folder = folder / "state"
        self.ran: list[tuple[str, ...]] = []
        self.wrong = ""

    def run(self, command: Command) -> str:
        self.ran.append(command.arguments)
        return self.wrong

    def path(self, name: str) -> Path:
        return self.root / name

    def converge(self, *edits: Any, **options: Any) -> Any:
        parts = [Part("some", edits, (RELOAD,))] if edits else []
        return converge(self.store, parts, self.run, **options)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def populated(folder: Path) -> Site:
    """Return a site with one file of each kind that the edits of `everything` meet."""
    site = Site(folder)
    write(site.path("etc/hosts"), "127.0.0.1 localhost\n", 0o644)
    write(site.path("etc/real.conf"), "# mine\n[global]\ntimeout = 5", 0o640)
    site.path("etc/pip.conf").symlink_to("real.conf")
    write(site.path("etc/secret.env"), "A=1\nB=2\n", 0o600)
    write(site.path("etc/overwritten"), "theirs", 0o600)
    return site


def everything(site: Site, address: str = "192.0.2.1") -> list[Any]:
    return [
        Whole(site.path("opt/new/folder/bundle.pem"), b"roots"),
        Whole(site.path("etc/overwritten"), b"ours"),
        Block(site.path("etc/hosts"), (f"{address} index.example",)),
        IniKeys(site.path("etc/pip.conf"), "global", {"index-url": f"https://{address}/"}),
        EnvLines(site.path("etc/secret.env"), {"B": "3", "C": address}),
        EnvLines(site.path("etc/new.env"), {"C": address}, mode=0o600),
    ]


def test_files_are_what_was_asked_for(tmp_path: Path) -> None:
    site = populated(tmp_path)

    outcome = site.converge(*everything(site))

    expected = {
        "etc/hosts": (0o644, HOSTS),
        "etc/real.conf": (
            0o640,
            b"# mine\n[global]\ntimeout = 5\nindex-url = https://192.0.2.1/\n",
        ),
        "etc/secret.env": (0o600, b"A=1\nB=3\nC=192.0.2.1\n"),
        "etc/overwritten": (0o600, b"ours"),
        "etc/new.env": (0o600, b"C=192.0.2.1\n"),
        "opt/new/folder/bundle.pem": (0o644, b"roots"),
        "opt/new/folder": (0o755, None),
    }
    found = snapshot(site.root)
    assert {name: found[name] for name in expected} == expected
    assert site.path("etc/pip.conf").is_symlink()
    assert len(outcome.changed) == 6
    assert site.ran == [("reload", "it")]


def test_a_second_run_touches_nothing(tmp_path: Path) -> None:
    site = populated(tmp_path)
    site.converge(*everything(site))
    times = {p: p.lstat().st_mtime_ns for p in tmp_path.rglob("*")}

    outcome = site.converge(*everything(site))

    assert outcome.changed == ()
    assert {p: p.lstat().st_mtime_ns for p in tmp_path.rglob("*")} == times
    assert site.ran == [("reload", "it")]


def test_what_is_wanted_no_more_goes_byte_for_byte_with_modes_links_and_folders(
    tmp_path: Path,
) -> None:
    site = populated(tmp_path)
    before = snapshot(site.root)
    site.converge(*everything(site))
    site.converge(*everything(site, "192.0.2.2"))

    site.converge()

    assert snapshot(site.root) == before
    assert site.store.load().empty
    assert list((site.folder / "originals").iterdir()) == []


def test_preview_says_what_would_change_and_changes_nothing(tmp_path: Path) -> None:
    site = populated(tmp_path)
    before = snapshot(tmp_path)

    outcome = preview(site.store, [Part("some", everything(site))])

    assert site.path("etc/hosts") in outcome.changed
    assert snapshot(tmp_path) == before


def test_a_refusal_of_the_last_file_leaves_the_first_one_alone(site: Site) -> None:
    write(site.path("pip.conf"), "no settings at all")
    before = snapshot(site.root)

    with pytest.raises(Refusal, match=r"pip\.conf cannot be read as settings: .*no section"):
        site.converge(
            Whole(site.path("new"), b"x"), IniKeys(site.path("pip.conf"), "global", {"a": "1"})
        )

    assert snapshot(site.root) == before
    assert not site.folder.exists()


def test_a_lenient_run_does_the_rest_and_says_what_it_could_not(site: Site) -> None:
    """The guard takes routes away also where somebody has broken one of the files."""
    hosts = write(site.path("hosts"), "127.0.0.1 localhost\n")
    broken = write(site.path("pip.conf"), "[global]\n")
    edits = [Block(hosts, ("x",)), IniKeys(broken, "global", {"a": "1"})]
    site.converge(*edits)
    broken.write_text("no settings at all")

    outcome = site.converge(lenient=True)

    assert hosts.read_text() == "127.0.0.1 localhost\n"
    assert broken.read_text() == "no settings at all"
    (failure,) = outcome.failures
    assert str(broken) in failure
    assert not site.store.load().empty, "it is still to be undone"
    broken.write_text("[global]\na = 1\nb = 2\n")
    assert site.converge(lenient=True).failures == ()
    assert broken.read_text() == "[global]\nb = 2\n"
    assert site.store.load().empty


def test_what_others_have_changed_since_stays_when_ours_goes(tmp_path: Path) -> None:
    site = populated(tmp_path)
    site.converge(*everything(site))
    for name in ("etc/hosts", "etc/pip.conf", "etc/secret.env", "etc/new.env"):
        path = site.path(name)
        path.write_text(path.read_text() + "THEIRS=1\n")

    site.converge()

    assert site.path("etc/hosts").read_text() == "127.0.0.1 localhost\nTHEIRS=1\n"
    assert site.path("etc/pip.conf").read_text() == "# mine\n[global]\ntimeout = 5\nTHEIRS=1\n"
    assert site.path("etc/secret.env").read_text() == "A=1\nB=2\nTHEIRS=1\n"
    assert site.path("etc/new.env").read_text() == "THEIRS=1\n"


def test_what_others_have_changed_since_stays_when_ours_changes(tmp_path: Path) -> None:
    site = populated(tmp_path)
    site.converge(*everything(site))
    hosts = site.path("etc/hosts")
    hosts.write_text("10.0.0.1 theirs\n" + hosts.read_text())

    site.converge(*everything(site, "192.0.2.2"))

    assert hosts.read_text().splitlines() == [
        "10.0.0.1 theirs",
        "127.0.0.1 localhost",
        "# BEGIN cellar-runner",
        "192.0.2.2 index.example",
        "# END cellar-runner",
    ]
    site.converge()
    assert hosts.read_text() == "10.0.0.1 theirs\n127.0.0.1 localhost\n"


def test_a_file_that_others_have_removed_stays_away(tmp_path: Path) -> None:
    site = populated(tmp_path)
    site.converge(*everything(site))
    site.path("etc/secret.env").unlink()

    site.converge()

    assert not site.path("etc/secret.env").exists()


def test_a_folder_of_ours_that_others_use_stays(site: Site) -> None:
    site.converge(Whole(site.path("made/by/us"), b"x"))
    write(site.path("made/by/them"), "theirs")

    site.converge()

    assert snapshot(site.root).keys() == {"made", "made/by", "made/by/them"}


def test_two_targets_may_have_entries_in_one_file(site: Site) -> None:
    path = write(site.path("env"), "A=1\n")
    parts = [Part("one", [EnvLines(path, {"B": "1"})]), Part("two", [EnvLines(path, {"C": "2"})])]
    converge(site.store, parts, site.run)
    assert path.read_text() == "A=1\nB=1\nC=2\n"
    path.write_text(path.read_text() + "D=4\n")

    converge(site.store, parts[1:], site.run)

    assert path.read_text() == "A=1\nD=4\nC=2\n"
    site.converge()
    assert path.read_text() == "A=1\nD=4\n"


def test_a_file_that_says_it_already_is_not_ours(site: Site) -> None:
    path = write(site.path("env"), "A=1\n")

    assert site.converge(EnvLines(path, {"A": "1"})).changed == ()

    site.converge()
    assert path.read_text() == "A=1\n"


def test_a_settings_file_with_a_value_of_its_own_is_left_alone_and_said(site: Site) -> None:
    path = write(site.path("pip.conf"), "[global]\nindex_url = https://x.example\n")
    ours = IniKeys(path, "global", {"index-url": "https://y.example"}, yielding=True)

    outcome = site.converge(ours)

    assert path.read_text() == "[global]\nindex_url = https://x.example\n"
    assert outcome.notes == (f"{path} has index-url already, so nothing is written there",)


@pytest.mark.parametrize("kind", ["folder", "circle", "behind a file"])
def test_what_is_no_file_is_refused(site: Site, kind: str) -> None:
    path = site.path("thing")
    if kind == "folder":
        path.mkdir()
    elif kind == "circle":
        path.symlink_to("thing")
    else:
        path = write(path, "x") / "below"

    with pytest.raises(Refusal, match="thing"):
        site.converge(Whole(path, b"x"))


def test_a_file_that_is_a_mount_point_is_written_in_place(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """/etc/hosts is one in containers, and cannot be replaced there."""
    hosts = write(site.path("hosts"), "127.0.0.1 localhost, and a long comment\n")
    inode = hosts.stat().st_ino
    rename = os.replace

    def busy(source: Path, target: Path) -> None:
        if Path(target) == hosts:
            raise OSError(errno.EBUSY, "Device or resource busy")
        rename(source, target)

    monkeypatch.setattr(os, "replace", busy)
    site.converge(Block(hosts, ("192.0.2.1 index.example",)))

    assert "192.0.2.1 index.example\n" in hosts.read_text()
    site.converge()
    assert hosts.read_text() == "127.0.0.1 localhost, and a long comment\n"
    assert (hosts.stat().st_ino, [p.name for p in site.root.iterdir()]) == (inode, ["hosts"])


def test_a_command_that_fails_is_said_with_its_consequence(site: Site) -> None:
    site.wrong = "exit status 1"

    outcome = site.converge(Whole(site.path("a"), b"x"))

    assert outcome.failures == ("`reload it` failed (exit status 1): its settings are old",)


def test_a_damaged_journal_is_refused(site: Site) -> None:
    site.converge(Whole(site.path("a"), b"x"))
    (site.folder / "journal.json").write_text("{")

    with pytest.raises(Refusal, match=r"journal\.json is damaged"):
        site.converge()


def test_a_damaged_original_is_refused_and_never_restored(site: Site) -> None:
    path = write(site.path("a"), "theirs")
    site.converge(Whole(path, b"ours"))
    for kept in (site.folder / "originals").iterdir():
        kept.write_bytes(b"other")

    with pytest.raises(Refusal, match="missing or damaged"):
        site.converge()
    assert path.read_text() == "ours"


def test_contents_of_others_are_for_root_alone(tmp_path: Path) -> None:
    site = populated(tmp_path)
    site.converge(*everything(site))

    assert site.folder.stat().st_mode & 0o777 == 0o700
    for path in site.folder.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_file_keeps_its_extended_attributes(site: Site) -> None:
    path = write(site.path("a"), "x\n")
    try:
        os.setxattr(path, "user.label", b"kept")
    except OSError:
        pytest.skip("the file system has no extended attributes")

    site.converge(Block(path, ("y",)))

    assert os.getxattr(path, "user.label") == b"kept"


class Killed(BaseException):
    """What stands in for SIGKILL: nothing of the program catches it."""


# All by which the program changes the disk.
CALLS = ("open", "replace", "fsync", "chmod", "chown", "unlink", "mkdir", "rmdir")


@contextmanager
def killing(number: int, *, after: bool) -> Iterator[list[str]]:
    """Let the n-th change of the disk be the last one, be it done or not; gives those so far."""
    calls: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        for name in CALLS:
            original = getattr(os, name)

            def call(*arguments: Any, __of: Any = original, __as: str = name, **named: Any) -> Any:
                if __as == "open" and not arguments[1] & os.O_CREAT:
                    return __of(*arguments, **named)
                calls.append(__as)
                if len(calls) == number and not after:
                    raise Killed
                try:
                    return __of(*arguments, **named)
                finally:
                    if len(calls) == number:
                        raise Killed

            patch.setattr(os, name, call)
        yield calls


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No power is lost here, and waiting for the disk takes minutes."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


def some(site: Site, address: str = "192.0.2.1") -> list[Any]:
    """Return a file in folders that are not there, a file with other lines, and one by a link."""
    new, _, block, keys, *_ = everything(site, address)
    return [new, block, keys]


def first_run(site: Site) -> None:
    site.converge(*some(site))


def second_run(site: Site) -> None:
    """Change two files, remove one with its folders, and write another one."""
    site.converge(*some(site, "192.0.2.2")[1:], everything(site)[1])


def last_run(site: Site) -> None:
    site.converge()


RUNS = {"first": first_run, "changing": second_run, "removing": last_run}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("run", RUNS)
def test_a_run_killed_at_any_step_is_taken_up_by_the_next(
    tmp_path: Path,
    run: str,
    after: bool,  # noqa: FBT001
) -> None:
    """Whether that one is to finish it or to remove everything."""
    whole = populated(tmp_path)
    clean = snapshot(whole.root)
    first_run(whole)
    done = snapshot(whole.root)
    for number in itertools.count(1):
        folder = tmp_path / str(number)
        folder.mkdir()
        site = populated(folder)
        if run != "first":
            first_run(site)
        try:
            with killing(number, after=after) as calls:
                RUNS[run](site)
            break  # a whole run has not that many
        except Killed:
            pass
        state = folder / "copy"
        shutil.copytree(folder, state, symlinks=True)

        site.converge()
        assert snapshot(site.root) == clean, (number, calls)
        assert site.store.load().empty, (number, calls)
        assert list(site.folder.glob("originals/*")) == []

        shutil.rmtree(folder / "root")
        shutil.rmtree(folder / "state", ignore_errors=True)
        for part in state.iterdir():
            part.rename(folder / part.name)
        first_run(site)
        assert snapshot(site.root) == done, (number, calls)
        site.converge()
        assert snapshot(site.root) == clean, (number, calls)
    assert number > 40, "there are many steps"


@pytest.mark.usefixtures("quick")
def test_commands_of_a_killed_run_are_run_by_the_next(tmp_path: Path) -> None:
    """Else a daemon would go on with old settings although the files are right."""
    missed = 0
    for number in itertools.count(1):
        folder = tmp_path / str(number)
        folder.mkdir()
        site = populated(folder)
        try:
            with killing(number, after=False):
                first_run(site)
            break
        except Killed:
            pass
        changed = site.path("etc/hosts").read_text() != "127.0.0.1 localhost\n"
        missed += changed and not site.ran
        first_run(site)
        assert site.ran, number
    assert missed > 3, "some were killed between the file and the command"


def test_a_torn_write_in_place_is_told_from_what_others_write(site: Site) -> None:
    """A loss of power in the middle of one leaves the begin of the new and the end of the old."""
    hosts = write(site.path("hosts"), "127.0.0.1 localhost\n10.0.0.1 other\n")
    store = site.store
    edit = Block(hosts, ("192.0.2.1 index.example",))
    before = hosts.read_bytes()
    site.converge(edit)
    after = hosts.read_bytes()
    # As the journal is while the step is under way.
    journal = store.load()
    entry = journal.entries[str(hosts)]
    step = Step(store.keep(before), store.keep(after), entry)
    for cut in (3, len(before) - 3, len(before) + 4):
        kept = [store.keep(content) for content in (before, after)]
        assert kept == [step.before, step.after]
        store.save(replace(journal, entries={}, steps={str(hosts): step}))
        hosts.write_bytes(after[:cut] + before[cut:])
        site.converge()
        assert hosts.read_bytes() == before, cut
    for content in (before, after):
        store.keep(content)
    store.save(replace(journal, entries={}, steps={str(hosts): step}))
    hosts.write_bytes(b"10.0.0.2 another\n" + after)
    site.converge()
    assert hosts.read_bytes() == b"10.0.0.2 another\n" + before
