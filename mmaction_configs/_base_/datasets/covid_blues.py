"""Lung ultrasound with B-lines or without (COVID-BLUES), prepared as docs/data.md says.

SIZE=128 takes what was prepared at that size into data/covid_blues_128.  One patient is one group.
"""
_base_ = []                                          # a config without a base may import nothing
from lddm_aug.configs import chosen, split_file

__choice = chosen(size=64)                           # unless SIZE, FRAMES or STRIDE say otherwise
__folder, __name = f'data/covid_blues{__choice.sized}', f'covid_blues{__choice.variant}'
__classes = ('0', '1')
__videos = dict(type='VideoClipDataset', ann_file=f'{__folder}/videos.csv', classes=__classes,
                **split_file(__folder, __choice.split))
__augment = [
    dict(type='RandomResizedCrop', area_range=(0.8, 1.0), aspect_ratio_range=(0.9, 1.1)),
    dict(type='Flip', flip_ratio=0.5)]
__jitter = dict(type='ColorJitter', brightness=0.3, contrast=0.3, saturation=0, hue=0)

data = dict(
    size=__choice.size, num_frames=__choice.num_frames, frame_stride=__choice.frame_stride,
    classes=__classes,
    real=dict(**__videos, split='train'),
    held_out=dict(**__videos, split='test', test_mode=True),
    stills=dict(type='StillDataset', ann_file=f'{__folder}/stills.csv', classes=__classes),
    oracle=f'{__folder}/oracle.csv',                 # the true clips behind the stills
    read=[dict(type='ReadVideo', size=__choice.size, cache=True)],
    # how a lung looks differs more from patient to patient than with its B-lines, not how it moves
    augment=[*__augment, __jitter],
    see=[dict(type='FrameDifferences', channels=(1, 2))],
    # for a network of playback rates: from frame to frame a lung changes by two grey levels, which
    # one that sees frames overlooks; another contrast would look like another rate
    tempo=dict(augment=__augment, see=[dict(type='FrameDifferences')], iterations=200),
    # how its generators are trained at 64 × 64, where that isn't as their recipes say
    plan=dict(
        autoencoder=dict(iterations=700), cinn_paper_autoencoder=dict(iterations=720),
    ) if __choice.size <= 64 else {},
    # where its generators, their clips and the recognizers go
    generators='work_dirs/lddm/' + __name + '{_recipe}',
    stores='work_dirs/synthetic/' + __name + '_{clips}',
    recognizers='work_dirs/{recognizer}_' + __name + '_{training_set}')
