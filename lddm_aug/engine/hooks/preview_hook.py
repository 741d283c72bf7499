"""What a generator in training makes, to look at while it learns."""
from __future__ import annotations

import io
from typing import Any

import numpy as np
import torch
from mmaction.registry import DATASETS, HOOKS
from mmengine.dataset import default_collate
from mmengine.dist import is_main_process
from mmengine.hooks import EMAHook, Hook
from mmengine.runner import Runner
from torch import Tensor, nn

from lddm_aug.engine.config_stages import build_generator
from lddm_aug.engine.unwrapped import unwrapped
from lddm_aug.functional.pixels import clip_to_uint8, to_unit
from lddm_aug.seeds import derive_seed, seeded
from lddm_aug.visualization.previews import Preview, encode_gif, grid


@HOOKS.register_module()
class PreviewHook(Hook):
    """Moving pictures of held-out clips, always the same ones and from the same seeds.

    In the training of an autoencoder each real clip stands beside its reconstruction; where the
    config names a generator, beside what this makes of its first frame with the weights so far
    (averaged ones, if an EMAHook averages them).  They go to TensorBoard and to Weights & Biases,
    whichever of `TensorboardVisBackend` and `WandbVisBackend` the config's visualizer has.  The
    training draws the same numbers as without the hook.

    Args:
        clips: config of the data set of held-out clips, whose pipeline ends in `PackClip`; by
            default that of the validation.
        interval: iterations from one picture to the next; the last iteration gives one too.
        count: clips in a picture.
        seed: of the generated clips.
    """

    priority = 'LOW'                                 # after the weights are averaged

    def __init__(self, clips: dict | None = None, interval: int = 500, count: int = 4,
                 seed: int = 0) -> None:
        if interval < 1 or count < 1:
            raise ValueError('PreviewHook: interval and count are at least 1, but got '
                             f'interval={interval!r} and count={count!r}')
        self.clips = clips
        self.interval = interval
        self.count = count
        self.seed = seed

    def before_train(self, runner: Runner) -> None:
        if not is_main_process():
            return
        if self.clips is None and runner.val_loop is None:
            raise ValueError('PreviewHook: has no clips to show where nothing is validated; set '
                             'clips to the config of a data set of held-out clips')
        dataset = runner.val_loop.dataloader.dataset if self.clips is None else (
            DATASETS.build(self.clips))
        chosen = np.linspace(0, len(dataset) - 1, min(self.count, len(dataset))).astype(int)
        with seeded(derive_seed('preview', self.seed)):
            batch = default_collate([dataset[int(index)] for index in chosen])
        self.real = batch['clip']                                 # (N, C, T, H, W) uint8
        self.titles = [f'{group}, {dataset.metainfo["classes"][int(label)]}'
                       for group, label in zip(batch['group'], batch['label'], strict=True)]
        self.generator: Any = None
        if 'generator' in runner.cfg:
            with torch.random.fork_rng():                         # new weights are drawn at first
                self.generator = build_generator(runner.cfg)

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None,
                         outputs: dict | None = None) -> None:
        due = self.every_n_train_iters(runner, self.interval) or self.is_last_train_iter(runner)
        if due and is_main_process():
            with torch.random.fork_rng(), torch.no_grad():
                clips = self._make(_averaged_model(runner))       # (N, C, T, H, W) in [−1, 1]
            name = 'reconstructed' if self.generator is None else 'generated'
            previews = [Preview(title, '', {'real': clip_to_uint8(real),
                                            name: clip_to_uint8(clip.clamp(-1, 1))})
                        for title, real, clip in zip(self.titles, to_unit(self.real), clips,
                                                     strict=True)]
            write_video(runner, f'real, {name}', grid(previews), runner.iter + 1)

    def _make(self, model: Any) -> Tensor:
        device = next(model.parameters()).device
        real = self.real.to(device)
        if self.generator is not None:
            getattr(self.generator, self.generator.trained_part).load_state_dict(model.state_dict())
            seeds = [derive_seed('preview', self.seed, n) for n in range(len(real))]
            return self.generator.to(device)(to_unit(real[:, :, 0]), seeds).cpu()
        was_training = model.training
        model.eval()
        made = torch.stack([sample['reconstruction'] for sample in model(real, mode='predict')])
        model.train(was_training)
        return made.cpu()


def write_video(runner: Runner, name: str, clip: np.ndarray, step: int) -> None:
    """(T, H, W, 3) uint8 → wherever the runner's visualizer writes, as a GIF.

    PyTorch's and W&B's own ways need moviepy, which needs a Pillow older than ours.
    """
    gif = encode_gif(clip)
    tensorboard = runner.visualizer.get_backend('TensorboardVisBackend')
    if tensorboard is not None:
        from tensorboard.compat.proto.summary_pb2 import Summary  # slow, and not always needed
        image = Summary.Image(height=clip.shape[1], width=clip.shape[2], colorspace=3,
                              encoded_image_string=gif)
        tensorboard.experiment.file_writer.add_summary(
            Summary(value=[Summary.Value(tag=name, image=image)]), step)
    wandb = runner.visualizer.get_backend('WandbVisBackend')
    if wandb is not None:
        run = wandb.experiment
        run.log({name: run.Video(io.BytesIO(gif), format='gif')}, step=step)


def _averaged_model(runner: Runner) -> nn.Module:
    for hook in runner.hooks:
        if isinstance(hook, EMAHook):
            return hook.ema_model.module
    return unwrapped(runner)
