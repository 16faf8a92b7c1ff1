# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""Output files and folders: whole or not at all, two runs, killed runs, full and lost disks."""

import fcntl
import os
from pathlib import Path
import shutil
import subprocess
import sys

import pytest

from mot_ros.tracking.errors import OutputError
from mot_ros.tracking.runtime.output_file import (
    check_new,
    check_writable,
    locked_folder,
    new_folder,
    OutputFile,
    write_text,
    written,
)

KILLED = """
import os, signal
from pathlib import Path
from mot_ros.tracking.runtime.output_file import new_folder, OutputFile
file = OutputFile('a.txt')
with new_folder(Path('folder')) as part:
    (part / 'b.txt').write_text('half')
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_file_appears_when_closed(tmp_path: Path) -> None:
    path = tmp_path / 'a.txt'
    path.write_text('old')
    output = OutputFile(path)
    output.partial.write_text('new')
    assert path.read_text() == 'old'
    output.close()
    assert path.read_text() == 'new'
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize('error', [ValueError, KeyboardInterrupt])
def test_a_folder_is_whole_or_not_there(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / 'deep' / 'folder'
    with new_folder(path) as part:
        (part / 'a.txt').write_text('a')
    assert (path / 'a.txt').read_text() == 'a'
    with pytest.raises(OutputError, match='exists already'), new_folder(path):
        pass
    # what was there is kept
    assert (path / 'a.txt').read_text() == 'a'
    with pytest.raises(error), new_folder(
            other := tmp_path / 'new' / 'other') as part:
        (part / 'a.txt').write_text('a')
        raise error
    # nor the folder that was made for it
    assert list(tmp_path.iterdir()) == [path.parent]
    check_new(other)


def test_unwritable_places_are_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match='is a folder'):
        check_writable(tmp_path)
    with pytest.raises(OutputError, match='does not exist'):
        check_writable(tmp_path / 'none' / 'a.txt')
    check_writable(tmp_path / 'a.txt')
    assert list(tmp_path.iterdir()) == []


def test_two_runs_write_parts_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / 'a.txt'
    first, second = OutputFile(path), OutputFile(path)
    first.partial.write_text('first')
    second.partial.write_text('second')
    first.close()
    assert path.read_text() == 'first'
    second.close()
    assert path.read_text() == 'second'
    assert list(tmp_path.iterdir()) == [path]


def test_parts_of_killed_runs_are_removed_and_those_of_others_kept(tmp_path: Path) -> None:
    process = subprocess.run([sys.executable, '-c', KILLED], cwd=tmp_path, check=False)
    assert process.returncode == -9
    assert len(list(tmp_path.iterdir())) == 2
    alive = OutputFile(tmp_path / 'a.txt')
    write_text(tmp_path / 'a.txt', 'new')
    with new_folder(tmp_path / 'folder'):
        pass
    assert sorted(tmp_path.iterdir()) == sorted(
        [alive.partial, tmp_path / 'a.txt', tmp_path / 'folder'])
    alive.close(keep=False)


def test_a_folder_is_of_one_run(tmp_path: Path) -> None:
    with locked_folder(tmp_path), \
            pytest.raises(OutputError, match='another run is writing to'), \
            locked_folder(tmp_path):
        pass
    with locked_folder(tmp_path):
        assert list(tmp_path.iterdir()) == []


def test_a_folder_is_used_where_nothing_can_be_locked(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(descriptor: int, operation: int) -> None:
        raise OSError(45, 'no locks here')

    monkeypatch.setattr(fcntl, 'flock', flock)
    with locked_folder(tmp_path):
        write_text(tmp_path / 'a.txt', 'a')
    assert [path.name for path in tmp_path.iterdir()] == ['a.txt']


def test_a_lost_folder_is_an_error(tmp_path: Path) -> None:
    place = tmp_path / 'mount'
    place.mkdir()
    with pytest.raises(OutputError, match=r'a\.txt cannot be written: No such file'), \
            written(place / 'a.txt') as partial:
        partial.write_text('a')
        shutil.rmtree(place)
    assert list(tmp_path.iterdir()) == []


def test_a_lost_folder_that_a_writer_made_again_is_an_error(tmp_path: Path) -> None:
    place = tmp_path / 'mount'
    place.mkdir()
    with pytest.raises(OutputError, match='its folder was lost'), \
            new_folder(place / 'bag') as part:
        shutil.rmtree(place)
        part.mkdir(parents=True)
    assert not (place / 'bag').exists()


def test_an_error_that_hides_a_full_disk_is_seen_through(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OutputFile, 'cause', lambda _: OSError(28, 'No space left on device'))
    with pytest.raises(OutputError, match='No space left'), written(tmp_path / 'a.pt'):
        raise RuntimeError('PytorchStreamWriter failed')
    monkeypatch.undo()
    with pytest.raises(RuntimeError, match='a bug'), written(tmp_path / 'a.pt'):
        raise RuntimeError('a bug')
    assert list(tmp_path.iterdir()) == []


def test_what_fails_elsewhere_is_not_blamed_on_the_output(tmp_path: Path) -> None:
    (tmp_path / 'out').mkdir()
    with pytest.raises(FileNotFoundError), written(tmp_path / 'out' / 'a.txt'):
        (tmp_path / 'source.txt').read_text()


def test_in_place_a_file_is_there_at_once_and_stays(tmp_path: Path) -> None:
    path = tmp_path / 'a.txt'
    output = OutputFile(path, in_place=True)
    assert output.partial == path
    path.write_text('so far')
    with pytest.raises(OutputError, match='exists already'):
        OutputFile(path, in_place=True)

    def refuse(_: Path) -> None:
        raise OutputError('cut')

    with pytest.raises(OutputError, match='cut'):
        output.close(check=refuse)
    assert path.read_text() == 'so far'


def test_links_stay_and_devices_are_refused(tmp_path: Path) -> None:
    (tmp_path / 'disk').mkdir()
    link = tmp_path / 'a.txt'
    link.symlink_to(tmp_path / 'disk' / 'b.txt')
    write_text(link, 'a')
    assert link.is_symlink()
    assert (tmp_path / 'disk' / 'b.txt').read_text() == 'a'
    os.mkfifo(tmp_path / 'fifo')
    with pytest.raises(OutputError, match='no regular file'):
        check_writable(tmp_path / 'fifo')
