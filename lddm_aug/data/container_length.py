"""Checks of what a video's container announces, before FFmpeg believes it.

A file that ends before its container does is truncated: FFmpeg and players show the rest without an
error.  For each sample that MP4 and QuickTime announce FFmpeg takes memory, whether it is there or
not.
"""
from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from lddm_aug.data.unreadable import UnreadableFileError
from lddm_aug.limits import limit_of, refuse_above

WITH_BOXES = (b'moov', b'trak', b'mdia', b'minf', b'stbl', b'moof', b'traf')
ENTRY_BYTES = {b'stts': 8, b'ctts': 8, b'stsc': 12, b'stss': 4, b'stco': 4, b'co64': 8}
SAMPLES_PER_FRAME = 20                               # with sound, far above any
BOXES_PER_FRAME = 10                                 # of a file with a fragment for each
ASF_HEADER = bytes.fromhex('3026b2758e66cf11a6d900aa0062ce6c')
ASF_DATA = bytes.fromhex('3626b2758e66cf11a6d900aa0062ce6c')
ASF_DATA_HEADER = 50                                 # bytes
EBML, EBML_SEGMENT = bytes.fromhex('1a45dfa3'), bytes.fromhex('18538067')
TS_SYNC, TS_PACKETS = b'\x47', ((188, 0), (192, 4), (204, 0))        # length, place of the sync


def check_complete(path: Path) -> None:
    """Raise an error for a file that ends before its container does.

    MP4, QuickTime, AVI, Matroska, WebM and ASF (WMV) announce their length, and MPEG transport
    streams consist of packets of one length.  MPEG program streams and live recordings aren't
    checked.

    Raises:
        UnreadableFileError: if it is truncated.
    """
    size = path.stat().st_size
    with path.open('rb') as file:
        announced = announced_length(file)
        packet = _ts_packet(file)
    if announced > size:
        raise UnreadableFileError(f'{path} is cut off: its container announces {announced} bytes, '
                                  f'but it has {size}')
    if packet and size % packet:
        raise UnreadableFileError(f'{path} is cut off: it ends inside a packet of its transport '
                                  'stream')


def announced_length(file: BinaryIO) -> int:
    """Byte at which the frames of a container end; 0 if it doesn't announce it."""
    head = _read(file, 0, 16)
    if head[4:8] in (b'ftyp', b'moov', b'mdat', b'wide', b'free', b'skip', b'pnot'):
        return _of_boxes(file)
    if head[:4] == b'RIFF' and head[8:12] == b'AVI ':
        return _of_avi(file)
    if head[:4] == EBML:
        return _of_matroska(file)
    if head == ASF_HEADER:
        return _of_asf(file)
    return 0


def check_samples(name: str | Path, file: BinaryIO) -> None:
    """Raise UnreadableFileError for an MP4 or QuickTime file that announces too many samples.

    So too for a table of samples with more entries than the file has room for.

    A sample is a frame, or what sound has in its place.

    Args:
        name: for messages.
        file: of any format; others have no such boxes.
    """
    samples, handler, is_pcm = 0, b'', False
    size = file.seek(0, os.SEEK_END)
    for boxes, (kind, place) in enumerate(_inner_boxes(file)):
        refuse_above('MAX_FRAMES', boxes // BOXES_PER_FRAME, name, UnreadableFileError)
        entries = _number(file, place + 4) if kind in ENTRY_BYTES else 0
        if entries * ENTRY_BYTES.get(kind, 0) > size:
            raise UnreadableFileError(f'{name} is damaged: its table {kind.decode()} announces '
                                      f'{entries} entries, but the file has {size} bytes')
        if kind == b'trak':
            handler, is_pcm = b'', False
        elif kind == b'hdlr':
            handler = handler or _read(file, place + 8, 4)
        elif kind == b'stts':                        # FFmpeg counts PCM by chunks, not by samples
            count, duration = (_number(file, place + offset) for offset in (4, 12))
            is_pcm = handler == b'soun' and count == duration == 1
        elif kind in (b'stsz', b'stz2') and not is_pcm:
            samples += _number(file, place + 8)
        elif kind == b'trun':
            samples += _number(file, place + 4)
    refuse_above('MAX_FRAMES', samples // SAMPLES_PER_FRAME, name, UnreadableFileError)


def _inner_boxes(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """The name of every box, also of those within others, and the place of its content."""
    file.seek(0, os.SEEK_END)
    ends, place = [file.tell()], 0
    while ends:
        head = _read(file, place, 16)
        length, content = int.from_bytes(head[:4], 'big'), place + 8
        if length == 1:
            length, content = int.from_bytes(head[8:], 'big'), place + 16
        if len(head) < 8 or content > ends[-1] or (length and length < content - place):
            place = ends.pop()                       # no box: go on behind the one around it
            continue
        end = min(place + length, ends[-1]) if length else ends[-1]  # 0: up to the end of the file
        yield head[4:8], content
        if head[4:8] in WITH_BOXES:
            ends.append(end)
            place = content
        else:
            place = end


def _number(file: BinaryIO, place: int) -> int:
    return int.from_bytes(_read(file, place, 4), 'big')


def _read(file: BinaryIO, place: int, count: int) -> bytes:
    file.seek(min(place, 2 ** 63 - 1))               # some lengths are invalid
    return file.read(count)


def _of_boxes(file: BinaryIO) -> int:
    """MP4 and QuickTime: boxes of 4 bytes length, 4 bytes name and, if length is 1, 8 of length."""
    place = end = 0
    for _ in range(BOXES_PER_FRAME * limit_of('MAX_FRAMES')):
        head = _read(file, place, 16)
        if len(head) < 8 or not head[4:8].isalnum():
            break
        length = int.from_bytes(head[:4], 'big')
        if length == 1:
            length = int.from_bytes(head[8:], 'big')
        if length < 8:                               # up to the end of the file
            break
        place += length
        if head[4:8] in (b'moov', b'moof', b'mdat'):
            end = place
    return end


def _of_avi(file: BinaryIO) -> int:
    """AVI: chunks of 4 bytes name and 4 bytes length; frames are in the lists called movi."""
    place = end = 0
    while len(head := _read(file, place, 12)) == 12 and head[:3].isalnum():
        length = int.from_bytes(head[4:8], 'little')
        if head[:4] == b'RIFF':                      # a long file has several
            place += 12
            continue
        place += 8 + length + length % 2
        if head[:4] == b'LIST' and head[8:] == b'movi':
            if length in (0, 2 ** 32 - 1):           # an unfinished recording
                break
            end = place
    return end


def _of_matroska(file: BinaryIO) -> int:
    """Matroska: a header and a segment, each of 4 bytes name and 1 to 8 bytes length."""
    place = 0
    for name in (EBML, EBML_SEGMENT):
        head = _read(file, place, 12)
        if head[:4] != name or len(head) < 5 or head[4] == 0:
            return 0
        width = 9 - head[4].bit_length()
        length = int.from_bytes(head[4:4 + width], 'big') & (1 << 7 * width) - 1
        if length == (1 << 7 * width) - 1:           # a live recording
            return 0
        place += 4 + width + length
    return place


def _of_asf(file: BinaryIO) -> int:
    """ASF: objects of 16 bytes name and 8 bytes length; frames are in the one called data."""
    place = 0
    while len(head := _read(file, place, 24)) == 24:
        length = int.from_bytes(head[16:], 'little')
        if length <= ASF_DATA_HEADER:                # a live recording
            break
        place += length
        if head[:16] == ASF_DATA:
            return place
    return 0


def _ts_packet(file: BinaryIO) -> int:
    """Bytes per packet of a transport stream; 0 if it is none."""
    head = _read(file, 0, 5 * 204)
    for length, place in TS_PACKETS:
        syncs = head[place::length]
        if len(syncs) >= 4 and set(syncs) == set(TS_SYNC):
            return length
    return 0
