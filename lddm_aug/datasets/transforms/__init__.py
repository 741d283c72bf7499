"""Transforms, one per file."""
from lddm_aug.datasets.transforms.defer_synthesis import DeferSynthesis
from lddm_aug.datasets.transforms.flip_clip import FlipClip
from lddm_aug.datasets.transforms.frame_differences import FrameDifferences
from lddm_aug.datasets.transforms.load_still import LoadStill
from lddm_aug.datasets.transforms.pack_clip import PackClip
from lddm_aug.datasets.transforms.read_video import ReadVideo
from lddm_aug.datasets.transforms.rebuild_clip import RebuildClip
from lddm_aug.datasets.transforms.sample_playback_rate import SamplePlaybackRate
from lddm_aug.datasets.transforms.sample_segment import SampleSegment
from lddm_aug.datasets.transforms.shuffle_frames import ShuffleFrames
from lddm_aug.datasets.transforms.soften_label import SoftenLabel
from lddm_aug.datasets.transforms.synthesize_clip import SynthesizeClip
from lddm_aug.datasets.transforms.take_windows import TakeWindows

__all__ = ['DeferSynthesis', 'FlipClip', 'FrameDifferences', 'LoadStill', 'PackClip', 'ReadVideo',
           'RebuildClip', 'SamplePlaybackRate', 'SampleSegment', 'ShuffleFrames', 'SoftenLabel',
           'SynthesizeClip', 'TakeWindows']
