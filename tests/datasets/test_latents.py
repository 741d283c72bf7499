from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.runner import save_checkpoint
from torch.testing import assert_close

from lddm_aug import text as text_encoder
from lddm_aug.datasets.latents import LatentDataset
from lddm_aug.functional.pixels import to_unit
from lddm_aug.models.video_autoencoder import VideoAutoencoder
from lddm_aug.seeds import derive_seed, seeded


@pytest.fixture
def clips(tmp_path):
    rows = ['path,label,group']
    for i in range(3):
        video = np.random.default_rng(i).integers(256, size=(24, 16, 16), dtype=np.uint8)
        np.save(tmp_path / f'{i}.npy', video)
        rows.append(f'{i}.npy,{i % 2},patient {i}')
    (tmp_path / 'videos.csv').write_text('\n'.join(rows))
    return dict(type='VideoClipDataset', ann_file=str(tmp_path / 'videos.csv'), pipeline=[
        dict(type='ReadVideo', size=16, channels=1),
        dict(type='SampleSegment', num_frames=16, segment_length=16), dict(type='PackClip')])


@pytest.fixture
def autoencoder(tmp_path):
    config = dict(type='VideoAutoencoder', latent_channels=4, encoder=dict(width=8),
                  decoder=dict(widths=(8, 8, 8)))
    model = VideoAutoencoder(**{key: value for key, value in config.items() if key != 'type'})
    model.latent_mean.fill_(0.3)
    save_checkpoint(dict(state_dict=model.state_dict()), str(tmp_path / 'autoencoder.pth'))
    config['init_cfg'] = dict(type='Pretrained', checkpoint=str(tmp_path / 'autoencoder.pth'))
    return model, config


def test_a_sample_is_the_latent_of_its_own_clip_beside_its_first_frame(clips, autoencoder):
    model, config = autoencoder
    dataset = LatentDataset(clips, config, draws=2, batch_size=2)
    assert len(dataset) == 6
    with seeded(derive_seed(1, 1)):                  # the second draw of the second video
        clip = dataset.clips[1]['clip']
    assert torch.equal(dataset[4]['still'], clip[:, 0])
    with torch.no_grad():
        assert_close(dataset[4]['latent'], model.eval().encode(to_unit(clip)[None])[0],
                     atol=1e-4, rtol=1e-4)
    assert dataset[4]['label'] == 1


def test_draws_of_a_video_differ(clips, autoencoder):
    dataset = LatentDataset(clips, autoencoder[1], draws=2)
    assert not torch.equal(dataset[0]['still'], dataset[3]['still'])


def test_it_knows_the_groups_of_its_clips(clips, autoencoder):
    assert LatentDataset(clips, autoencoder[1], draws=1).groups == {
        'patient 0', 'patient 1', 'patient 2'}


def test_no_draw_is_refused(clips, autoencoder):
    with pytest.raises(ValueError, match=r'LatentDataset: draws .*got 0'):
        LatentDataset(clips, autoencoder[1], draws=0)


def test_a_latent_is_a_sample_with_every_wording_of_its_text(clips, autoencoder, monkeypatch):
    table = Path(clips['ann_file'])
    rows = table.read_text().splitlines()
    texts = ['prompt', '"left | leftwards | to the left"', 'right', '']
    table.write_text('\n'.join(f'{row},{text}' for row, text in zip(rows, texts, strict=True)))
    monkeypatch.setattr(text_encoder, 'encode_texts', lambda texts: torch.stack(
        [torch.full((text_encoder.TEXT_WIDTH,), float(len(each))) for each in texts]))
    dataset = LatentDataset(clips, autoencoder[1], draws=1, conditions=dict(prompt='text'))
    lengths = [sample['told'][0].nan_to_num(0).item() for sample in dataset]
    assert lengths == [len('left'), len('leftwards'), len('to the left'), *3 * [len('right')],
                       *3 * [0]]                     # no clip counts more for its wordings
    assert torch.equal(dataset[0]['latent'], dataset[2]['latent'])
    assert not torch.equal(dataset[0]['latent'], dataset[3]['latent'])
