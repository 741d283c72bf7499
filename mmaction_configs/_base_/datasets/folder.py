"""A folder of your own with videos.csv and stills.csv: DATA=data/mine before a command names it.

Classes are those of the table of videos.  SPLIT=3_7_seed1 takes splits/3_7_seed1.csv, as
lddm-aug split makes it; by default 7_3_seed0, or the table's own column `split` where there
is no such file.  What is made of the folder lies in it: generators/, synthetic/ and recognizers/.
"""
_base_ = []                                          # a config without a base may import nothing
from lddm_aug.configs import chosen, default_split, split_file
from lddm_aug.data.annotations import classes_in

__folder = '{{$DATA:data/mine}}'
# unless SIZE, FRAMES, STRIDE or SPLIT say otherwise
__choice = chosen(size=64, split=default_split(__folder))
__classes = classes_in(f'{__folder}/videos.csv')
__videos = dict(type='VideoClipDataset', ann_file=f'{__folder}/videos.csv', classes=__classes,
                **split_file(__folder, __choice.split))

data = dict(
    size=__choice.size, num_frames=__choice.num_frames, frame_stride=__choice.frame_stride,
    classes=__classes,
    real=dict(**__videos, split='train'),
    held_out=dict(**__videos, split='test', test_mode=True),
    stills=dict(type='StillDataset', ann_file=f'{__folder}/stills.csv', classes=__classes),
    oracle=f'{__folder}/oracle.csv',                 # the true clips behind the stills, if known
    read=[dict(type='ReadVideo', size=256)],
    augment=[
        dict(type='RandomResizedCrop', area_range=(0.8, 1.0), aspect_ratio_range=(0.9, 1.1)),
        dict(type='Flip', flip_ratio=0.5)],
    # where its generators, their clips and the recognizers go
    generators=__folder + '/generators/{recipe}' + __choice.variant,
    stores=__folder + '/synthetic/{clips}' + __choice.variant,
    recognizers=__folder + '/recognizers/{recognizer}_{training_set}' + __choice.variant)
