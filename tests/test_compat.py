"""Each break of the stack, shown patched."""
from __future__ import annotations

import builtins
import os
import socket
import subprocess
import sys
from collections import OrderedDict
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmaction.datasets.transforms import ColorJitter
from mmaction.registry import DATASETS, MODELS, TRANSFORMS
from mmengine.config import Config
from mmengine.logging import HistoryBuffer
from mmengine.model import BaseModel
from mmengine.optim.optimizer.builder import OPTIMIZERS, register_transformers_optimizers
from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler
from mmengine.runner import Runner, load_checkpoint, turn_on_activation_checkpointing

from lddm_aug import compat


class Refers:
    """Pickled as a call, as an attacker or MMEngine writes it."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


@MODELS.register_module()
class ToyRegressor(BaseModel):
    """One weight."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, mode: str = 'tensor') -> torch.Tensor:
        return self.weight


def save_and_load(path: Path, value: object) -> object:
    torch.save(value, path)
    return torch.load(path, weights_only=True)


def test_mmaction_models_can_be_imported_and_built():
    import mmaction.models

    assert MODELS.get('mmaction.ResNetTSM') is mmaction.models.ResNetTSM


@pytest.mark.skipif((Path(find_spec('mmaction').origin).parent
                     / 'models/localizers/drn').exists(), reason='this MMAction2 has its DRN')
def test_the_missing_drn_is_named_when_it_is_built():
    from mmaction.models import DRN

    with pytest.raises(ImportError, match=r'DRN is missing .*mmaction2 #2714'):
        DRN()


def test_models_can_be_imported_beside_a_transformers_without_the_functions_of_vindlu(tmp_path):
    for name, text in (('transformers/__init__.py', ''), ('transformers/modeling_utils.py', ''),
                       ('transformers-5.0.0.dist-info/METADATA',
                        'Metadata-Version: 2.1\nName: transformers\nVersion: 5.0.0\n')):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    code = ("import lddm_aug, mmaction.models; from mmaction.registry import MODELS; "
            "print(MODELS.get('ResNetTSM').__name__); MODELS.build(dict(type='VindLUVQA'))")
    run = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True,
                         env={**os.environ, 'PYTHONPATH': str(tmp_path)})
    assert run.stdout.strip() == 'ResNetTSM'
    assert 'requires extra multi-modal dependencies' in run.stderr.splitlines()[-1]


def test_without_an_mmcv_the_error_names_what_to_install(monkeypatch):
    monkeypatch.setattr('importlib.util.find_spec', lambda name: None)
    with pytest.raises(ImportError, match=r'pip install "mmcv-lite>=2\.0\.0,<2\.2"'):
        compat.require_mmcv()


def test_no_dependency_overwrites_a_full_mmcv():
    pyproject = Path(__file__).parents[1].joinpath('pyproject.toml').read_text()
    required = pyproject.split('dependencies = [')[1].split(']\n')[0]
    assert 'mmcv' not in required


def test_configs_inherit_from_mmaction(tmp_path):
    config = tmp_path / 'mine.py'
    config.write_text("_base_ = 'mmaction::recognition/tsm/"
                      "tsm_imagenet-pretrained-r50_8xb16-1x1x8-50e_kinetics400-rgb.py'\n"
                      'model = dict(cls_head=dict(num_classes=2))\n')
    model = Config.fromfile(config).model
    assert (model.backbone.type, model.cls_head.num_classes) == ('ResNetTSM', 2)


def test_transformers_adafactor_is_registered_beside_torch_s(monkeypatch):
    transformers = type(sys)('transformers')
    transformers.Adafactor = type('Adafactor', (torch.optim.SGD,), {})
    monkeypatch.setitem(sys.modules, 'transformers', transformers)
    monkeypatch.delitem(OPTIMIZERS._module_dict, 'Adafactor', raising=False)
    register_transformers_optimizers()
    assert OPTIMIZERS.get('Adafactor') is transformers.Adafactor
    assert OPTIMIZERS.get('TorchAdafactor') is torch.optim.Adafactor
    monkeypatch.delitem(OPTIMIZERS._module_dict, 'Adafactor')


@pytest.mark.parametrize('loadable', [False, True])
def test_torchvision_is_patched_only_where_its_operators_are_missing(tmp_path, loadable):
    """With a torchvision of two lines, which fails or not as the real one does."""
    package = tmp_path / 'torchvision'
    package.mkdir()
    (package / 'extension.py').touch()
    define = "torch.library.define('torchvision::nms', '(Tensor boxes) -> Tensor')\n"
    (package / '__init__.py').write_text(
        f'import torch\nfrom torchvision import extension\n{define if loadable else ""}'
        "torch.library.register_fake('torchvision::nms')(lambda *boxes: boxes[0])\n")
    compat_file = str(Path(compat.__file__))
    code = (f'import runpy; runpy.run_path({compat_file!r})["import_torchvision"]()\n'
            'import torch, torchvision\nprint(torch.ops.torchvision.nms.default._schema)')
    printed = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True,
                             env=os.environ | {'PYTHONPATH': str(tmp_path)}, check=True).stdout
    assert ('Tensor boxes' if loadable else 'Tensor dets') in printed


def test_torchvision_works():
    import torchvision

    assert torchvision.transforms.functional.hflip(torch.tensor([[1, 2]])).tolist() == [[2, 1]]


def test_logged_values_come_back(tmp_path):
    buffer = HistoryBuffer([1., 2.], [1, 1])
    loaded = save_and_load(tmp_path / 'a.pth', {'loss': buffer, 'best': np.float32(3)})
    assert loaded['loss'].mean() == 1.5
    assert loaded['loss'].statistics('max') == 2
    assert loaded['best'] == 3


@pytest.mark.parametrize('dtype', ['bool', 'int8', 'uint8', 'int32', 'int64', 'float16',
                                   'float32', 'float64'])
def test_arrays_of_numbers_come_back(tmp_path, dtype):
    array = np.array([[0, 1], [1, 0]], dtype)
    loaded = save_and_load(tmp_path / 'a.pth', [array, array[0, 1]])
    np.testing.assert_array_equal(loaded[0], array)
    assert loaded[0].dtype == array.dtype and loaded[1] == array[0, 1]


def test_checkpoints_of_numpy_1_are_read_too(tmp_path):
    path = tmp_path / 'a.pth'
    torch.save([np.ones(2)], path, _use_new_zipfile_serialization=False)
    assert b'numpy._core.multiarray' in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(b'numpy._core.multiarray', b'numpy.core.multiarray'))
    assert torch.load(path, weights_only=True)[0].tolist() == [1, 1]


def test_a_one_cycle_schedule_is_resumed(tmp_path):
    function = OneCycleParamScheduler._annealing_cos
    assert save_and_load(tmp_path / 'a.pth', [function]) == [function]


@pytest.mark.parametrize('owner, name', [
    (HistoryBuffer, '__init__'), (HistoryBuffer, '__subclasses__'), (np.ndarray, 'tofile'),
    (OneCycleParamScheduler, '__init__')])
def test_a_checkpoint_accesses_nothing_else(tmp_path, owner, name):
    with pytest.raises(Exception, match=f"'{name}' of .* do not trust it"):
        save_and_load(tmp_path / 'a.pth', [Refers(getattr, owner, name)])


@pytest.mark.parametrize('call', [
    Refers(builtins.eval, '1'), Refers(os.getcwd), Refers(np.load, 'a.npy')])
def test_a_checkpoint_runs_no_code(tmp_path, call):
    with pytest.raises(Exception, match=r'[Uu]nsupported'):
        save_and_load(tmp_path / 'a.pth', [call])


def test_mmengine_loads_weights_beside_logged_values(tmp_path):
    model = torch.nn.Linear(1, 1)
    weights = OrderedDict(weight=torch.ones(1, 1), bias=torch.zeros(1))
    torch.save({'state_dict': weights, 'message_hub': {'loss': HistoryBuffer([1.], [1])}},
               tmp_path / 'a.pth')
    load_checkpoint(model, str(tmp_path / 'a.pth'))
    assert model.weight.item() == 1


@pytest.mark.parametrize('steps, colour', [(-30, [255, 0, 255]), (30, [255, 255, 0]),
                                           (60, [0, 255, 0]), (-60, [0, 0, 255])])
def test_hue_turns_both_ways(steps, colour):
    red = np.array([[[255, 0, 0]]], np.uint8)
    half = np.sign(steps) / 2  # of a step, which is cut off
    assert ColorJitter.adjust_hue(red, (steps + half) / 255).tolist() == [[colour]]


def test_mmaction_s_transforms_work_with_the_installed_opencv_and_numpy():
    random = np.random.default_rng(0)
    for _ in range(10):
        frames = [random.integers(0, 256, (40, 60, 3), np.uint8) for _ in range(2)]
        results = dict(imgs=frames, img_shape=(40, 60), modality='RGB', num_clips=1, clip_len=2)
        for transform in (
                dict(type='Resize', scale=(32, 32), keep_ratio=False),
                dict(type='Flip', flip_ratio=1), dict(type='ColorJitter', hue=0.5),
                dict(type='RandomResizedCrop'), dict(type='RandomErasing'),
                dict(type='Resize', scale=(16, 16), keep_ratio=False, interpolation='nearest'),
                dict(type='FormatShape', input_format='NCTHW')):
            results = TRANSFORMS.build(transform)(results)
        assert results['imgs'].shape == (1, 3, 2, 16, 16)


@pytest.mark.parametrize('kind, good, bad', [
    ('VideoDataset', 'a.mp4 0', 'benign (1).mp4 0'), ('VideoDataset', 'a.mp4 0', 'b.mp4 malignant'),
    ('RawframeDataset', 'a 16 0', 'benign 1 16 0'), ('RawframeDataset', 'a 16 0', 'b'),
    ('RawframeDataset', 'a 16 0', 'my video 16 0')])
def test_a_line_that_mmaction_cannot_divide_is_named(tmp_path, kind: str, good: str, bad: str):
    ann_file = tmp_path / 'list.txt'
    ann_file.write_text(f'{good}\n{good}\n{bad}\n')
    with pytest.raises(ValueError, match=r'list\.txt line 3: ') as raised:
        DATASETS.build(dict(type=f'mmaction.{kind}', ann_file=str(ann_file), pipeline=[]))
    assert repr(bad) in str(raised.value)
    ann_file.write_text(f'{good}\n \n{good}\n\n')   # and the reader is as it was; blank lines
    assert len(DATASETS.build(dict(type=f'mmaction.{kind}', ann_file=str(ann_file),
                                   pipeline=[]))) == 2


@pytest.mark.parametrize('options, lines, times', [
    ({}, ['a.mp4 0', 'b.mp4 1', 'c.mp4 1', 'd.mp4 1'], {'a.mp4': 2}),
    (dict(multi_class=True, num_classes=3), ['a.mp4 0 2', 'b.mp4 1', 'c.mp4 1', 'd.mp4 1 2'],
     {'a.mp4': 2})])
def test_mmaction_s_data_sets_can_be_balanced(tmp_path, options, lines, times):
    (tmp_path / 'list.txt').write_text('\n'.join(lines))
    dataset = DATASETS.build(dict(
        type='ClassBalancedDataset', oversample_thr=1.,      # a class of 1 in 4 comes up √4 times
        dataset=dict(type='mmaction.VideoDataset', ann_file=str(tmp_path / 'list.txt'),
                     pipeline=[], **options)))
    names = [Path(dataset.get_data_info(index)['filename']).name for index in range(len(dataset))]
    assert {name: names.count(name) for name in times} == times


class Draws(torch.utils.data.Dataset):
    """Draws from numpy's global state, as MMAction2's transforms do."""

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> int:
        return int(np.random.randint(2**31))


def test_no_two_workers_of_ranks_that_begin_alike_get_the_same_seed(monkeypatch):
    seeds = set()
    for rank, worker in np.ndindex(3, 4):
        monkeypatch.setattr('torch.utils.data.get_worker_info',
                            lambda worker=worker: SimpleNamespace(seed=1000 + worker))
        compat._init_worker(worker, num_workers=4, rank=rank, seed=7)
        seeds.add(np.random.get_state()[1][0])
    assert len(seeds) == 3 * 4


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU here')
@pytest.mark.parametrize('launcher, environment', [
    ('pytorch', dict(RANK=0, LOCAL_RANK=0, WORLD_SIZE=1)),
    ('slurm', dict(SLURM_PROCID=0, SLURM_LOCALID=0, SLURM_NTASKS=1, SLURM_NODELIST='here')),
    ('mpi', dict(OMPI_COMM_WORLD_RANK=0, OMPI_COMM_WORLD_LOCAL_RANK=0, OMPI_COMM_WORLD_SIZE=1))])
def test_mmengine_trains_on_cpus_with_every_launcher(
        tmp_path, monkeypatch, one_rank_ends, launcher, environment):
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    for name in ('RANK', 'LOCAL_RANK', 'WORLD_SIZE'):
        monkeypatch.setenv(name, '')                 # restored after the test
    for name, value in (dict(MASTER_ADDR='127.0.0.1', MASTER_PORT=port) | environment).items():
        monkeypatch.setenv(name, str(value))
    with one_rank_ends():
        runner = Runner(dict(type='ToyRegressor'), str(tmp_path), launcher=launcher,
                        default_scope='mmaction', experiment_name=f'by {launcher}',
                        env_cfg=dict(dist_cfg=dict(backend='nccl')), log_level='ERROR')
        assert torch.distributed.get_backend() == 'gloo'
        assert runner.model.device_ids is None and isinstance(runner.model.module, ToyRegressor)
        del runner


def test_workers_that_do_not_persist_draw_anew_in_every_epoch_and_alike_in_every_run():
    def draws() -> list[int]:
        torch.manual_seed(0)
        loader = Runner.build_dataloader(dict(
            dataset=Draws(), batch_size=1, num_workers=2, sampler=dict(type='DefaultSampler'),
            collate_fn=dict(type='pseudo_collate')), seed=0)
        return [batch[0] for _ in range(3) for batch in loader]

    first = draws()
    assert len(set(first)) == 3 * 6 and first == draws()


def test_what_is_computed_again_has_gradients_where_its_input_has_none(recwarn):
    layer = torch.nn.Sequential(torch.nn.Linear(2, 2))
    turn_on_activation_checkpointing(layer, '0')
    layer(torch.ones(1, 2)).sum().backward()
    assert torch.equal(layer[0].weight.grad, torch.ones(2, 2))
    assert not [each for each in recwarn if 'use_reentrant' in str(each.message)]
