"""Videos, read by PyAV: each frame once, in the order and shape of a player.

They are decoded from the first frame on, without seeking, because the positions of frames are
unreliable in MPEG, WMV, AVI with B-frames and transport streams.
"""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from lddm_aug.data.container_length import check_complete, check_samples
from lddm_aug.data.shown import Pixels, apply_display_matrix, blend_on_black, with_square_pixels
from lddm_aug.data.unreadable import (
    UnreadableFileError,
    as_unreadable,
    check_max_frames,
    check_max_pixels,
    of_the_limit,
)
from lddm_aug.limits import limit_of

# FFmpeg's names; others, as playlists and scripts, name further files to open
FORMATS = ','.join((
    'mov', 'matroska', 'avi', 'mpeg', 'mpegvideo', 'mpegts', 'asf', 'flv', 'h264', 'hevc', 'gif',
    'apng', 'png_pipe', 'jpeg_pipe', 'bmp_pipe', 'tiff_pipe', 'webp_pipe', 'ppm_pipe',
    'gif_pipe', 'jpegls_pipe', 'j2k_pipe'))
ANNOUNCE_DURATION = {'matroska,webm', 'avi', 'asf', 'flv'}           # reliably
MISSING_SHARE = 0.1                                  # of the duration; a last frame is shorter
RATE_TOLERANCE = 0.02                                # error of timestamps in whole milliseconds


def iter_video(path: Path, first: int = 0) -> Iterator[Pixels]:
    """Iterate over (H, W, 3) frames from index `first` on, in the memory of a few.

    Raises:
        UnreadableFileError: during the iteration, if the file is truncated, damaged or no video.
    """
    with _opened(path) as (container, stream):
        yield from shown_frames(path, container, stream, first)


def shown_frames(name: str | Path, container: av.container.InputContainer, stream: VideoStream,
                 first: int = 0) -> Iterator[Pixels]:
    """The frames of `iter_video` from an open container; the name is for messages."""
    to_rgb, matrix = VideoReformatter(), None
    for number, frame in enumerate(islice(_decoded(name, container, stream), first, None)):
        if number == 0:                              # reading the matrix keeps a frame in memory
            matrix = _display_matrix(frame)
        yield _as_shown(name, _to_rgb(frame, to_rgb), stream.sample_aspect_ratio, matrix)


def video_stream(name: str | Path, container: av.container.InputContainer) -> VideoStream:
    """The video stream of a container, configured for decoding.

    Raises:
        UnreadableFileError: if there is none, no decoder for it, or it exceeds MAX_PIXELS.
    """
    stream = container.streams.best('video')
    if not isinstance(stream, VideoStream):
        raise UnreadableFileError(f'{name} contains no video')
    if stream.codec_context is None:
        raise UnreadableFileError(f'{name} has a compression without a decoder')
    stream.thread_type = 'NONE'                      # each thread keeps a frame, in many workers
    stream.codec_context.thread_count = 1
    stream.codec_context.options = _bounds()         # a frame may be larger than its container says
    check_max_pixels(name, stream.width, stream.height)
    if not stream.width or not stream.height:        # FFmpeg refused to decode a first frame
        raise UnreadableFileError(f'{name} has no frame of a size that can be read: '
                                  f'{of_the_limit()}, or it is damaged')
    return stream


def inspect_video(path: Path) -> float | None:
    """Check a file without decoding it → mean frames per second, None if unknown."""
    with _opened(path) as (container, stream):
        if not _may_be_called(path.suffix[1:].lower(), container.format):
            raise UnreadableFileError(f'{path} contains {container.format.name}, not what its name '
                                      'says')
        nominal = float(stream.average_rate or 0)
        measured = _measured_rate(container, stream)
        if measured is None or (nominal
                                and abs(measured - nominal) <= RATE_TOLERANCE * nominal):
            return nominal or None
        return measured                              # mean of a variable rate


def open_container(name: str | Path, file: BinaryIO) -> av.container.InputContainer:
    """Open a video, whose content chooses none but the formats of videos, and no other file.

    Args:
        name: for messages.
        file: what has a path is opened by it.
    """
    check_samples(name, file)
    file.seek(0)
    # absolute, since FFmpeg reads text before a colon as a protocol
    source: Any = str(name.absolute()) if isinstance(name, Path) else file
    try:
        return av.open(source, 'r', options=_bounds(), container_options={
            'format_whitelist': FORMATS, 'protocol_whitelist': 'file'})
    except av.error.MemoryError as error:            # FFmpeg says so of absurd and doubled tables
        raise UnreadableFileError(f'{name} cannot be read as a video; is it damaged? FFmpeg finds '
                                  'no memory for what its header announces') from error


def _bounds() -> dict[str, str]:
    """Options by which FFmpeg refuses too large frames before it takes memory for them."""
    return {'max_pixels': str(limit_of('MAX_PIXELS'))}


@contextmanager
def _opened(path: Path) -> Iterator[tuple[av.container.InputContainer, VideoStream]]:
    with as_unreadable(path, 'video'), path.open('rb') as file:
        check_complete(path)
        with open_container(path, file) as container:
            yield container, video_stream(path, container)


def _decoded(path: str | Path, container: av.container.InputContainer,
             stream: VideoStream) -> Iterator[VideoFrame]:
    """All frames in display order; UnreadableFileError if some can't be decoded."""
    count, until = 0, None
    try:
        for packet in container.demux(stream):
            frames = packet.decode()
            if packet.is_corrupt or any(frame.is_corrupt for frame in frames):
                raise UnreadableFileError(f'{path} is cut off or damaged: it cannot be decoded '
                                          f'completely after {count} frames')
            for frame in frames:
                check_max_frames(path, count + 1)
                yield frame
                count += 1
                until = frame.time
    except av.FFmpegError as error:
        if isinstance(error, MemoryError):
            raise
        raise UnreadableFileError(f'{path} is cut off or damaged: it cannot be decoded after '
                                  f'{count} frames') from error
    if not count:
        raise UnreadableFileError(f'{path} contains no frames')
    announced = _announced_duration(container, stream)
    if announced and until is not None:
        end = until - (container.start_time or 0) / av.time_base
        if end < (1 - MISSING_SHARE) * announced - float(1 / (stream.average_rate or 1)):
            raise UnreadableFileError(
                f'{path} is cut off or damaged: its {count} frames end after {end:.2f} s, but its '
                f'container announces {announced:.2f} s')


def _announced_duration(container: av.container.InputContainer,
                        stream: VideoStream) -> float | None:
    """Announced duration of a file's video in seconds; None where it isn't reliable."""
    if (container.format.name not in ANNOUNCE_DURATION or len(container.streams) > 1
            or container.duration is None or stream.frames not in (0, stream.duration)):
        return None                                  # the last case is an unfinished AVI
    return container.duration / av.time_base


def _display_matrix(frame: VideoFrame) -> NDArray[np.int32] | None:
    matrix: Any = frame.side_data.get('DISPLAYMATRIX')
    return None if matrix is None else np.frombuffer(bytes(matrix), np.int32).reshape(3, 3)


def _to_rgb(frame: VideoFrame, to_rgb: VideoReformatter) -> Pixels:
    transparent = frame.format.name == 'pal8' or any(
        component.is_alpha for component in frame.format.components)
    converted = to_rgb.reformat(frame, format='rgba' if transparent else 'rgb24', threads=1)
    pixels = np.asarray(converted.to_ndarray(), np.uint8)
    return blend_on_black(pixels) if transparent else pixels


def _as_shown(path: str | Path, pixels: Pixels, pixel_shape: Fraction | None,
              matrix: NDArray[np.int32] | None) -> Pixels:
    if pixel_shape:
        height, width = pixels.shape[:2]
        check_max_pixels(path, round(width * max(pixel_shape, 1 / pixel_shape)), height)
    pixels = with_square_pixels(pixels, pixel_shape)
    try:
        return pixels if matrix is None else apply_display_matrix(pixels, matrix)
    except ValueError as error:
        raise UnreadableFileError(f'{path} {error}') from error


def _measured_rate(container: av.container.InputContainer, stream: VideoStream) -> float | None:
    """Mean frames per second, from the timestamps."""
    times = set()
    for packet in container.demux(stream):
        if packet.size and not packet.is_discard:
            times.add(packet.dts if packet.pts is None else packet.pts)
            check_max_frames(container.name, len(times))
    known = sorted(time for time in times if time is not None)
    if len(known) < 2 or not stream.time_base:
        return None
    return (len(known) - 1) / float((known[-1] - known[0]) * stream.time_base)


def _may_be_called(suffix: str, container: av.ContainerFormat) -> bool:
    """Whether files of this format can have the suffix; PyAV doesn't know all suffixes."""
    known = container.extensions | ({'m4v'} if 'mp4' in container.extensions else set())
    return not container.name.endswith('_pipe') and (not known or suffix in known)
