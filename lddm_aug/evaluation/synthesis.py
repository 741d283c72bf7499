"""How good are a generator's clips? All figures for one generator, each with its interval."""
from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lddm_aug.evaluation.bootstrap import group_interval, mean_interval
from lddm_aug.evaluation.clip_set import ClipSet, generate_clip_set
from lddm_aug.evaluation.clip_statistics import (
    STATISTICS,
    five_quantiles,
    statistic_gap,
)
from lddm_aug.evaluation.diversity import feature_diversity, vgg_diversity
from lddm_aug.evaluation.frechet import frechet_distance
from lddm_aug.evaluation.image_quality import (
    ImageDistance,
    VGGDistance,
    clip_distance,
    clip_psnr,
    clip_ssim,
)
from lddm_aug.evaluation.memorisation import memorisation_audit, shrunk_pixels
from lddm_aug.evaluation.recognizer_features import FeatureNetwork
from lddm_aug.evaluation.two_sample import giveaways, two_sample_test
from lddm_aug.generators.base import Generator

DTI3D_SCALE = 1000                                   # published DIV in DTI3D features is × 1000
MORE_CLIPS = 'raise --segments, or add videos'       # the advice where held-out clips are few


@dataclass(frozen=True)
class EvaluationNetworks:
    """What looks at the clips; figures whose network is absent are left out, and said to be.

    Attributes:
        fd: a recognizer trained here, for FD-<its name>, the two-sample test and, without a VGG,
            DIV.
        fd_tempo: one that learnt to tell tempos apart, for a second FD-<its name> that looks at
            motion even where the classes were not learnt.
        lpips: LPIPS itself.
        vgg: for DIV and, without `lpips`, an LPIPS-like distance.
        i3d: trained on Kinetics, for FVD and DIV.
        dti3d: trained on dynamic textures, for DTFVD and DIV.
    """
    fd: FeatureNetwork | None = None
    fd_tempo: FeatureNetwork | None = None
    lpips: ImageDistance | None = None
    vgg: VGGDistance | None = None
    i3d: FeatureNetwork | None = None
    dti3d: FeatureNetwork | None = None


@dataclass(frozen=True)
class SynthesisOptions:
    """How much is measured.

    Attributes:
        seed: of the clips and of every resampling.
        resamples: of each interval.
        perceptual_frames: frames of a clip, evenly spaced after the first, for LPIPS and for DIV
            in VGG features; 0 takes all.
        diversity_stills: stills, evenly spaced in the set, for DIV; 0 leaves DIV out.
        diversity_samples: clips of each of them; published values are of five.
    """
    seed: int = 0
    resamples: int = 200
    perceptual_frames: int = 4
    diversity_stills: int = 16
    diversity_samples: int = 5

    def __post_init__(self) -> None:
        for name, number in asdict(self).items():
            if number < 0:
                raise ValueError(f'SynthesisOptions: {name} must be 0 or more, but got {number}')


def evaluate_synthesis(generator: Generator, real: ClipSet, training: ClipSet,
                       networks: EvaluationNetworks | None = None,
                       options: SynthesisOptions | None = None,
                       generated: ClipSet | None = None) -> dict[str, Any]:
    """Make a clip from the first frame of every held-out clip and measure what came out.

    Args:
        generator: on the device where it shall compute.
        real: clips of groups that the generator didn't see, of its size and length.
        training: real clips that it was trained on, for the memorisation audit.
        networks: what looks at the clips.
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
        - protocol, networks, notes.

        A figure that couldn't be measured is None, and a note says why.

    Raises:
        ValueError: if clips and generator don't fit, or a held-out group was trained on.
    """
    networks, options = networks or EvaluationNetworks(), options or SynthesisOptions()
    _check(generator, real, training)
    generated = generated or generate_clip_set(generator, real, options.seed)
    look = _Look(real, training, generated, networks, options)
    return dict(
        protocol=_protocol(generator, real, training, options),
        networks=look.described(),
        **look.frechet('fd', networks.fd), **look.frechet('fd_tempo', networks.fd_tempo),
        **look.frechet('fvd', networks.i3d), **look.frechet('dtfvd', networks.dti3d),
        **look.likeness(), **look.diversity(generator), **look.two_sample(),
        temporal=look.temporal(), memorisation=look.memorisation(generator), notes=look.notes)


class _Look:
    """Looks at one generator's clips; each method measures one thing and may add to the notes."""

    def __init__(self, real: ClipSet, training: ClipSet, generated: ClipSet,
                 networks: EvaluationNetworks, options: SynthesisOptions) -> None:
        self.real, self.training, self.generated = real, training, generated
        self.networks, self.options = networks, options
        self.groups = real.groups
        self.resampling: dict[str, Any] = dict(resamples=options.resamples, seed=options.seed)
        self.notes: list[str] = []
        self.features: dict[str, tuple[NDArray, NDArray]] = {}     # generated, real

    def described(self) -> dict[str, Any]:
        """Names and fingerprints of the networks that looked."""
        features = {name: network.described
                    for name in ('fd', 'fd_tempo', 'i3d', 'dti3d')
                    if (network := getattr(self.networks, name))}
        images = {name: dict(network=network.name, sha256=network.sha256)
                  for name in ('lpips', 'vgg') if (network := getattr(self.networks, name))}
        return features | images

    def frechet(self, figure: str, network: FeatureNetwork | None) -> dict[str, Any]:
        """A Fréchet distance, its interval, N and D, and what real clips of other groups reach."""
        if network is None:
            self.notes.append(f'{figure}: no network was given')
            return {figure: None, f'{figure}_interval': None, f'{figure}_network': None}
        if len(self.real) < 2:
            self.notes.append(f'{figure}: needs two held-out clips, but got one; {MORE_CLIPS}')
            return {figure: None, f'{figure}_interval': None, f'{figure}_network': network.name}
        ours, theirs = (clips.features(network) for clips in (self.generated, self.real))
        self.features[figure] = ours, theirs
        clips, *several, features = theirs.shape
        if clips <= features:
            self.notes.append(f'{figure}: {clips} clips are not more than {features} features; '
                              'the distance is too large by a part that shrinks with more clips; '
                              f'{MORE_CLIPS}')
        return {
            figure: frechet_distance(ours, theirs),
            f'{figure}_interval': group_interval(
                lambda clips: frechet_distance(ours[clips], theirs[clips]), self.groups,
                bounds=(0, np.inf), **self.resampling),
            f'{figure}_network': network.name, f'{figure}_clips': clips,
            f'{figure}_features': features,
            **({f'{figure}_each': [frechet_distance(ours[:, k], theirs[:, k])
                                   for k in range(*several)]} if several else {}),
            f'{figure}_real': self._reached_by_real(figure, network, theirs)}

    def likeness(self) -> dict[str, Any]:
        """How near each clip is to the real one that goes on from the same frame."""
        ours, theirs = self.generated.clips, self.real.clips
        distance = self.networks.lpips or self.networks.vgg
        if distance is None:
            self.notes.append('lpips: no network was given')
        figures = dict(
            lpips=distance and clip_distance(distance, ours, theirs,
                                             self.options.perceptual_frames),
            psnr_db=clip_psnr(ours, theirs), ssim=clip_ssim(ours, theirs))
        return {**self._means(figures), 'lpips_name': distance and distance.name}

    def diversity(self, generator: Generator) -> dict[str, Any]:
        """DIV in every network's features; the first one stands for all in `div`."""
        chosen = _evenly(len(self.real), self.options.diversity_stills)
        if not chosen or self.options.diversity_samples < 2:
            self.notes.append('div: not measured, as the options say')
            return dict(div=None, div_interval=None, div_name=None, div_variants={})
        more = [generate_clip_set(generator, self.real, self.options.seed, sample, chosen).clips
                for sample in range(1, self.options.diversity_samples)]
        clips = torch.stack([self.generated.subset(chosen).clips, *more], dim=1)
        # (stills, S, C, T, H, W)

        def features(network: FeatureNetwork) -> NDArray[np.float64]:
            return network(clips.flatten(0, 1)).reshape(*clips.shape[:2], -1)

        variants = {}
        if self.networks.vgg is not None:
            variants['DIV (VGG)'] = vgg_diversity(self.networks.vgg.features, clips,
                                                  self.options.perceptual_frames)
        if self.networks.i3d is not None:
            variants['DIV (I3D)'] = feature_diversity(features(self.networks.i3d))
        if self.networks.dti3d is not None:
            variants[f'DIV (DTI3D × {DTI3D_SCALE})'] = DTI3D_SCALE * feature_diversity(
                features(self.networks.dti3d))
        if self.networks.fd is not None:             # not published: this project's own network
            name = self.networks.fd.name.removeprefix('FD-')
            variants[f'DIV ({name})'] = feature_diversity(features(self.networks.fd))
        if not variants:
            self.notes.append('div: no network was given')
        groups = [self.groups[i] for i in chosen]
        rows = {name: dict(value=float(values.mean()), stills=len(values),
                           interval=mean_interval(values, groups, **self.resampling))
                for name, values in variants.items()}
        first = next(iter(rows), None)
        return dict(div=first and rows[first]['value'], div_interval=first and
                    rows[first]['interval'], div_name=first, div_variants=rows)

    def two_sample(self) -> dict[str, Any]:
        """Can a classifier tell the clips from real ones, and by what?"""
        ours, theirs = self.generated.described.statistics, self.real.described.statistics
        generated, real = dict(statistics=ours), dict(statistics=theirs)
        if 'fd' in self.features:
            generated['features'], real['features'] = (
                features.reshape(len(features), -1, features.shape[-1])[:, 0]   # the first network
                for features in self.features['fd'])
        if len({*self.groups}) < 2:
            self.notes.append('two_sample_auc: needs held-out clips of two groups')
            return dict(two_sample_auc=None, two_sample_auc_interval=None)
        test = two_sample_test(generated, real, self.groups, **self.resampling)
        return dict(two_sample_auc=test['auc'], two_sample_auc_interval=test['interval'],
                    two_sample_of=test['of'],
                    two_sample_giveaways=giveaways(ours, theirs, list(STATISTICS)))

    def temporal(self) -> dict[str, Any]:
        """How far the distribution of each statistic is from that of real clips."""
        ours, theirs = self.generated.described.statistics, self.real.described.statistics
        rows = {name: dict(**self._gap(a, b), generated=five_quantiles(a), real=five_quantiles(b))
                for name, a, b in zip(STATISTICS, ours.T, theirs.T, strict=True)}
        alike = [name for name, row in rows.items() if row['gap'] is None]
        if alike:
            self.notes.append('temporal: a gap is counted in standard deviations of real clips, '
                              f'which are all alike in {", ".join(alike)}; {MORE_CLIPS}')
        return rows

    def memorisation(self, generator: Generator) -> dict[str, Any]:
        """Does it hand out its training clips?"""
        groups = {*self.training.groups}
        unseen = sorted(groups - {*generator.groups}) if generator.groups else []
        if unseen:
            self.notes.append(
                f'memorisation: the generator was not trained on {len(unseen)} of the '
                f'{len(groups)} groups of the training clips ({unseen[0]}, …), and cannot repeat '
                'what it never saw; name the split that it was trained on')
        average = shrunk_pixels(self.training.clips).mean(axis=0)
        ways = {name: dict(pixels=shrunk_pixels(clips.clips) - average,
                           motion=clips.described.motion)
                for name, clips in (('generated', self.generated), ('real', self.real),
                                    ('training', self.training))}
        return memorisation_audit(ways['generated'], ways['real'], ways['training'], self.groups,
                                  **self.resampling)

    def _reached_by_real(self, figure: str, network: FeatureNetwork, theirs: NDArray
                         ) -> float | None:
        if len(self.training) < 2:
            self.notes.append(f'{figure}_real: needs two training clips, but got one; raise '
                              '--train-segments, or add videos')
            return None
        others = _evenly(len(self.training), len(self.real))
        return frechet_distance(self.training.features(network, others), theirs)

    def _gap(self, ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> dict[str, Any]:
        if np.ptp(theirs) == 0:
            return dict(gap=None, gap_interval=None)
        spread = float(theirs.std())

        def gap(clips: NDArray) -> float:
            return statistic_gap(ours[clips], theirs[clips], spread)

        return dict(gap=statistic_gap(ours, theirs, spread), gap_interval=group_interval(
            gap, self.groups, bounds=(0, np.inf), **self.resampling))

    def _means(self, figures: dict[str, Any]) -> dict[str, Any]:
        """Means over clips, and their intervals; None stays None."""
        means = {name: None if values is None else float(values.mean())
                 for name, values in figures.items()}
        intervals = {f'{name}_interval': None if values is None else
                     mean_interval(values, self.groups, **self.resampling)
                     for name, values in figures.items()}
        return means | intervals


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


def _evenly(length: int, count: int) -> list[int]:
    """Up to `count` indices below `length`, evenly spaced."""
    return np.unique(np.linspace(0, length - 1, min(count, length)).round().astype(int)).tolist()
