"""Simulated probe sweeps over a breast lesion, so that everything runs with no download.

A patient is a block of tissue: layers, a lesion, and the echo of every point in it. A sweep moves
a virtual probe over the block, presses it, and simulates the B-mode image of each slice:

    draw_patient → tissue_envelope → material_points (per frame) → shadow, gain, log compression

One slice hardly distinguishes the classes: aspect ratio, contour, contrast and shadow overlap. The
sweep does: a benign lesion flattens and widens under the pressure of the probe, a malignant one is
stiff, and its outline changes more from slice to slice. Every patient is a function of its id.

Lengths are in mm. Axes: depth z (0 at the probe), lateral x and elevation y (0 in the centre).
The phantom is for tests, not a model of disease: it makes no claim about real patients.
"""

import io
import json
import textwrap
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import convolve1d, gaussian_filter, map_coordinates
from tqdm import tqdm

from lddm_aug.csv_files import write_csv
from lddm_aug.files import TEMPORARY, atomic_write, remove_temporaries
from lddm_aug.json_files import read_json
from lddm_aug.preparation.phantom_prompts import draw_prompt
from lddm_aug.seeds import derive_seed

CLASSES = ('benign', 'malignant')
VERSION = 2                                          # of the simulation; changes with its pixels
FIELD_MM = 40.0                                      # width and depth of the image
BLOCK_MM = (48.0, 52.0, 24.0)                        # tissue simulated: depth, lateral, elevation
VOXEL_MM = (0.5, 0.5, 1.0)
DYNAMIC_RANGE_DB = 55.0
LOOKS = 3                                            # compounded into one image; less speckle
NOTE = 'phantom.json'                                # the settings, in the folder
STEADY_FRAMES = 180                                  # for which a steady probe slides one way
STEADY_PERIOD = 480                                  # of its slide, in frames

Floats = NDArray[np.float32]


class Points(NamedTuple):
    """Positions in the tissue, in mm at rest; three arrays of one shape."""
    z: Floats
    x: Floats
    y: Floats


@dataclass(frozen=True)
class Wave:
    """offset + amplitude · sin(2π · time / period + phase); time in frames."""
    offset: float
    amplitude: float
    period: float
    phase: float

    def __call__(self, time: NDArray) -> NDArray:
        return self.offset + self.amplitude * np.sin(2 * np.pi * time / self.period + self.phase)


@dataclass(frozen=True)
class PhantomPatient:
    """Parameters of one patient, on which its sweep depends."""
    patient_id: str
    label: str
    # the lesion
    centre: tuple[float, float, float]               # z, x, y
    radii: tuple[float, float, float]                # z, x, y
    rotation: float                                  # rad, in the image plane
    roughness: float                                 # of the outline, relative to the radius
    margin: float                                    # width of the edge, relative to the radius
    echo_db: float                                   # against the tissue around it
    rim_db: float                                    # capsule or halo
    attenuation_db: float                            # per mm; negative: enhancement behind it
    softness: float                                  # its strain, relative to the tissue around it
    # the tissue
    interfaces: tuple[float, float, float]           # depths: skin | fat | glandular | muscle
    time_gain_db: float                              # error of the depth gain, at the bottom
    # the probe
    strain: float                                    # of the tissue at the probe, at full pressure
    pressure: Wave                                   # 0 … 1
    slide: Wave                                      # lateral, mm
    elevation: Wave                                  # out of plane, mm
    tilt: Wave                                       # rad, about the lateral axis

    def rng(self, what: str) -> np.random.Generator:
        """A generator of random numbers for one part of the patient."""
        return np.random.default_rng(derive_seed('phantom', self.patient_id, what))


def draw_patient(patient_id: int | str, label: str) -> PhantomPatient:
    """The patient of an id. Classes differ little in appearance and much in softness."""
    if label not in CLASSES:
        raise ValueError(f'draw_patient: label is one of {CLASSES}, but got {label!r}')
    if not str(patient_id).strip():
        raise ValueError('draw_patient: patient_id names a patient and cannot be blank')
    rng = np.random.default_rng(derive_seed('phantom', str(patient_id)))
    sign = 1.0 if label == 'malignant' else -1.0

    def normal(mean: float, sd: float, shift: float = 0.0) -> float:
        """Class means are 2 · shift standard deviations apart; truncated at 2 of them."""
        return float(mean + sd * (sign * shift + np.clip(rng.standard_normal(), -2, 2)))

    def uniform(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    size = uniform(5.0, 7.0)
    aspect = float(np.exp(normal(-0.2, 0.22, shift=0.2)))        # height / width
    return PhantomPatient(
        patient_id=str(patient_id),
        label=label,
        centre=(uniform(15, 21), uniform(-4, 4), uniform(-1, 1)),
        radii=(size * aspect ** 0.5, size * aspect ** -0.5, size * uniform(0.9, 1.3)),
        rotation=normal(0, 0.2),
        roughness=max(0.02, normal(0.10, 0.04, shift=0.2)),
        margin=uniform(0.04, 0.14),
        echo_db=normal(-14, 2.5, shift=-0.1),
        rim_db=normal(1.5, 2.0),
        attenuation_db=normal(0.1, 0.4, shift=0.2),
        softness=float(np.exp(normal(np.log(2.2), 0.2))) if sign < 0 else uniform(0.0, 0.4),
        interfaces=(uniform(1.5, 2.5), uniform(6, 9), uniform(29, 34)),
        time_gain_db=normal(0, 2.5),
        strain=uniform(0.16, 0.24),
        pressure=Wave(0.5, 0.5, uniform(32, 52), uniform(0, 2 * np.pi)),
        slide=Wave(0, uniform(0.3, 1.2), uniform(60, 120), uniform(0, 2 * np.pi)),
        elevation=Wave(0, uniform(0.6, 1.4), uniform(80, 140), uniform(0, 2 * np.pi)),
        tilt=Wave(0, uniform(0, 0.03), uniform(60, 120), uniform(0, 2 * np.pi)),
    )


# ── sweeps that a sentence describes ──

def draw_attributes(patient: PhantomPatient) -> dict[str, str]:
    """What is true of every part of a patient's steady sweep: attribute → value, by its id.

    - slide: left or right, where the probe goes; the picture goes the other way.
    - motion: gentle or strong.
    - lesion: soft or stiff, as it is benign or malignant.
    """
    slide, motion = patient.rng('attributes').integers(2, size=2)
    return dict(slide=('left', 'right')[slide], motion=('gentle', 'strong')[motion],
                lesion='stiff' if patient.label == 'malignant' else 'soft')


def steady(patient: PhantomPatient) -> PhantomPatient:
    """The patient, with a probe that slides one way and presses as much, for STEADY_FRAMES."""
    attributes, rng = draw_attributes(patient), patient.rng('steady')
    strong = attributes['motion'] == 'strong'
    side = 1 if attributes['slide'] == 'right' else -1
    press = 0.5 if strong else 0.3

    def rising(sign: int, low: float, high: float) -> Wave:
        """A sine from −π/4 on, which rises until π/2, or falls."""
        return Wave(0, sign * float(rng.uniform(low, high)), STEADY_PERIOD, -np.pi / 4)

    return replace(
        patient,
        strain=float(rng.uniform(0.19, 0.21)),
        pressure=Wave(press, press, float(rng.uniform(38, 44)), patient.pressure.phase),
        slide=rising(side, *((3.0, 4.0) if strong else (1.2, 1.6))),
        elevation=rising(rng.choice((-1, 1)), *((2.0, 3.0) if strong else (0.4, 0.7))),
        tilt=replace(patient.tilt, amplitude=patient.tilt.amplitude * (1 if strong else 0.3)))


# ── the tissue ──

def echo_envelope(scatterers: Floats) -> Floats:
    """(Z, X, Y) scatterers → (Z, X, Y) envelope of their echo.

    The echo is the scatterers convolved with a separable pulse, in depth a Gaussian times a carrier
    (Bamber & Dickinson 1980); its envelope is the modulus of the analytic signal. Many scatterers
    within one pulse give the Rayleigh statistics of speckle (Goodman 1975).
    """
    depth = np.arange(-5, 6)
    carrier = np.exp(2j * np.pi * 0.3 * depth)       # cycles per voxel
    pulse = np.exp(-0.5 * (depth / 1.3) ** 2) * carrier
    beam = gaussian_filter(scatterers, sigma=(0, 1.5, 1.8), mode='reflect', truncate=3)
    echo = np.abs(
        convolve1d(beam, pulse.real.astype(np.float32), axis=0, mode='reflect')
        + 1j * convolve1d(beam, pulse.imag.astype(np.float32), axis=0, mode='reflect'))
    return echo.astype(np.float32)


def smooth_noise(rng: np.random.Generator, shape: tuple[int, ...],
                 sigma: tuple[float, ...]) -> Floats:
    """Gaussian noise of unit variance, correlated over sigma voxels."""
    noise = gaussian_filter(rng.standard_normal(shape, dtype=np.float32), sigma, mode='wrap')
    return noise / noise.std()


def lesion_level(patient: PhantomPatient, at: Points) -> Floats:
    """0 at the lesion's centre, 1 on its outline, above 1 outside.

    An ellipsoid whose radius is perturbed by waves over the sphere of directions, scaled by the
    lesion's roughness.
    """
    z, x, y = (axis - centre for axis, centre in zip(at, patient.centre, strict=True))
    cos, sin = np.cos(patient.rotation), np.sin(patient.rotation)
    z, x = cos * z - sin * x, sin * z + cos * x
    z, x, y = (axis / radius for axis, radius in zip((z, x, y), patient.radii, strict=True))
    level = np.sqrt(z * z + x * x + y * y) + 1e-6

    rng = patient.rng('outline')
    bumps = np.zeros_like(level)
    for frequency in rng.uniform(3, 9, size=5):
        direction = rng.standard_normal(3)
        direction *= frequency / np.linalg.norm(direction)
        along = (direction[0] * z + direction[1] * x + direction[2] * y) / level
        bumps += np.cos(along + np.float32(rng.uniform(0, 2 * np.pi)))
    return level / (1 + patient.roughness * (2 / 5) ** 0.5 * bumps)


def inside(level: Floats, margin: float) -> Floats:
    """1 inside the outline, 0 outside, and a smooth step of the given width between."""
    return 1 / (1 + np.exp(np.clip((level - 1) / (0.5 * margin), -30, 30)))


def tissue_envelope(patient: PhantomPatient) -> Floats:
    """(Z, X, Y) envelope of the whole block of tissue at rest."""
    rng = patient.rng('tissue')
    shape = tuple(int(length / voxel) for length, voxel in zip(BLOCK_MM, VOXEL_MM, strict=True))
    z = np.arange(shape[0], dtype=np.float32)[:, None, None] * VOXEL_MM[0]
    x = np.arange(shape[1], dtype=np.float32)[None, :, None] * VOXEL_MM[1] - BLOCK_MM[1] / 2
    y = np.arange(shape[2], dtype=np.float32)[None, None, :] * VOXEL_MM[2] - BLOCK_MM[2] / 2

    # layers: skin, fat with septa, glandular tissue with strands, muscle with fibres
    wavy = [base + swing * smooth_noise(rng, shape[1:], (10, 6))[None]
            for base, swing in zip(patient.interfaces, (0.1, 0.7, 0.7), strict=True)]
    below = [1 / (1 + np.exp(np.clip(-(z - surface) / 0.25, -30, 30))) for surface in wavy]
    strands = smooth_noise(rng, shape, (1.5, 6, 4))
    clumps = smooth_noise(rng, shape, (4, 6, 4))
    fibres = np.sin(2 * np.pi * (z - wavy[2]) / 2.5)
    skin, fat, gland, muscle = 4.0, -9 + 3 * strands, 1.5 * clumps + strands, -8 + 3 * fibres
    echo_db = skin + below[0] * (fat - skin)
    echo_db = echo_db + below[1] * (gland - fat) + below[2] * (muscle - gland)

    level = lesion_level(patient, Points(z, x, y))
    lesion = inside(level, patient.margin)
    echo_db = echo_db + lesion * (patient.echo_db + clumps - echo_db)
    echo_db = echo_db + patient.rim_db * np.exp(-((level - 1.08) / 0.1) ** 2)

    amplitude = (10 ** (echo_db / 20)).astype(np.float32)
    sheets = sum(                                    # that reflect
        strength * np.maximum(0, 1 - np.abs(z - surface) / VOXEL_MM[0]) * (1 - lesion)
        for surface, strength in zip(wavy, (3, 3, 5), strict=True))
    looks = [echo_envelope(rng.standard_normal(shape, dtype=np.float32) * amplitude + sheets)
             for _ in range(LOOKS)]
    return np.mean(looks, axis=0, dtype=np.float32)


# ── the probe ──

def material_points(patient: PhantomPatient, frames: NDArray, size: int) -> Points:
    """Points of the tissue at rest in each pixel of each frame; arrays (T, H, W).

    The probe slides, moves out of plane and tilts. Its pressure strains the tissue, most near the
    probe. The strain of the lesion is `softness` times that around it, and tissue compressed in
    depth spreads sideways (strain around soft and stiff inclusions: Ophir et al. 1991).
    """
    step = FIELD_MM / size
    time = frames[:, None, None].astype(np.float32)
    z = ((np.arange(size, dtype=np.float32) + 0.5) * step)[None, :, None]
    x = ((np.arange(size, dtype=np.float32) + 0.5) * step - FIELD_MM / 2)[None, None, :]
    x, z = x + patient.slide(time), z + 0 * time                                   # (T, 1, W)
    y = patient.elevation(time) + np.tan(patient.tilt(time)) * z                   # (T, H, 1)
    x, y, z = (axis.astype(np.float32) for axis in np.broadcast_arrays(x, y, z))   # (T, H, W)

    reach = 30.0                                     # mm over which the strain falls to 1 / e
    strain = patient.strain * patient.pressure(time) * np.exp(-z / reach)
    around = z + np.cumsum(strain, axis=1, dtype=np.float32) * np.float32(step)
    offsets = [(axis - centre) / radius for axis, centre, radius
               in zip(Points(around, x, y), patient.centre, patient.radii, strict=True)]
    strain *= 1 + (patient.softness - 1) * inside(np.linalg.norm(offsets, axis=0), 0.5)
    pull = np.cumsum(strain, axis=1) * step                                        # towards depth
    spread = np.cumsum(0.5 * strain, axis=2) * step                                # from the left
    middle = np.argmin(np.abs(x[:, :1] - patient.centre[1]), axis=2)[..., None]
    spread = spread - np.take_along_axis(spread, np.broadcast_to(middle, spread[..., :1].shape), 2)
    return Points(
        z=z + gaussian_filter(pull, (0, 0.5 / step, 1 / step), mode='nearest'),
        x=x - gaussian_filter(spread, (0, 1 / step, 0.5 / step), mode='nearest'),
        y=y)


def lesion_masks(patient: PhantomPatient, num_frames: int = 60,
                 size: int = 64) -> NDArray[np.bool_]:
    """(T, H, W) true outline of the lesion in every frame of the sweep."""
    return lesion_level(patient, material_points(patient, np.arange(num_frames), size)) < 1


# ── the image ──

def log_compress(envelope: Floats, dynamic_range_db: float = DYNAMIC_RANGE_DB) -> NDArray[np.uint8]:
    """20 · log10 of the envelope, its top `dynamic_range_db` mapped to 0 … 255 (Szabo 2014)."""
    decibel = 20 * np.log10(np.maximum(envelope, 1e-6))
    return np.clip(255 * (1 + decibel / dynamic_range_db), 0, 255).round().astype(np.uint8)


def simulate_sweep(patient: PhantomPatient, num_frames: int = 60,
                   size: int = 64) -> NDArray[np.uint8]:
    """(T, H, W) sweep. A longer sweep starts with the frames of a shorter one."""
    for name, value in (('num_frames', num_frames), ('size', size)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f'simulate_sweep: {name} is a whole number from 1 on, '
                             f'but got {value!r}')
    frames = np.arange(num_frames)
    at = material_points(patient, frames, size)
    voxels = [(at.z / VOXEL_MM[0]), (at.x + BLOCK_MM[1] / 2) / VOXEL_MM[1],
              (at.y + BLOCK_MM[2] / 2) / VOXEL_MM[2]]
    envelope = map_coordinates(tissue_envelope(patient), voxels, order=1, mode='nearest')

    step = FIELD_MM / size
    chord = np.cumsum(inside(lesion_level(patient, at), patient.margin), axis=1) * step
    shadow_db = -patient.attenuation_db * gaussian_filter(chord, (0, 0, 0.8 / step))
    depth = (np.arange(size, dtype=np.float32)[None, :, None] + 0.5) / size
    contact_db = 2 * (patient.pressure(frames)[:, None, None] - 0.5)
    gain_db = -18 + shadow_db + patient.time_gain_db * (depth - 0.5) + contact_db
    return log_compress(np.hypot(envelope * 10 ** (gain_db / 20), 10 ** (-DYNAMIC_RANGE_DB / 20)))


# ── a dataset on disk ──

@dataclass(frozen=True)
class Request:
    """One patient to write. A stills patient has a still and its oracle, the true sweep."""
    role: str                                        # train, test or stills
    group: str                                       # the patient's id
    label: str
    prompts: bool = False                            # whether a sentence describes its sweep

    @property
    def patient(self) -> PhantomPatient:
        """The patient itself."""
        drawn = draw_patient(self.group, self.label)
        return steady(drawn) if self.prompts else drawn

    @property
    def row(self) -> tuple[str, ...]:
        """What the tables say beside the path: label, group and, where there is one, prompt."""
        prompt = (draw_prompt(draw_attributes(self.patient), self.patient.rng('prompt')),)
        return (self.label, self.group, *(prompt if self.prompts else ()))

    def still_moment(self, frames: int) -> int:
        """Frame of the sweep that is the still, below the sweeps' number of frames."""
        return int(self.patient.rng('still').integers(frames))

    @property
    def path(self) -> str:
        """Path of the video or the still."""
        return f'stills/{self.group}.png' if self.role == 'stills' else f'videos/{self.group}.npy'

    @property
    def oracle(self) -> str:
        """Path of the oracle."""
        return f'oracle/{self.group}.npy'

    def files(self) -> list[str]:
        """Paths of all files of the patient."""
        return [self.path, self.oracle] if self.role == 'stills' else [self.path]


def write_phantom(out: str | Path, size: int = 64, frames: int = 60, train: int = 48,
                  test: int = 40, stills: int = 96, seed: int = 0, jobs: int = 1,
                  prompts: bool = False) -> None:
    """Write a dataset of simulated patients, half of them benign in every role.

    `videos/` with `videos.csv` (path, label, group, split) has the real videos. `stills/` with
    `stills.csv` has one still of each further patient, and `oracle/` with `oracle.csv` the true
    sweep from each still on. Called again, it resumes an interrupted run.

    Args:
        out: a new or empty folder, or one that was started with the same settings.
        size: height and width of a frame, in pixels.
        frames: T of a sweep.
        train: number of patients with a video for training.
        test: number of patients with a video for the test.
        stills: number of patients with one still.
        seed: of the patients.
        jobs: processes.
        prompts: make sweeps `steady`, and give the tables a column of sentences about them, which
            name one to three of `draw_attributes`.

    Raises:
        ValueError: if a number is out of range, a steady sweep would turn back, or `out` has other
            content.
    """
    for name, value in (('train', train), ('test', test), ('stills', stills)):
        if value < 2 or value % 2:
            raise ValueError(f'write_phantom: {name} counts patients of two classes and is an even '
                             f'number from 2 on, but got {value!r}')
    for name, value in (('size', size), ('frames', frames), ('jobs', jobs)):
        if value < 1:
            raise ValueError(f'write_phantom: {name} is a number from 1 on, but got {value!r}')
    if prompts and 2 * frames > STEADY_FRAMES:       # a still's sweep begins within another
        raise ValueError('write_phantom: a sweep that a prompt describes keeps its direction for '
                         f'{STEADY_FRAMES} frames, so frames is at most {STEADY_FRAMES // 2}, but '
                         f'got {frames!r}')
    out = Path(out)
    settings = {'version': VERSION, 'size': size, 'frames': frames, 'train': train, 'test': test,
                'stills': stills, 'seed': seed}
    claim_folder(out, settings | ({'prompts': True} if prompts else {}))
    requests = [Request(role, f's{seed}-{role}-{n:03d}', CLASSES[n % len(CLASSES)], prompts)
                for role, count in (('train', train), ('test', test), ('stills', stills))
                for n in range(count)]
    missing = [r for r in requests if not all((out / file).exists() for file in r.files())]
    write = partial(write_patient, out=out, size=size, frames=frames)
    with tqdm(total=len(requests), initial=len(requests) - len(missing), unit='patient') as bar:
        if jobs == 1:
            for request in missing:
                write(request)
                bar.update()
        else:
            with ProcessPoolExecutor(jobs) as pool:
                for _ in pool.map(write, missing):
                    bar.update()
    for place in {(out / file).parent for request in requests for file in request.files()}:
        remove_temporaries(place)
    columns = ('path', 'label', 'group', *(('prompt',) if prompts else ()))
    behind = [r for r in requests if r.role == 'stills']
    write_csv(out / 'videos.csv', (*columns, 'split'),
              [(r.path, *r.row, r.role) for r in requests if r.role != 'stills'])
    write_csv(out / 'stills.csv', columns, [(r.path, *r.row) for r in behind])
    write_csv(out / 'oracle.csv', columns, [(r.oracle, *r.row) for r in behind])


def claim_folder(out: Path, settings: dict) -> None:
    """Write the settings into an empty folder; ValueError for one with other content."""
    note = out / NOTE
    if note.exists():
        found = read_json(note, dict, 'remove the folder, or choose another')
        if found != settings:
            differing = ', '.join(f'{key} is {found.get(key)} there and {settings.get(key)} here'
                                  for key in {**settings, **found}
                                  if found.get(key) != settings.get(key))
            raise ValueError(f'write_phantom: {out} has a phantom made with other settings '
                             f'({textwrap.shorten(differing, 200)}); choose another folder or '
                             'remove this one')
        return
    if out.exists() and any(not path.name.endswith(TEMPORARY) for path in out.iterdir()):
        raise ValueError(f'write_phantom: {out} is not empty and has no {NOTE}; '
                         'choose another folder')
    write_bytes(note, json.dumps(settings, indent=2).encode() + b'\n')


def write_patient(request: Request, out: Path, size: int, frames: int) -> None:
    """Simulate a patient and write its files."""
    patient = request.patient
    if request.role != 'stills':
        write_npy(out / request.path, simulate_sweep(patient, frames, size))
        return
    moment = request.still_moment(frames)
    sweep = simulate_sweep(patient, moment + frames, size)[moment:]
    write_npy(out / request.oracle, sweep)
    write_bytes(out / request.path, cv2.imencode('.png', sweep[0])[1].tobytes())


def write_npy(path: Path, array: NDArray) -> None:
    """Write an array atomically."""
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    write_bytes(path, file.getvalue())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        file.write(content)
