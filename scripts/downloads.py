# Copyright 2026 mot_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What every set-up fetches: the detector's weights, and a video of people to try them on."""

import hashlib
import os
from pathlib import Path
import shutil
import subprocess
import tarfile
import tempfile

from steps import Environment, fingerprint, read, ROOT, run, SetupError, Step

CACHE = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'mot_ros'
VIDEO = CACHE / 'videos' / 'vtest.avi'
VIDEO_IN_PACKAGE = 'usr/share/doc/opencv-doc/examples/data/vtest.avi'
VIDEO_SHA256 = '45cddc9490be69345cbdab64ca583be65987e864ca408038e648db99e10516cf'


def downloads(environment: Environment, stamps: Path) -> list[Step]:
    """List the steps that fetch; `environment` holds what mot_ros needs to import weights."""
    files = stamps / 'weights_files'

    def import_weights() -> None:
        run(environment.python, '-m', 'mot_ros.cli', 'weights', 'import', folder=ROOT)
        found = sorted(CACHE.rglob('*.safetensors'))
        files.write_text('\n'.join(map(str, found)))

    return [
        Step(stamps / 'weights', "the detector's weights",
             f'{CACHE} {fingerprint(ROOT / "mot_ros" / "tracking" / "weights" / "store.py")}',
             import_weights, tuple(map(Path, read(files).splitlines()))),
        Step(stamps / 'video', 'the sample video, from the Debian package opencv-doc',
             VIDEO_SHA256, fetch_video, (VIDEO,), required=False),
    ]


def fetch_video() -> None:
    """Take the sample video out of Debian's opencv-doc package; needs no root."""
    if is_sample_video(VIDEO):
        return
    VIDEO.parent.mkdir(parents=True, exist_ok=True)
    installed = Path('/') / VIDEO_IN_PACKAGE
    with tempfile.TemporaryDirectory() as folder:
        copy = VIDEO.with_suffix(f'.{os.getpid()}.part')
        try:
            if installed.exists():
                shutil.copyfile(installed, copy)
            else:
                unpack_video(download_opencv_doc(Path(folder)), copy)
            if not is_sample_video(copy):
                raise SetupError('the video in opencv-doc is not the one expected (SHA-256)')
            copy.replace(VIDEO)
        finally:
            copy.unlink(missing_ok=True)


def is_sample_video(file: Path) -> bool:
    """Tell whether a file is there and is the video that the tests and figures are about."""
    return file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == VIDEO_SHA256


def download_opencv_doc(folder: Path) -> Path:
    """Fetch the Debian package (96 MB) into a folder."""
    if not (shutil.which('apt-get') and shutil.which('dpkg-deb')):
        raise SetupError('the sample video comes from a Debian package, and there is no apt-get')
    try:
        run('apt-get', '-q', 'download', 'opencv-doc', folder=folder)
    except SetupError as error:
        raise SetupError(
            f'{error}\nIf the package lists are missing: sudo apt-get update') from None
    return next(folder.glob('opencv-doc_*.deb'))


def unpack_video(package: Path, target: Path) -> None:
    """Copy that one file out of the package, which unpacks to 295 MB."""
    command = ['dpkg-deb', '--fsys-tarfile', package]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE) as process,
        tarfile.open(fileobj=process.stdout, mode='r|') as archive,
    ):
        for member in archive:
            if member.name.removeprefix('./') == VIDEO_IN_PACKAGE:
                with target.open('wb') as file:
                    shutil.copyfileobj(archive.extractfile(member), file)
                break
        else:
            raise SetupError(f'no {VIDEO_IN_PACKAGE} in {package.name}')
        process.kill()
