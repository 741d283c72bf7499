"""Videos, read by PyAV: each frame once, in the order and the shape that a player shows.

They are decoded from the first frame on and nothing is sought, because MPEG, WMV, AVI with
B-frames and transport streams don't tell reliably where a frame lies.
"""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from lddm_aug.data.container_length import require_whole
from lddm_aug.data.shown import Pixels, on_black, turned, with_square_pixels
from lddm_aug.data.unreadable import UnreadableFile, check_max_pixels, true_reason

ANNOUNCE_DURATION = {'matroska,webm', 'avi', 'asf', 'flv'}           # of what they hold, reliably
MISSING_SHARE = 0.1                                  # of the duration, which no last frame lasts
RATE_TOLERANCE = 0.02                                # timestamps in whole milliseconds are as exact


def iter_video(path: Path, first: int = 0) -> Iterator[Pixels]:
    """(H, W, 3) frames, from the one of this number on, in the memory of a few.

    Raises:
        UnreadableFile: if the file is cut off or damaged, or holds no video; when frames are taken.
    """
    with _opened(path) as (container, stream):
        yield from shown_frames(path, container, stream, first)


def shown_frames(name: str | Path, container: av.container.InputContainer, stream: VideoStream,
                 first: int = 0) -> Iterator[Pixels]:
    """What `iter_video` gives, of a video that is open already; its name is for messages."""
    to_rgb, matrix = VideoReformatter(), None
    for number, frame in enumerate(islice(_decoded(name, container, stream), first, None)):
        if number == 0:                              # asked for its matrix, a frame stays in memory
            matrix = _display_matrix(frame)
        yield _as_shown(name, _to_rgb(frame, to_rgb), stream.sample_aspect_ratio, matrix)


def video_stream(name: str | Path, container: av.container.InputContainer) -> VideoStream:
    """The stream of a container that is the video, ready to be decoded.

    Raises:
        UnreadableFile: if there is none, no decoder for it, or it has more than MAX_PIXELS.
    """
    stream = container.streams.best('video')
    if not isinstance(stream, VideoStream):
        raise UnreadableFile(f'{name} holds no video')
    if stream.codec_context is None:
        raise UnreadableFile(f'{name} is compressed in a way for which there is no decoder')
    stream.thread_type = 'NONE'                      # threads hold a frame each, and many workers
    stream.codec_context.thread_count = 1            # read at once
    check_max_pixels(name, stream.width, stream.height)
    return stream


def inspect_video(path: Path) -> float | None:
    """Look at a file before it is decoded → frames per second, where the video says them."""
    with _opened(path) as (container, stream):
        if not _may_be_called(path.suffix[1:].lower(), container.format):
            raise UnreadableFile(f'{path} holds {container.format.name}, not what its name says')
        said = float(stream.average_rate or 0)
        measured = _measured_rate(container, stream)
        if measured is None or said and abs(measured - said) <= RATE_TOLERANCE * said:
            return said or None
        return measured                              # of variable rate, on average


@contextmanager
def _opened(path: Path) -> Iterator[tuple[av.container.InputContainer, VideoStream]]:
    with true_reason(path, 'video'):
        require_whole(path)
        # absolute, since FFmpeg takes what stands before a colon for a protocol
        with av.open(str(path.absolute())) as container:
            yield container, video_stream(path, container)


def _decoded(path: str | Path, container: av.container.InputContainer,
             stream: VideoStream) -> Iterator[VideoFrame]:
    """All frames in the order in which they are shown, or the reason why they can't be had."""
    count, until = 0, None
    try:
        for packet in container.demux(stream):
            frames = packet.decode()
            if packet.is_corrupt or any(frame.is_corrupt for frame in frames):
                raise UnreadableFile(f'{path} is cut off or damaged: it cannot be decoded whole '
                                     f'after {count} frames')
            for frame in frames:
                yield frame
                count += 1
                until = frame.time
    except av.FFmpegError as error:
        if isinstance(error, MemoryError):
            raise
        raise UnreadableFile(f'{path} is cut off or damaged: it cannot be decoded after '
                             f'{count} frames') from error
    if not count:
        raise UnreadableFile(f'{path} holds no frames')
    announced = _announced_duration(container, stream)
    if announced and until is not None:
        end = until - (container.start_time or 0) / av.time_base
        if end < (1 - MISSING_SHARE) * announced - float(1 / (stream.average_rate or 1)):
            raise UnreadableFile(
                f'{path} is cut off or damaged: its {count} frames end after {end:.2f} s, but its '
                f'container announces {announced:.2f} s')


def _announced_duration(container: av.container.InputContainer,
                        stream: VideoStream) -> float | None:
    """Of a file's video in seconds; None where it is guessed, or that of something else."""
    if (container.format.name not in ANNOUNCE_DURATION or len(container.streams) > 1
            or container.duration is None or stream.frames not in (0, stream.duration)):
        return None                                  # the last in an AVI that was never finished
    return container.duration / av.time_base


def _display_matrix(frame: VideoFrame) -> NDArray[np.int32] | None:
    matrix: Any = frame.side_data.get('DISPLAYMATRIX')
    return None if matrix is None else np.frombuffer(bytes(matrix), np.int32).reshape(3, 3)


def _to_rgb(frame: VideoFrame, to_rgb: VideoReformatter) -> Pixels:
    transparent = frame.format.name == 'pal8' or any(
        component.is_alpha for component in frame.format.components)
    converted = to_rgb.reformat(frame, format='rgba' if transparent else 'rgb24', threads=1)
    pixels = np.asarray(converted.to_ndarray(), np.uint8)
    return on_black(pixels) if transparent else pixels


def _as_shown(path: str | Path, pixels: Pixels, pixel_shape: Fraction | None,
              matrix: NDArray[np.int32] | None) -> Pixels:
    if pixel_shape:
        height, width = pixels.shape[:2]
        check_max_pixels(path, round(width * max(pixel_shape, 1 / pixel_shape)), height)
    pixels = with_square_pixels(pixels, pixel_shape)
    try:
        return pixels if matrix is None else turned(pixels, matrix)
    except ValueError as error:
        raise UnreadableFile(f'{path} {error}') from error


def _measured_rate(container: av.container.InputContainer, stream: VideoStream) -> float | None:
    """Frames per second on average, from their times."""
    times = {packet.dts if packet.pts is None else packet.pts
             for packet in container.demux(stream) if packet.size and not packet.is_discard}
    known = sorted(time for time in times if time is not None)
    if len(known) < 2 or not stream.time_base:
        return None
    return (len(known) - 1) / float((known[-1] - known[0]) * stream.time_base)


def _may_be_called(suffix: str, container: av.ContainerFormat) -> bool:
    """Whether files of this form end so; PyAV doesn't know every form's endings."""
    known = container.extensions | ({'m4v'} if 'mp4' in container.extensions else set())
    return not container.name.endswith('_pipe') and (not known or suffix in known)
