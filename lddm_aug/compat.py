"""Every break between the packages this one stands on, patched once, when `lddm_aug` is imported.

What isn't broken is left alone, so a patch ends by itself with the release that makes it needless.
Three more breaks are patched in pyproject.toml by asking for the right packages:

- `mmaction::…` configs are found through `pkg_resources`, which setuptools dropped with 82;
- an older MMEngine registers PyTorch's and transformers' Adafactor under one name
  (mmengine #1609, fixed in 0.10.7);
- MMAction2 imports `importlib_metadata` without declaring it.
"""
from __future__ import annotations

import functools
import importlib.util
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import torch


def apply_patches() -> None:
    """Patch what is broken here; to be called before MMAction2 or torchvision is imported."""
    silence_needless_warnings()
    require_mmcv()
    import_torchvision()
    stand_in_for_drn()
    leave_out_vindlu()
    allow_checkpoints_of_mmengine()
    let_hue_turn_back()
    name_lines_of_lists()
    tell_classes_of_samples()
    let_workers_begin_anew()


def silence_needless_warnings() -> None:
    """On every start, MMEngine is told about pkg_resources, and mmcv-lite tells what it lacks."""
    warnings.filterwarnings('ignore', 'pkg_resources is deprecated as an API')
    warnings.filterwarnings('ignore', 'Fail to import ``MultiScaleDeformableAttention``')


def require_mmcv() -> None:
    """MMAction2 needs an mmcv, light or full, and declares neither (see pyproject.toml)."""
    if importlib.util.find_spec('mmcv') is None:
        raise ImportError(
            'lddm_aug needs an mmcv, and none is installed: '
            'say pip install "mmcv-lite>=2.0.0,<2.2", or install a full mmcv of that version')


def import_torchvision() -> None:
    """Let torchvision be imported where its compiled operators can't be loaded.

    That is so beside a CPU-only torch, because the torchvision of PyPI is built for CUDA.  Its
    Python part then stumbles over two operators, which nothing here calls (vision #9085): it is
    enough to declare them.
    """
    try:
        import torchvision  # noqa: F401
    except RuntimeError as error:
        if 'operator torchvision::' not in str(error):
            raise
        for name in ('nms', 'qnms'):
            torch.library.define(f'torchvision::{name}',
                                 '(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')
        for name in [name for name in sys.modules if name.split('.')[0] == 'torchvision']:
            del sys.modules[name]  # half imported
        import torchvision  # noqa: F401


def stand_in_for_drn() -> None:
    """Let `mmaction.models` be imported, whose DRN isn't in the wheel (mmaction2 #2714)."""
    package = 'mmaction.models.localizers.drn'
    mmaction = importlib.util.find_spec('mmaction')
    if mmaction is None or mmaction.origin is None or package in sys.modules:
        return
    if (Path(mmaction.origin).parent / 'models/localizers/drn/drn.py').exists():
        return

    class DRN:
        """Stands where MMAction2's wheel left a gap."""

        def __init__(self, *args: object, **kwargs: object) -> None:
            raise ImportError('DRN is missing from the mmaction2 wheel (mmaction2 #2714): '
                              'install MMAction2 from its sources')

    module = ModuleType(f'{package}.drn')
    module.DRN = DRN  # type: ignore[attr-defined]
    sys.modules[package] = ModuleType(package)
    sys.modules[module.__name__] = module


def leave_out_vindlu() -> None:
    """Let `mmaction.models` be imported beside transformers 5, which its VindLU doesn't know.

    Functions that it imports are gone.  MMAction2 then treats VindLU as where there is no
    transformers: asked to build one, it says what to install.
    """
    if importlib.util.find_spec('transformers') is None:
        return
    from mmaction.utils import dependency

    try:
        from transformers.modeling_utils import (  # noqa: F401
            apply_chunking_to_forward,
            find_pruneable_heads_and_indices,
        )
    except ImportError:
        dependency.WITH_MULTIMODAL = False


def allow_checkpoints_of_mmengine() -> None:
    """Let `torch.load(weights_only=True)` read MMEngine's checkpoints (mmengine #1655).

    Beside tensors they hold the logged values as `HistoryBuffer`s: arrays of numbers, and
    references to its methods; so does the schedule `OneCycleLR` to one of its own.  Pickle writes
    such a reference as `getattr(HistoryBuffer, 'min')`.  To allow `getattr` would allow everything,
    so in its place stands a function that knows these methods only.
    """
    from mmengine.logging import HistoryBuffer
    from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler

    HistoryBuffer()  # its methods are listed when the first one is made
    rebuild_array: Any = np.zeros(1).__reduce__()[0]
    rebuild_number: Any = np.float64(1).__reduce__()[0]
    renamed: list[tuple[Callable, str]] = [
        (function, f'numpy.{core}.multiarray.{function.__name__}')
        for function in (rebuild_array, rebuild_number)
        for core in ('core', '_core')  # as NumPy 1 and as NumPy 2 writes it
    ]
    numeric_dtypes = [type(np.dtype(code)) for code in '?bhilqBHILQefd']
    torch.serialization.add_safe_globals([
        HistoryBuffer, OneCycleParamScheduler, np.ndarray, np.dtype, *numeric_dtypes, *renamed,
        (_method_in_checkpoint, 'builtins.getattr')])


def _method_in_checkpoint(owner: type, name: str) -> Callable:
    """A method that MMEngine refers to in its checkpoints; anything else is refused."""
    from mmengine.logging import HistoryBuffer
    from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler

    known = {HistoryBuffer: HistoryBuffer._statistics_methods,
             OneCycleParamScheduler: ('_annealing_cos', '_annealing_linear')}
    if name not in known.get(owner, ()):
        raise ValueError(f'This checkpoint refers to {name!r} of {owner!r}, '
                         'which none of MMEngine does: do not trust it')
    return getattr(owner, name)


def let_hue_turn_back() -> None:
    """NumPy 2 adds no negative number to bytes, as MMAction2's ColorJitter asks it to."""
    from mmaction.datasets.transforms import ColorJitter

    try:
        ColorJitter.adjust_hue(np.zeros((1, 1, 3), np.uint8), -0.1)
    except OverflowError:
        ColorJitter.adjust_hue = staticmethod(_turn_hue)


def _turn_hue(image: np.ndarray, factor: float) -> np.ndarray:
    """(H, W, 3) RGB → the same as float32, its hue turned; OpenCV counts hue in 180 steps."""
    hsv = cv2.cvtColor(np.clip(image, 0, 255).astype(np.uint8), cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0].astype(np.int16) + int(factor * 255)) % 180
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB).astype(np.float32)


def name_lines_of_lists() -> None:
    """MMAction2 divides the lines of its lists at blanks and doesn't say which line has too many.

    Of a blank line it makes a sample without a name, whose label is -1.
    """
    from mmaction.datasets import RawframeDataset, VideoDataset

    for dataset, form in ((VideoDataset, 'NAME LABEL'), (RawframeDataset, 'NAME FRAMES LABEL')):
        if not hasattr(dataset.load_data_list, '__wrapped__'):
            dataset.load_data_list = _naming_the_line(dataset.load_data_list, form)


def _naming_the_line(load: Callable[[Any], list], form: str) -> Callable[[Any], list]:
    read = load.__globals__['list_from_file']

    @functools.wraps(load)
    def load_data_list(self: Any) -> list:
        load.__globals__['list_from_file'] = lambda file: [*filter(str.strip, read(file))]
        try:
            return load(self)
        except (ValueError, IndexError, AssertionError) as error:
            for number, line in enumerate(read(self.ann_file), 1):
                if not line.strip():
                    continue
                load.__globals__['list_from_file'] = lambda _, line=line: [line]
                try:
                    load(self)
                except (ValueError, IndexError, AssertionError) as reason:
                    raise ValueError(
                        f'{self.ann_file} line {number}: {line!r} is not of the form {form} '
                        f'({reason or "several labels"}); names may hold no blanks unless the '
                        "data set's delimiter is another one") from error
            raise
        finally:
            load.__globals__['list_from_file'] = read

    return load_data_list


def tell_classes_of_samples() -> None:
    """MMAction2's data sets don't tell a sample's classes to MMEngine's ClassBalancedDataset."""
    from mmaction.datasets import BaseActionDataset
    from mmengine.dataset import BaseDataset

    if BaseActionDataset.get_cat_ids is BaseDataset.get_cat_ids:
        BaseActionDataset.get_cat_ids = _classes_of_sample


def _classes_of_sample(self: Any, idx: int) -> list[int]:
    """Its label, or its labels where it has several, before they become zeros and ones."""
    from mmengine.dataset import BaseDataset

    return np.ravel(BaseDataset.get_data_info(self, idx)['label']).tolist()


def let_workers_begin_anew() -> None:
    """MMEngine seeds the workers of every epoch alike, so that an epoch repeats the last's draws.

    That is so for data sets that draw from the global states, unless the workers persist.
    """
    from mmengine.runner import runner

    runner.default_worker_init_fn = _begin_worker


def _begin_worker(worker_id: int, num_workers: int, rank: int, seed: int, **kwargs: Any) -> None:
    """MMEngine's worker_init_fn with the seed that PyTorch draws whenever a loader begins."""
    from mmengine.dataset import worker_init_fn
    from torch.utils.data import get_worker_info

    begun: Any = get_worker_info()
    worker_init_fn(worker_id, num_workers, rank, (seed + begun.seed) % 2**31, **kwargs)
