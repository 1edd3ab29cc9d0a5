"""The kernel's counters are read right, also of processes that end meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import counters

if TYPE_CHECKING:
    from pathlib import Path


def make_process(
    proc: Path, pid: int, *, namespace: str = "pid:[1]", group: str = "0::/init.scope\n"
) -> Path:
    place = proc / str(pid)
    (place / "ns").mkdir(parents=True)
    (place / "ns/pid").symlink_to(namespace)
    (place / "cgroup").write_text(group)
    return place


def test_the_processes_of_a_container_are_those_of_its_namespace(tmp_path: Path) -> None:
    make_process(tmp_path, 10)
    make_process(tmp_path, 11, group="0::/x/system.slice/cellar-rewriter.service\n")
    make_process(tmp_path, 12, namespace="pid:[2]")
    (tmp_path / "13").mkdir()  # it has ended, as good as
    (tmp_path / "meminfo").write_text("")

    found = {p.pid: p.group for p in counters.processes_beside(10, tmp_path)}
    assert found == {
        10: "0::/init.scope\n",
        11: "0::/x/system.slice/cellar-rewriter.service\n",
    }


def test_processor_time_is_the_sum_over_all_threads(tmp_path: Path) -> None:
    for pid, thread, nanoseconds in ((10, 10, 1_500_000_000), (10, 99, 250_000_000), (11, 11, 1)):
        (tmp_path / f"{pid}/task/{thread}").mkdir(parents=True)
        (tmp_path / f"{pid}/task/{thread}/schedstat").write_text(f"{nanoseconds} 7 3\n")
    (tmp_path / "10/task/100").mkdir()

    assert counters.processor_seconds([10, 12], tmp_path) == 1.75


def test_busy_is_everything_but_idle_and_waiting(tmp_path: Path) -> None:
    (tmp_path / "stat").write_text(
        "cpu  100 10 50 9999 8888 4 6 30 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n"
    )

    assert counters.busy_seconds(100, tmp_path) == 2.0


def test_peaks_begin_anew_and_are_summed(tmp_path: Path) -> None:
    for pid, kilobytes in ((10, 30_000), (11, 20_000)):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / f"{pid}/status").write_text(
            f"Name:\tx\nVmHWM:\t   {kilobytes} kB\nVmRSS:\t 1 kB\n"
        )

    counters.forget_peaks([10, 11, 12], tmp_path)

    assert (tmp_path / "10/clear_refs").read_text() == "5\n"
    assert counters.peak_bytes([10, 11, 12], tmp_path) == 50_000 * 1024
    assert counters.alive([10, 11, 12], tmp_path) == [10, 11]


def test_memory_is_what_processes_have_themselves_and_once_what_they_share(tmp_path: Path) -> None:
    """Shared memory whole, though none of these may have touched what another one wrote there."""
    zone = tmp_path / "zone"
    zone.write_bytes(bytes(4_000_000))
    for pid, kilobytes in ((10, 30_000), (11, 20_000)):
        place = tmp_path / str(pid)
        (place / "map_files").mkdir(parents=True)
        (place / "map_files/7f00-7f99").symlink_to(zone)
        (place / "maps").write_text(
            "5500-5599 r-xp 00000000 08:01 7 /usr/sbin/nginx\n"
            "7f00-7f99 rw-s 00000000 00:01 9 /dev/zero (deleted)\n"
        )
        (place / "smaps_rollup").write_text(
            f"5500-7f99 rollup\nRss: 999999 kB\nPss: 99999 kB\nPss_Anon:  {kilobytes} kB\n"
            "Pss_File:    500 kB\nPss_Shmem:  7777 kB\n"
        )

    own = 51_000 * 1024
    assert counters.resident_bytes([10, 11], tmp_path) == own + zone.stat().st_blocks * 512


def test_a_process_that_has_ended_has_no_memory(tmp_path: Path) -> None:
    assert counters.resident_bytes([12], tmp_path) == 0
