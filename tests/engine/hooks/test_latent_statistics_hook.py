"""A training of four steps, through the phantom's own config."""
from pathlib import Path

import numpy as np
import torch
from torch.testing import assert_close

from lddm_aug.configs import find_config
from lddm_aug.datasets.latents import LatentDataset
from lddm_aug.engine.config_stages import stage_configs
from lddm_aug.engine.generator_training import train_stage


def trained(folder: Path) -> LatentDataset:
    """The training clips' latents after four steps on three videos of noise."""
    for i in range(5):
        np.save(folder / f'{i}.npy',
                np.random.default_rng(i).integers(256, size=(60, 64, 64), dtype=np.uint8))
    (folder / 'videos.csv').write_text('path,label,group,split\n' + ''.join(
        f'{i}.npy,benign,patient {i},{"train" if i < 3 else "test"}\n' for i in range(5)))
    config = stage_configs(find_config('lddm/lddm'))['autoencoder']
    small = dict(encoder=dict(width=8), decoder=dict(widths=(8, 8, 8)))
    config.merge_from_dict({
        'train_dataloader.dataset.ann_file': str(folder / 'videos.csv'),
        'train_dataloader.batch_size': 2, 'train_cfg.max_iters': 4, 'log_level': 'ERROR',
        'default_hooks.checkpoint.interval': 2, 'work_dir': str(folder / 'run'), 'model': small})
    for name in ('val_dataloader', 'val_cfg', 'val_evaluator'):
        config[name] = None
    config.default_hooks.pop('preview', None)
    clips, model = config.train_dataloader.dataset, config.model
    checkpoint, _ = train_stage(config, resume=False)
    model.init_cfg = dict(type='Pretrained', checkpoint=str(checkpoint))
    return LatentDataset(clips, model, draws=1)


def test_a_short_training_leaves_standardised_latents(tmp_path):
    latents = torch.stack([sample['latent'] for sample in trained(tmp_path)])
    std, mean = torch.std_mean(latents, dim=(0, 2, 3, 4), correction=0)
    assert_close(mean, torch.zeros_like(mean), atol=1e-3, rtol=0)
    assert_close(std, torch.ones_like(std), atol=1e-3, rtol=0)
