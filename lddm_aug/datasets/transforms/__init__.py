"""What a sample goes through, one transform per file."""
from .flip_clip import FlipClip
from .load_still import LoadStill
from .pack_clip import PackClip
from .read_video import ReadVideo
from .sample_segment import SampleSegment
from .synthesize_clip import SynthesizeClip

__all__ = ['FlipClip', 'LoadStill', 'PackClip', 'ReadVideo', 'SampleSegment', 'SynthesizeClip']
