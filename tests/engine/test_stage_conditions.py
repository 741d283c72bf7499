"""Trainings of a few iterations whose generator is told what stands in the table."""
import math

import numpy as np
import pytest
import torch

from lddm_aug import text
from lddm_aug.configs import config_root
from lddm_aug.engine.config_stages import stage_configs
from lddm_aug.engine.generator_training import train_generator
from lddm_aug.engine.stage_conditions import take_conditions
from lddm_aug.generators import load_package

CONFIG = config_root() / 'lddm/lddm.py'
SMALL = dict(encoder=dict(width=8), decoder=dict(widths=(8, 8, 8)))
VIEWS, PROMPTS = ('long', 'across', 'long', ''), ('slow', 'fast', '', 'slow')
DECLARED = dict(label='category', motion='number', view='category', ef='number', prompt='text')


@pytest.fixture(scope='module')
def options(tmp_path_factory):
    """What makes the recipe tiny, and its data: noise, of a table with more columns."""
    folder = tmp_path_factory.mktemp('data')
    rows = ['path,label,group,split,view,ef,prompt']
    for i, split in enumerate(['train'] * 4 + ['test'] * 2):
        video = np.random.default_rng(i).integers(255 // (i + 1), size=(20, 64, 64), dtype=np.uint8)
        np.save(folder / f'{i}.npy', video)
        rows.append(f'{i}.npy,{"ab"[i % 2]},{i},{split},{VIEWS[i % 4]},{50 + i},{PROMPTS[i % 4]}')
    (folder / 'videos.csv').write_text('\n'.join(rows))
    clips = dict(ann_file=str(folder / 'videos.csv'), classes=('a', 'b'))
    made = {'autoencoder.train_dataloader.dataset': clips, 'autoencoder.model': SMALL,
            'autoencoder.val_dataloader.dataset': clips,
            'diffusion.model': dict(autoencoder=SMALL,
                                    denoiser=dict(still_widths=(8, 8, 8), width=24, depth=1)),
            'diffusion.train_dataloader.dataset': dict(clips=clips, autoencoder=SMALL, draws=2),
            'diffusion.default_hooks.preview.clips': clips}
    for stage in ('autoencoder', 'diffusion'):
        made |= {f'{stage}.train_cfg.max_iters': 2, f'{stage}.train_dataloader.batch_size': 2,
                 f'{stage}.default_hooks.checkpoint.interval': 1, f'{stage}.log_level': 'ERROR'}
    return made


@pytest.fixture(scope='module')
def package(options, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, 'encode_texts', encoded)
        patch.setattr('mmengine.config.config.FormatCode', lambda text, **_: (text, False))
        yield train_generator(CONFIG, tmp_path_factory.mktemp('run'),
                              options=options | {'diffusion.model.conditions': DECLARED})


def encoded(texts):
    """A unit vector for every text, in the place of a sentence encoder."""
    vectors = [torch.randn(text.TEXT_WIDTH, generator=torch.Generator().manual_seed(
        sum(each.encode()))) for each in texts]
    return torch.nn.functional.normalize(torch.stack(vectors), dim=1)


def test_the_package_knows_the_names_that_stand_in_the_table(package):
    assert dict(load_package(package).conditions) == dict(
        label=('a', 'b'), motion='number', view=('across', 'long'), ef='number', prompt='text')


def test_clips_are_flipped_unless_a_text_may_name_a_side(options):
    def flips(declared):
        stages = stage_configs(CONFIG, options | {'diffusion.model.conditions': declared})
        take_conditions(stages)
        clips = stages['diffusion'].train_dataloader.dataset.clips
        return [step['probability'] for step in clips.pipeline if step['type'] == 'FlipClip']

    assert flips(DECLARED) == [0.]
    assert flips(dict(label='category', motion='number')) == [0.5]


def test_numbers_are_standardised_by_the_training_clips(package):
    embedding = load_package(package).diffusion.denoiser.embed_conditions
    assert embedding['ef'].center.item() == pytest.approx(51.5)
    assert embedding['ef'].scale.item() == pytest.approx(math.sqrt(1.25))


def test_motion_is_drawn_by_the_seed_as_it_occurs_and_can_be_set(package, monkeypatch):
    monkeypatch.setattr(text, 'encode_texts', encoded)
    generator = load_package(package)
    told = generator.told([{}] * 200, range(200))
    motions = np.array([row['motion'] for row in told])
    assert motions.min() > 0 and motions.max() / motions.min() > 2     # noise of 255 down to 63
    assert told == generator.told([{}] * 200, range(200))
    still = torch.zeros(1, 1, 64, 64)
    drawn = generator(still, [7])
    assert torch.equal(drawn, generator(still, [7], generator.told([{}], [7])))
    assert generator.told([dict(motion='1.5')], [7])[0]['motion'] == '1.5'
    with pytest.raises(ValueError, match=r'motion .* above 0'):
        generator(still, [7], [dict(motion=0)])


def test_a_column_that_is_not_there_is_refused_before_training(options, tmp_path):
    with pytest.raises(ValueError, match=r'condition ejection .*ef, label, prompt, view'):
        train_generator(CONFIG, tmp_path / 'run', options=options | {
            'diffusion.model.conditions': dict(ejection='number')})
    assert not (tmp_path / 'run').exists()
