"""Simulated sweeps, made by `lddm-aug prepare phantom --out data/phantom`.

SIZE=128 takes those of `--size 128 --out data/phantom_128`, SPLIT a split in their splits/.
"""
_base_ = []                                          # a config without a base may import nothing
from lddm_aug.configs import chosen, split_file

__choice = chosen(size=64)                           # unless SIZE, FRAMES or STRIDE say otherwise
__folder, __name = f'data/phantom{__choice.sized}', f'phantom{__choice.variant}'
__classes = ('benign', 'malignant')
__videos = dict(type='VideoClipDataset', ann_file=f'{__folder}/videos.csv', classes=__classes,
                **split_file(__folder, __choice.split))

data = dict(
    size=__choice.size, num_frames=__choice.num_frames, frame_stride=__choice.frame_stride,
    classes=__classes,
    real=dict(**__videos, split='train'),
    held_out=dict(**__videos, split='test', test_mode=True),
    stills=dict(type='StillDataset', ann_file=f'{__folder}/stills.csv', classes=__classes),
    oracle=f'{__folder}/oracle.csv',                 # the true clips behind the stills
    read=[dict(type='ReadVideo', size=__choice.size, cache=True)],
    augment=[
        dict(type='RandomResizedCrop', area_range=(0.8, 1.0), aspect_ratio_range=(0.9, 1.1)),
        dict(type='Flip', flip_ratio=0.5)],
    # where its generators, their clips and the recognizers go
    generators='work_dirs/lddm/' + __name + '{_recipe}',
    stores='work_dirs/synthetic/' + __name + '_{clips}',
    recognizers='work_dirs/{recognizer}_' + __name + '_{training_set}')
