"""Types of files by their endings, and reasons for files that aren't read."""
from __future__ import annotations

from contextlib import suppress
from pathlib import Path, PurePath

from lddm_aug.data.frames import STILL_SUFFIXES, VIDEO_SUFFIXES, is_still_file
from lddm_aug.preparation.listing import STILL, VIDEO

NOT_USED = 'is not used'                             # although it has a readable format
DICOM = {'.dcm', '.dicom', '.ima'}
ARCHIVES = {'.zip', '.tar', '.gz', '.tgz', '.bz2', '.xz', '.zst', '.rar', '.7z'}
OTHER_PICTURES = {'.nii', '.nii.gz', '.mha', '.mhd', '.nrrd', '.nhdr', '.npz', '.mat', '.h5',
                  '.hdf5', '.hdf', '.pt', '.pkl', '.raw', '.img', '.hdr', '.vol', '.svg', '.pdf',
                  '.heic', '.avif', '.jp2', '.j2k', '.jxl', '.tga', '.psd', '.avs', '.dv', '.ogv',
                  '.ogg', '.mjpeg', '.mjpg', '.mxf', '.rm', '.rmvb', '.swf', '.f4v', '.m2v', '.3g2',
                  '.mpe', '.qt', '.divx', '.y4m', '.h264', '.264', '.h265', '.265', '.hevc', '.wtv',
                  '.cine'}
OF_SYSTEMS = {'thumbs.db', 'ehthumbs.db', 'desktop.ini', '__macosx', '@eadir', '$recycle.bin',
              'system volume information', 'lost+found', '__pycache__', 'icon\r'}


def is_read(path: PurePath) -> bool:
    """Whether a file's ending is that of a video or a still."""
    return path.suffix.lower() in STILL_SUFFIXES | VIDEO_SUFFIXES


def role_of(path: Path) -> str | None:
    """STILL, or VIDEO for videos and pictures of several frames; None for other endings."""
    return None if not is_read(path) else STILL if is_still_file(path) else VIDEO


def is_hidden(name: str) -> bool:
    """Whether a file or folder is hidden or belongs to an operating system."""
    return name.startswith(('.', '~$')) or name.lower() in OF_SYSTEMS


def why_not_read(path: Path) -> str:
    """The reason why a file isn't used."""
    name = path.name.lower()
    if is_read(path):
        return NOT_USED
    ending = next((each for each in sorted(OTHER_PICTURES, key=len, reverse=True)
                   if name.endswith(each)), path.suffix.lower())
    if ending in DICOM or name == 'dicomdir' or _begins_as_dicom(path):
        return 'is DICOM, which the command dicom reads'
    if ending in ARCHIVES:
        return 'is an archive; unpack it first'
    if ending in OTHER_PICTURES:
        return f'ends in {ending}, which is not read; convert it to PNG, MP4 or .npy'
    return f'ends in {ending}, which is not read' if ending else 'has no ending'


def _begins_as_dicom(path: Path) -> bool:
    """Whether a file has DICOM's preamble; in archives its name can lack an ending."""
    with suppress(OSError):
        if path.is_file():
            with path.open('rb') as file:
                return file.read(132)[128:] == b'DICM'
    return False
