import numpy as np
import pytest
import torch

from lddm_aug.evaluation.clip_set import ClipSet, generate_clip_set, read_split
from lddm_aug.functional.pixels import to_uint8, to_unit
from lddm_aug.generators.repeat_still import RepeatStill
from lddm_aug.seeds import derive_seed


def test_clips_have_the_generators_size_length_and_tempo(videos):
    middle = read_split(videos, 'train', RepeatStill(16, num_frames=8, frame_stride=2))
    assert middle.clips.shape == (6, 1, 8, 16, 16) and middle.groups == [f'p{i}' for i in range(6)]
    assert middle.labels == ['benign', 'malignant'] * 3
    video = np.load(videos.parent / '0.npy')
    starts = [start for start in range(10)
              if (middle.clips[0, 0].numpy() == video[start:start + 16:2]).all()]
    assert starts == [5]                             # 24 frames, of which 15 are spanned


def test_more_segments_are_drawn_again_in_the_same_way(videos):
    generator = RepeatStill(16, num_frames=8, frame_stride=2)
    some, again, other = (read_split(videos, 'train', generator, segments=2, seed=seed)
                          for seed in (0, 0, 1))
    assert len(some) == 12 and some.groups[:2] == ['p0', 'p0']
    assert (some.clips == again.clips).all() and (some.clips != other.clips).any()
    assert (some.clips[0::2] != some.clips[1::2]).any()


def test_videos_of_two_rates_give_clips_of_one_tempo(tmp_path):
    slow = np.zeros((24, 16, 16), np.uint8) + 10 * np.arange(24, dtype=np.uint8)[:, None, None]
    np.save(tmp_path / 'slow.npy', slow)
    np.save(tmp_path / 'fast.npy', slow.repeat(2, axis=0))         # the same second, 50 fps
    (tmp_path / 'videos.csv').write_text(
        'path,label,group,fps\nslow.npy,a,p,25\nfast.npy,a,q,50\n')
    generator = RepeatStill(16, num_frames=8, frame_stride=2)
    clips = read_split(tmp_path / 'videos.csv', None, generator, reference_fps=25).clips
    assert (clips[0] == clips[1]).all()
    by_frames = read_split(tmp_path / 'videos.csv', None, generator).clips
    steps = by_frames[:, 0, :, 0, 0].int().diff()
    assert steps.tolist() == [[20] * 7, [10] * 7]


def test_stills_go_to_where_a_generator_with_buffers_only_computes(videos, on_meta):
    with pytest.raises(NotImplementedError, match='stills on meta'):
        generate_clip_set(on_meta, read_split(videos, 'test', on_meta))


def test_each_clip_begins_with_the_first_frame_of_the_real_one(tiny_lddm, videos):
    real = read_split(videos, 'test', tiny_lddm)
    made = generate_clip_set(tiny_lddm, real)
    assert (made.clips[:, :, 0] == real.clips[:, :, 0]).all()
    assert made.groups == real.groups
    # whatever the number of clips asked for, and another sample is another clip
    one = generate_clip_set(tiny_lddm, real, indices=[5])
    assert (one.clips[0] == made.clips[5]).all() and one.groups == [real.groups[5]]
    other = generate_clip_set(tiny_lddm, real, sample=1, indices=[5])
    assert (other.clips[0] != made.clips[5]).any()


def test_a_conditional_generator_gets_the_classes_by_name(tiny_conditional_lddm):
    clips = torch.randint(256, (1, 1, 8, 16, 16), dtype=torch.uint8).expand(2, -1, -1, -1, -1)
    labels = ['malignant', 'benign']
    made = generate_clip_set(tiny_conditional_lddm, ClipSet(clips, list('ab'), labels))
    seeds = [derive_seed('evaluation', 0, 0, index) for index in range(2)]
    stills = to_unit(clips[:, :, 0])
    assert (made.clips == to_uint8(tiny_conditional_lddm(
        stills, seeds, [dict(label=label) for label in labels]))).all()
    unconditional = to_uint8(tiny_conditional_lddm(stills, seeds))
    assert (made.clips != unconditional).flatten(1).any(dim=1).all()


def test_videos_of_classes_that_the_generator_does_not_know_are_refused(
        tiny_lddm, tiny_conditional_lddm, videos):
    videos.write_text(videos.read_text().replace('malignant', 'normal'))
    assert 'normal' in read_split(videos, 'test', tiny_lddm).labels     # it is told none
    with pytest.raises(ValueError, match=r"read_split .*videos\.csv: .* benign, malignant, .*"
                                         r"'normal';"):
        read_split(videos, 'test', tiny_conditional_lddm)


def test_stills_are_first_frames_between_minus_1_and_1():
    clips = torch.randint(256, (2, 1, 3, 4, 4), dtype=torch.uint8)
    assert (to_uint8(ClipSet(clips, 'ab', 'xy').stills) == clips[:, :, 0]).all()


def test_what_is_no_clip_set_is_refused(videos):
    with pytest.raises(ValueError, match=r'uint8 and at least one, but got \(2, 3\)'):
        ClipSet(torch.zeros(2, 3), 'ab', 'xy')
    with pytest.raises(ValueError, match='1 clips need as many groups and labels'):
        ClipSet(torch.zeros(1, 1, 2, 4, 4, dtype=torch.uint8), 'ab', 'x')
    with pytest.raises(ValueError, match='at least 1, but got 0'):
        read_split(videos, 'test', RepeatStill(16, num_frames=8), segments=0)
