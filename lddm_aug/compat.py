"""Patches for incompatibilities between dependencies, applied when `lddm_aug` is imported.

A patch is only applied where the incompatibility exists, so it ends with the release that fixes it.
Requirements in pyproject.toml avoid three more:

- `mmaction::…` configs are found through `pkg_resources`, which setuptools dropped with 82;
- an older MMEngine registers PyTorch's and transformers' Adafactor under one name
  (mmengine #1609, fixed in 0.10.7);
- MMAction2 imports `importlib_metadata` without declaring it.
"""
from __future__ import annotations

import functools
import importlib.util
import os
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
    silence_known_warnings()
    require_mmcv()
    for patch in PATCHES:
        if patch():
            _applied.append(patch)


def applied_patches() -> list[str]:
    """What was broken here and is patched, one line each."""
    return [(patch.__doc__ or '').partition('\n')[0].rstrip('.') for patch in _applied]


def silence_known_warnings() -> None:
    """Silence warnings about pkg_resources, missing operators (mmcv-lite) and MMEngine's DDP."""
    warnings.filterwarnings('ignore', 'pkg_resources is deprecated as an API')
    warnings.filterwarnings('ignore', '`broadcast_buffers` is deprecated')
    warnings.filterwarnings('ignore', 'Fail to import ``MultiScaleDeformableAttention``')


def require_mmcv() -> None:
    """Raise ImportError without an mmcv, lite or full, which MMAction2 doesn't declare."""
    if importlib.util.find_spec('mmcv') is None:
        raise ImportError(
            'lddm_aug needs an mmcv, and none is installed: '
            'run pip install "mmcv-lite>=2.0.0,<2.2", or install a full mmcv of that version')


def import_torchvision() -> bool:
    """Import torchvision, also where its compiled operators can't be loaded.

    PyPI's torchvision is built for CUDA and fails to load them beside a CPU-only torch.  Its Python
    part then requires two operators, which nothing here calls (vision #9085).  They are declared.
    """
    try:
        import torchvision
    except RuntimeError as error:
        if 'operator torchvision::' not in str(error):
            raise
        for name in ('nms', 'qnms'):
            torch.library.define(f'torchvision::{name}',
                                 '(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')
        for name in [name for name in sys.modules if name.split('.')[0] == 'torchvision']:
            del sys.modules[name]  # half imported
        import torchvision  # noqa: F401
        return True
    return False


def stub_missing_drn() -> bool:
    """Add a stub of DRN, which MMAction2's wheel lacks but imports (mmaction2 #2714)."""
    package = 'mmaction.models.localizers.drn'
    mmaction = importlib.util.find_spec('mmaction')
    if mmaction is None or mmaction.origin is None or package in sys.modules:
        return False
    if (Path(mmaction.origin).parent / 'models/localizers/drn/drn.py').exists():
        return False

    class DRN:
        """Raises ImportError when built."""

        def __init__(self, *args: object, **kwargs: object) -> None:
            raise ImportError('DRN is missing from the mmaction2 wheel (mmaction2 #2714): '
                              'install MMAction2 from its sources')

    module = ModuleType(f'{package}.drn')
    module.DRN = DRN  # type: ignore[attr-defined]
    sys.modules[package] = ModuleType(package)
    sys.modules[module.__name__] = module
    return True


def disable_vindlu() -> bool:
    """Disable MMAction2's VindLU beside transformers 5, which lacks functions that it imports.

    MMAction2 then behaves as without transformers: building a VindLU raises its error about
    requirements.
    """
    if importlib.util.find_spec('transformers') is None:
        return False
    from mmaction.utils import dependency

    try:
        from transformers.modeling_utils import (  # noqa: F401
            apply_chunking_to_forward,
            find_pruneable_heads_and_indices,
        )
    except ImportError:
        dependency.WITH_MULTIMODAL = False
        return True
    return False


def allow_mmengine_checkpoints() -> bool:
    """Make `torch.load(weights_only=True)` read MMEngine's checkpoints (mmengine #1655).

    They contain the logged values as `HistoryBuffer`s: arrays of numbers, and references to its
    methods.  The schedule `OneCycleLR` also has a reference to one of its methods.  Pickle writes
    such a reference as `getattr(HistoryBuffer, 'min')`.  Allowing `getattr` would allow any code,
    so it is replaced by a function that returns these methods only.
    """
    from mmengine.logging import HistoryBuffer
    from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler

    HistoryBuffer()  # lists its methods on the first call
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
    return True


def _method_in_checkpoint(owner: type, name: str) -> Callable:
    """A method that MMEngine refers to in its checkpoints; ValueError for any other."""
    from mmengine.logging import HistoryBuffer
    from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler

    known = {HistoryBuffer: HistoryBuffer._statistics_methods,
             OneCycleParamScheduler: ('_annealing_cos', '_annealing_linear')}
    if name not in known.get(owner, ()):
        raise ValueError(f'This checkpoint refers to {name!r} of {owner!r}, '
                         'which no checkpoint of MMEngine does: do not trust it')
    return getattr(owner, name)


def fix_negative_hue() -> bool:
    """Patch MMAction2's ColorJitter, which adds negative numbers to uint8: an error in NumPy 2."""
    from mmaction.datasets.transforms import ColorJitter

    try:
        ColorJitter.adjust_hue(np.zeros((1, 1, 3), np.uint8), -0.1)
    except OverflowError:
        ColorJitter.adjust_hue = staticmethod(_adjust_hue)
        return True
    return False


def _adjust_hue(image: np.ndarray, factor: float) -> np.ndarray:
    """(H, W, 3) RGB → float32 of the same shape with shifted hue; OpenCV has 180 hues."""
    hsv = cv2.cvtColor(np.clip(image, 0, 255).astype(np.uint8), cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0].astype(np.int16) + int(factor * 255)) % 180
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB).astype(np.float32)


def name_lines_of_lists() -> bool:
    """Patch MMAction2's lists: name the line of an error, and skip blank lines.

    MMAction2 splits lines at blanks, and its errors don't name the line.  A blank line would become
    a sample without a name and with the label -1.
    """
    from mmaction.datasets import RawframeDataset, VideoDataset

    for dataset, form in ((VideoDataset, 'NAME LABEL'), (RawframeDataset, 'NAME FRAMES LABEL')):
        if not hasattr(dataset.load_data_list, '__wrapped__'):
            dataset.load_data_list = _naming_the_line(dataset.load_data_list, form)
    return True


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
                        f'({reason or "several labels"}); names must not contain blanks, unless '
                        'the dataset has another delimiter') from error
            raise
        finally:
            load.__globals__['list_from_file'] = read

    return load_data_list


def implement_get_cat_ids() -> bool:
    """Add `get_cat_ids` to MMAction2's datasets, for MMEngine's ClassBalancedDataset."""
    from mmaction.datasets import BaseActionDataset
    from mmengine.dataset import BaseDataset

    if BaseActionDataset.get_cat_ids is BaseDataset.get_cat_ids:
        BaseActionDataset.get_cat_ids = _get_cat_ids
        return True
    return False


def _get_cat_ids(self: Any, idx: int) -> list[int]:
    """Labels of a sample, before multi-class labels are encoded as zeros and ones."""
    from mmengine.dataset import BaseDataset

    return np.ravel(BaseDataset.get_data_info(self, idx)['label']).tolist()


def reseed_workers() -> bool:
    """Seed DataLoader workers differently in every epoch.

    MMEngine seeds them equally, so that transforms that use the global states repeat their draws
    in every epoch, unless the workers are persistent.
    """
    from mmengine.runner import runner

    runner.default_worker_init_fn = _init_worker
    return True


def _init_worker(worker_id: int, num_workers: int, rank: int, seed: int, **kwargs: Any) -> None:
    """MMEngine's worker_init_fn plus the base seed that PyTorch draws for every iterator.

    MMEngine adds the worker's number and the rank, so that no two workers get the same.
    """
    from mmengine.dataset import worker_init_fn
    from torch.utils.data import get_worker_info

    worker: Any = get_worker_info()
    base = worker.seed - worker_id
    worker_init_fn(worker_id, num_workers, rank, (seed + base) % 2**31, **kwargs)


def train_on_cpus() -> bool:
    """Let MMEngine's processes train together on CPUs, too, where it takes a GPU for granted.

    Without a GPU they talk by gloo.  Started by mpirun, they know their place on their machine.
    """
    from mmengine.model import MMDistributedDataParallel
    from mmengine.runner import runner

    if not hasattr(runner.init_dist, '__wrapped__'):
        runner.init_dist = _without_gpus(runner.init_dist)
        parallel: Any = MMDistributedDataParallel
        parallel.__init__ = _without_devices(parallel.__init__)
    return True


def _without_gpus(init_dist: Callable) -> Callable:
    @functools.wraps(init_dist)
    def init(launcher: str, backend: str = 'nccl', **kwargs: Any) -> None:
        if launcher == 'mpi':                        # the others set what MMEngine reads later
            os.environ['LOCAL_RANK'] = os.environ['OMPI_COMM_WORLD_LOCAL_RANK']
        if torch.cuda.is_available():
            init_dist(launcher, backend, **kwargs)
            return
        set_device = torch.cuda.set_device
        torch.cuda.set_device = lambda device: None  # MMEngine calls it before anything else
        try:
            init_dist(launcher, 'gloo', **kwargs)
        finally:
            torch.cuda.set_device = set_device

    return init


def _without_devices(init: Callable) -> Callable:
    @functools.wraps(init)
    def wrap(self: Any, module: torch.nn.Module, *args: Any, **kwargs: Any) -> None:
        if all(weight.device.type == 'cpu' for weight in module.parameters()):
            kwargs['device_ids'] = None              # PyTorch refuses the number of a GPU
        init(self, module, *args, **kwargs)

    return wrap


def divide_weights() -> bool:
    """Let MMEngine's FSDPStrategy resume, clip by the norm of all gradients, and work on CPUs.

    It gives PyTorch the arguments of `optim_state_dict_to_load` in the order of PyTorch 2.0, clips
    each rank's gradients by the norm of its own part of them, and names a GPU where there is none.
    """
    from mmengine._strategy import FSDPStrategy
    from mmengine.model import MMFullyShardedDataParallel

    if not hasattr(FSDPStrategy.build_optim_wrapper, '__wrapped__'):
        strategy: Any = FSDPStrategy
        strategy.build_optim_wrapper = _clipping_by_all(strategy.build_optim_wrapper)
        strategy.load_optim_state_dict = _load_optim_state_dict
        strategy._init_state_dict_cfg = _leaving_on_cpus(strategy._init_state_dict_cfg)
        wrapper: Any = MMFullyShardedDataParallel
        wrapper.__init__ = _dividing_on_cpus(wrapper.__init__)
    return True


def _clipping_by_all(build: Callable) -> Callable:
    @functools.wraps(build)
    def build_optim_wrapper(self: Any, optim_wrapper: Any, model: Any = None) -> Any:
        built = build(self, optim_wrapper, model)
        if getattr(built, 'clip_func', None) is torch.nn.utils.clip_grad_norm_:
            built.clip_func = lambda _, **options: model.clip_grad_norm_(**options)
        return built

    return build_optim_wrapper


def _load_optim_state_dict(self: Any, state_dict: dict) -> None:
    from torch.distributed.fsdp import FullyShardedDataParallel

    self.optim_wrapper.load_state_dict(FullyShardedDataParallel.optim_state_dict_to_load(
        self.model, self.optim_wrapper.optimizer, state_dict))


def _leaving_on_cpus(read: Callable) -> Callable:
    @functools.wraps(read)
    def _init_state_dict_cfg(self: Any, state_dict_cfg: Any) -> None:
        read(self, state_dict_cfg)
        if not torch.cuda.is_available():            # what is moved to the CPU there is freed
            for config in (self.state_dict_config, self.optim_state_dict_config):
                config.offload_to_cpu = False

    return _init_state_dict_cfg


def _dividing_on_cpus(init: Callable) -> Callable:
    @functools.wraps(init)
    def wrap(self: Any, module: torch.nn.Module, *args: Any, **kwargs: Any) -> None:
        if not torch.cuda.is_available():
            kwargs['device_id'] = torch.device('cpu')
        init(self, module, *args, **kwargs)

    return wrap


def find_own_configs() -> bool:
    """Let configs inherit from `lddm_aug::…`, as MMEngine does from OpenMMLab's packages alone.

    It works once lddm_aug is imported, as every command does first.
    """
    from mmengine.config import Config

    if not hasattr(Config._get_cfg_path, '__wrapped__'):
        Config._get_cfg_path = staticmethod(_finding_own_configs(Config._get_cfg_path))
    return True


def recompute_without_reentry() -> bool:
    """Let MMEngine's `activation_checkpointing` choose the form that PyTorch recommends.

    MMEngine doesn't choose, of which PyTorch warns.  The other form gives the weights of a module
    no gradient where its inputs have none.
    """
    from mmengine.runner import activation_checkpointing
    from torch.utils.checkpoint import checkpoint

    activation_checkpointing.checkpoint = functools.partial(checkpoint, use_reentrant=False)
    return True


def _finding_own_configs(get_cfg_path: Callable) -> Callable:
    from lddm_aug.configs import config_root

    @functools.wraps(get_cfg_path)
    def _get_cfg_path(cfg_path: str, filename: str) -> tuple[str, str | None]:
        if cfg_path.startswith('lddm_aug::'):
            return str(config_root() / cfg_path.removeprefix('lddm_aug::')), None
        return get_cfg_path(cfg_path, filename)

    return _get_cfg_path


PATCHES: tuple[Callable[[], bool], ...] = (          # each returns whether something was broken
    import_torchvision, stub_missing_drn, disable_vindlu, allow_mmengine_checkpoints,
    fix_negative_hue, name_lines_of_lists, implement_get_cat_ids, reseed_workers, train_on_cpus,
    divide_weights, find_own_configs, recompute_without_reentry)
_applied: list[Callable[[], bool]] = []
