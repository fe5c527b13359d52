"""Full, read-only and impossible folders are said in a sentence; nothing unfinished stays, not even of a killed run."""

import errno
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lit_mia import folders
from lit_mia.errors import FolderError
from lit_mia.files import cached_rows, replacing
from lit_mia.folders import check_writable
from lit_mia.main import main
from lit_mia.unfinished import _sweep, unfinished

BEING_KILLED = """
import os, signal, sys
from pathlib import Path
from lit_mia.files import replacing
with replacing(Path(sys.argv[1]) / "numbers.json") as file:
    file.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def small_files():
    """No file may be larger than 4096 bytes: what a process sees of it is what it sees of a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def full(error=errno.ENOSPC):
    def fail(*_):
        raise OSError(error, "No space left on device")

    return fail


def test_an_array_without_room_is_refused_before_it_is_mapped(tmp_path, monkeypatch):
    monkeypatch.setattr(folders.os, "posix_fallocate", full())
    with pytest.raises(
        FolderError, match=rf"no room in the folder {tmp_path} .* 3\.8 MiB are needed at once, .* are free"
    ):
        cached_rows(tmp_path, {}, 1000, np.float32, lambda: iter([np.ones((1000, 1000), np.float32)]))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("small_files")
def test_what_the_system_refuses_leaves_nothing(tmp_path):
    def write():
        with replacing(tmp_path / "large.bin") as file:
            file.write_bytes(bytes(10_000))

    with pytest.raises(FolderError, match=f"no room in the folder {tmp_path}"):
        write()
    with pytest.raises(FolderError, match=f"no room in the folder {tmp_path}"):
        cached_rows(tmp_path, {}, 10, np.float32, lambda: iter([np.ones((10, 1000), np.float32)]))
    assert list(tmp_path.iterdir()) == []


def test_space_is_reserved_where_the_system_has_no_call_for_it(tmp_path, monkeypatch):
    monkeypatch.delattr(folders.os, "posix_fallocate")
    monkeypatch.setattr(folders, "_BLOCK", 64)
    rows = cached_rows(tmp_path, {}, 10, np.float32, lambda: iter([np.ones((10, 10), np.float32)]))
    assert rows.sum() == 100


@pytest.mark.parametrize("place", ["file/inside", f"{'long' * 100}/inside"])
def test_an_impossible_folder_is_refused_before_work(tmp_path, place):
    (tmp_path / "file").touch()
    for attempt in (check_writable, lambda folder: replacing(folder / "a.json").__enter__()):
        with pytest.raises(FolderError, match="Nothing can be written in"):
            attempt(tmp_path / place)


def test_a_file_in_the_place_of_a_folder_is_said_to_be_one(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FolderError, match=r"folder \S+/file \(it is a file\)"):
        check_writable(tmp_path / "file")


def test_a_read_only_folder_is_refused_before_work(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "write_bytes", full(errno.EROFS))
    with pytest.raises(FolderError, match=f"Nothing can be written in the folder {tmp_path}"):
        check_writable(tmp_path)


def test_a_full_disk_of_what_knows_nothing_of_us_ends_in_a_sentence(tmp_path, monkeypatch, capsys):
    def run(_):
        raise OSError(errno.ENOSPC, "No space left on device", "/source", None, str(tmp_path / "last.ckpt"))

    monkeypatch.setattr("lit_mia.main.run", run)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(f"lit-mia: There is no room in the folder {tmp_path} ")
    assert "Traceback" not in said


def test_a_folder_that_can_be_written_is_made_and_stays_empty(tmp_path):
    check_writable(tmp_path / "runs/a")
    assert list((tmp_path / "runs/a").iterdir()) == []


def test_what_a_killed_process_left_goes_and_what_another_writes_stays(tmp_path):
    killed = subprocess.run([sys.executable, "-c", BEING_KILLED, tmp_path], check=False)
    assert killed.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    (tmp_path / ".theirs.tmp").touch()
    writing = subprocess.Popen([sys.executable, "-c", BEING_KILLED.replace("SIGKILL", "SIGSTOP"), tmp_path])
    os.waitpid(writing.pid, os.WUNTRACED)
    assert not left.exists()
    (held,) = set(tmp_path.iterdir()) - {tmp_path / ".theirs.tmp"}
    with unfinished(tmp_path / "other.json"):
        assert held.exists()
    writing.send_signal(signal.SIGCONT)
    writing.wait()
    assert {file.name for file in tmp_path.iterdir()} == {".theirs.tmp", "numbers.json"}


def test_a_file_of_this_process_stays_whatever_time_its_writer_gave_it(tmp_path):
    with unfinished(tmp_path / "a.png") as held:
        held.write_bytes(b"image")
        os.utime(held, (0, 0))  # as designs do, before the first other file of the folder is begun
        _sweep.cache_clear()
        with unfinished(tmp_path / "b.png"):
            assert held.exists()
