"""How good are a generator's clips? All metrics for one generator, each with its interval."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from lddm_aug.evaluation.clip_set import ClipSet, generate_clip_set
from lddm_aug.evaluation.synthesis_metrics import (
    Evaluation,
    SynthesisOptions,
    registered_metrics,
)
from lddm_aug.generators.base import Generator


def evaluate_synthesis(generator: Generator, real: ClipSet, training: ClipSet,
                       networks: Mapping[str, Any] | None = None,
                       options: SynthesisOptions | None = None,
                       generated: ClipSet | None = None) -> dict[str, Any]:
    """Make a clip from the first frame of every held-out clip and measure what came out.

    Args:
        generator: on the device where it shall compute.
        real: clips of groups that the generator didn't see, of its size and length.
        training: real clips that it was trained on, for the memorisation audit.
        networks: what looks at the clips, by name: those that are registered, and

            - fd: a recognizer trained here, for FD-<its name>, the two-sample test and, without a
              VGG, DIV;
            - fd_tempo: one trained to distinguish playback rates, for a second FD-<its name> that
              looks at motion even where classes cannot be distinguished.

        options: how much is measured.
        generated: what `generate_clip_set` made of `real` with the options' seed, where it was
            made before.

    Returns:
        What JSON can hold: figures and, beside a figure `x`, `x_interval`, [low, high] or None.

        - fd, with fd_network, fd_clips (N), fd_features (D), and fd_real: the same distance for
          real clips of the training groups in the generator's place; of several networks the mean,
          with fd_each; fd_tempo, fvd and dtfvd likewise;
        - lpips, with lpips_name; psnr_db; ssim;
        - div, with div_name; every variant in div_variants;
        - two_sample_auc, with two_sample_of (each kind of numbers alone) and
          two_sample_giveaways;
        - temporal: statistic → gap, gap_interval, quantiles of generated and real clips;
        - memorisation: see `memorisation_audit`;
        - what metrics of one's own measure;
        - protocol, networks, notes.

        A figure that couldn't be measured is None, and a note says why.

    Raises:
        ValueError: if clips and generator don't fit, a held-out group was trained on, or no metric
            looks through one of the networks.
    """
    networks, options = networks or {}, options or SynthesisOptions()
    _check(generator, real, training)
    _refuse_unused(networks)
    generated = generated or generate_clip_set(generator, real, options.seed)
    evaluation = Evaluation(generator, real, training, generated, networks, options)
    if not generator.names_all_groups:
        evaluation.notes.append(
            f'groups: the package names {len(generator.groups)} of the {generator.num_groups} '
            'groups that it was trained on, so the held-out ones may be among the others')
    figures: dict[str, Any] = {}
    for metric in registered_metrics():
        measured = metric.measure(evaluation)
        twice = sorted({*measured} & {*figures})
        if twice:
            raise ValueError(f'evaluate_synthesis: the metric {metric.name!r} gives '
                             f'{", ".join(twice)}, which another one gives too; rename it')
        figures |= measured
    return dict(
        protocol=_protocol(generator, real, training, options),
        networks={name: network.provenance for name, network in networks.items()},
        **figures, notes=evaluation.notes)


def _protocol(generator: Generator, real: ClipSet, training: ClipSet, options: SynthesisOptions
              ) -> dict[str, Any]:
    return dict(
        generator=type(generator).__name__,
        package_sha256=generator.package_sha256, sampler=generator.sampler.as_dict(),
        size=generator.size, channels=generator.channels, num_frames=generator.num_frames,
        frame_stride=generator.frame_stride, clips=len(real), groups=len({*real.groups}),
        training_clips=len(training), training_groups=len({*training.groups}),
        intervals='95 %, bootstrap over groups', **asdict(options))


def _check(generator: Generator, real: ClipSet, training: ClipSet) -> None:
    expected = (generator.channels, generator.num_frames, generator.size, generator.size)
    for name, clips in (('real', real), ('training', training)):
        if tuple(clips.clips.shape[1:]) != expected:
            raise ValueError(f'evaluate_synthesis: the {name} clips must have the shape {expected} '
                             f'(C, T, H, W) of the generator, but have '
                             f'{tuple(clips.clips.shape[1:])}; read them in its size')
    shared = sorted({*real.groups} & {*training.groups, *generator.groups})
    if shared:
        raise ValueError(f'evaluate_synthesis: groups must be held out, but {len(shared)} were '
                         f'trained on ({shared[0]}, …); name another split')


def _refuse_unused(networks: Mapping[str, Any]) -> None:
    used = {name for metric in registered_metrics() for name in metric.networks}
    unused = sorted({*networks} - used)
    if unused:
        raise ValueError('evaluate_synthesis: metrics look through the networks '
                         f'{", ".join(sorted(used))}, but got {", ".join(unused)}')
