"""Breast ultrasound videos (BUSV), and the stills of BUSI that may become clips.

SPLIT=3_7_seed1 before a command takes data/busv/splits/3_7_seed1.csv.  Groups are patients: none
may stand on both sides.  BUSV and BUSI name the prepared folders, where they lie elsewhere.
"""
_base_ = []                                          # a config without a base may import nothing
from lddm_aug.configs import chosen, split_file

# unless SIZE, FRAMES, STRIDE or SPLIT say otherwise
__choice = chosen(size=128, split='7_3_seed0')
__name = f'busv{__choice.variant}'
__classes = ('benign', 'malignant')
__folder = '{{$BUSV:data/busv}}'
__videos = dict(type='VideoClipDataset', ann_file=f'{__folder}/videos.csv', classes=__classes,
                **split_file(__folder, __choice.split))

data = dict(
    size=__choice.size, num_frames=__choice.num_frames, frame_stride=__choice.frame_stride,
    classes=__classes,
    real=dict(**__videos, split='train'),
    held_out=dict(**__videos, split='test', test_mode=True),
    stills=dict(type='StillDataset', ann_file='{{$BUSI:data/busi}}/stills.csv', classes=__classes),
    read=[dict(type='ReadVideo', size=256)],
    augment=[
        dict(type='RandomResizedCrop', area_range=(0.8, 1.0), aspect_ratio_range=(0.9, 1.1)),
        dict(type='Flip', flip_ratio=0.5)],
    # how its generators are trained above 64 × 64, where that isn't as their recipes say: long, on
    # one GPU
    plan=dict(
        autoencoder=dict(
            loader=dict(batch_size=8, num_workers=4, persistent_workers=True),
            iterations=20000, every=2000, lr=2e-4),
        latents=dict(loader=dict(batch_size=64), draws=32, iterations=20000, every=2000, lr=1e-4,
                     momentum=0.001),
        denoiser=dict(width=256, depth=8),
        still_network=dict(pretrained='torchvision://resnet50'),
    ) if __choice.size > 64 else {},
    # where its generators, their clips and the recognizers go
    generators='work_dirs/lddm/' + __name + '{_recipe}',
    stores='work_dirs/synthetic/' + __name + '_{clips}',
    recognizers='work_dirs/{recognizer}_' + __name + '_{training_set}')
