"""Motion transfer's package, made through the phantom's own configs from noise."""
import numpy as np
import pytest
import torch

from lddm_aug.configs import find_config
from lddm_aug.engine.config_stages import stage_configs
from lddm_aug.engine.generator_training import train_generator
from lddm_aug.generators.package import load_package

CONFIG = find_config('lddm/motion_transfer')


@pytest.fixture
def options(tmp_path):
    """Three training videos, a test video, and a still of a patient who has no video."""
    rows = ['path,label,group,split']
    for i, split in enumerate(['train', 'train', 'train', 'test']):
        video = np.random.default_rng(i).integers(256, size=(16, 64, 64), dtype=np.uint8)
        np.save(tmp_path / f'{i}.npy', video)
        rows.append(f'{i}.npy,{("benign", "malignant")[i % 2]},patient {i},{split}')
    (tmp_path / 'videos.csv').write_text('\n'.join(rows))
    table = str(tmp_path / 'videos.csv')
    small = dict(encoder=dict(width=8), decoder=dict(widths=(8, 8, 8)))
    return {'autoencoder.train_dataloader.dataset.ann_file': table,
            'autoencoder.val_dataloader.dataset.ann_file': table,
            'autoencoder.train_dataloader.batch_size': 2, 'autoencoder.train_cfg.max_iters': 1,
            'autoencoder.model': small, 'autoencoder.log_level': 'ERROR',
            'bank.bank.clips.ann_file': table, 'bank.bank.autoencoder': small,
            'bank.bank.draws': 2, 'bank.generator.autoencoder': small}


def test_the_bank_holds_the_latents_of_training_clips_and_names_their_groups(options, tmp_path):
    generator = load_package(train_generator(CONFIG, tmp_path / 'run', options=options))
    assert generator.groups == ('patient 0', 'patient 1', 'patient 2')
    assert generator.classes == ('benign', 'malignant')
    assert generator.bank_labels.tolist() == [0, 1, 0] * 2
    # the videos are as long as a clip, so that a draw is the video itself, mirrored or not
    for latent, label, number in zip(generator.bank, generator.bank_labels, [0, 1, 2] * 2,
                                     strict=True):
        video = torch.from_numpy(np.load(tmp_path / f'{number}.npy'))
        clip = video[None, None].float() / 127.5 - 1
        with torch.no_grad():
            candidates = generator.autoencoder.encode(torch.cat([clip, clip.flip(-1)]))
        nearest = (candidates - latent).abs().amax(dim=(1, 2, 3, 4)).min()
        assert nearest < 1e-3 and label == number % 2
    clip = generator(torch.zeros(1, 1, 64, 64), [3], [dict(label='malignant')])
    assert clip.shape == (1, 1, 16, 64, 64) and clip.isfinite().all()


def test_a_bank_without_a_trained_autoencoder_is_refused(options, tmp_path):
    alone = {key.removeprefix('bank.'): value for key, value in options.items()
             if key.startswith('bank.')}
    stage_configs(CONFIG)['bank'].dump(tmp_path / 'bank.py')
    with pytest.raises(ValueError, match=r'LatentDataset: .*init_cfg'):
        train_generator(tmp_path / 'bank.py', tmp_path / 'run', options=alone)
