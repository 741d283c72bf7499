"""Two iterations of the phantom's own trainings on noise, and what TensorBoard is told of them."""
import io
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.visualization import Visualizer
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lddm_aug.configs import find_config
from lddm_aug.engine.generator_training import train_generator
from lddm_aug.engine.hooks.preview_hook import PreviewHook, write_video
from lddm_aug.functional.pixels import clip_to_uint8
from lddm_aug.generators.package import load_package
from lddm_aug.seeds import derive_seed
from lddm_aug.visualization.previews import Preview, grid

CONFIG = find_config('lddm/lddm')


@pytest.fixture
def options(tmp_path):
    """What makes the phantom's stages tiny, and lets them be watched."""
    rows = ['path,label,group,split']
    for i, split in enumerate(['train'] * 2 + ['test'] * 2):
        video = np.random.default_rng(i).integers(256, size=(16, 64, 64), dtype=np.uint8)
        np.save(tmp_path / f'{i}.npy', video)
        rows.append(f'{i}.npy,{("benign", "malignant")[i % 2]},patient {i},{split}')
    table = tmp_path / 'videos.csv'
    table.write_text('\n'.join(rows))
    small = dict(encoder=dict(width=8), decoder=dict(widths=(8, 8, 8)))
    options = {'autoencoder.train_dataloader.dataset.ann_file': str(table),
               'autoencoder.val_dataloader.dataset.ann_file': str(table),
               'diffusion.train_dataloader.dataset.clips.ann_file': str(table),
               'diffusion.train_dataloader.dataset.draws': 1,
               'diffusion.train_dataloader.dataset.autoencoder': small,
               'autoencoder.model': small, 'diffusion.model.autoencoder': small,
               'diffusion.generator.steps': 2,
               'diffusion.default_hooks.preview.clips.ann_file': str(table),
               'diffusion.model.denoiser': dict(still_widths=(8, 8, 8), width=24, depth=1)}
    for stage in ('autoencoder', 'diffusion'):
        options |= {f'{stage}.train_cfg.max_iters': 2, f'{stage}.train_dataloader.batch_size': 2,
                    f'{stage}.default_hooks.checkpoint.interval': 2,
                    f'{stage}.default_hooks.preview.interval': 1,
                    f'{stage}.optim_wrapper.optimizer.lr': 0.01, f'{stage}.param_scheduler': [],
                    f'{stage}.log_level': 'ERROR'}
    return options


def videos(folder, tag):
    """step → (T, H, W) of the pictures that TensorBoard finds below a folder."""
    [folder] = {path.parent for path in folder.rglob('events.out.tfevents*')}
    accumulator = EventAccumulator(str(folder), size_guidance={'images': 0}).Reload()
    found = {}
    for event in accumulator.Images(tag):
        picture = Image.open(io.BytesIO(event.encoded_image_string))
        frames = []
        for number in range(picture.n_frames):
            picture.seek(number)
            frames.append(np.asarray(picture.convert('L')))
        found[event.step] = np.stack(frames)
    return found


def test_both_trainings_write_videos_that_play(options, tmp_path):
    package = train_generator(CONFIG, tmp_path / 'run', options=options)
    for stage, name in (('autoencoder', 'reconstructed'), ('diffusion', 'generated')):
        found = videos(tmp_path / 'run' / stage, f'real, {name}')
        assert list(found) == [1, 2]
        assert len(found[2]) == 16
        assert (found[1][:, 0] == found[1][:, -1]).all()            # the margin
        assert (found[1] != found[2]).any()                         # it learns
    generator = load_package(package)              # what was shown last is what the package makes
    still = torch.from_numpy(np.load(tmp_path / '2.npy')[None, :1]).float() / 127.5 - 1
    clip = clip_to_uint8(generator(still, [derive_seed('preview', 0, 0)])[0])
    enlarged = grid([Preview('', '', {'real': clip, 'generated': clip})])[..., 0]
    width = enlarged.shape[2]                       # two videos side by side, each of two clips
    generated = slice(width // 4, width // 2)
    assert (found[2][:, :, generated] == enlarged[:, :, generated]).all()


def test_a_training_draws_the_same_with_and_without_it(options, tmp_path):
    watched = train_generator(CONFIG, tmp_path / 'watched', options=options)
    seldom = {key: 9 for key in options if key.endswith('preview.interval')}
    unwatched = train_generator(CONFIG, tmp_path / 'unwatched', options=options | seldom)
    one, other = (load_package(package).state_dict() for package in (watched, unwatched))
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize('wrong', [dict(interval=0), dict(count=0)])
def test_nothing_to_show_is_refused(wrong):
    with pytest.raises(ValueError, match='interval and count are at least 1'):
        PreviewHook(**wrong)


def test_a_training_without_held_out_clips_has_nothing_to_show(toy_runner):
    with pytest.raises(ValueError, match='no clips to show where nothing is validated'):
        toy_runner(1, hooks=[dict(type='PreviewHook')]).train()


def test_weights_and_biases_gets_the_video_at_the_runners_step(monkeypatch, tmp_path):
    logged = []
    monkeypatch.setitem(sys.modules, 'wandb', SimpleNamespace(
        init=lambda **kwargs: None, log=lambda data, step=None: logged.append((data, step)),
        Video=lambda file, format: (file.read(), format)))
    visualizer = Visualizer(vis_backends=[dict(type='WandbVisBackend')], save_dir=str(tmp_path))
    clip = np.random.default_rng(0).integers(256, size=(5, 16, 24, 3), dtype=np.uint8)
    write_video(SimpleNamespace(visualizer=visualizer), 'real, generated', clip, 500)
    [(data, step)] = logged
    (gif, form) = data['real, generated']
    picture = Image.open(io.BytesIO(gif))
    assert step == 500 and form == 'gif'
    assert picture.format == 'GIF' and picture.n_frames == 5 and picture.size == (24, 16)
