import json

import numpy as np
import pytest
import torch

from lddm_aug.commands import run_tool
from lddm_aug.generators.lddm import LDDMGenerator
from lddm_aug.generators.package import save_package

STUDENT = dict(
    type='DistilledDiffusion', noise=dict(target='flow'), conditions=dict(label=['a', 'b']),
    condition_guidance=dict(label=3.), teacher_steps=4, student_steps=2,
    autoencoder=dict(type='VideoAutoencoder', latent_channels=4, encoder=dict(width=8),
                     decoder=dict(widths=(8, 8, 8))),
    denoiser=dict(still_widths=(8, 8, 8), width=24, depth=1, heads=2))


@pytest.fixture
def package(tmp_path):
    """Of a guided student, beside held-out videos and stills."""
    torch.manual_seed(0)
    save_package(tmp_path / 'package', LDDMGenerator(
        STUDENT, size=32, num_frames=8, sampler='Student', steps=2,
        condition_guidance=dict(label=3.)), ())
    rows = ['path,label,group,split,frame']
    for number, label in enumerate('abab'):
        video = np.random.default_rng(number).integers(256, size=(30, 32, 32), dtype=np.uint8)
        np.save(tmp_path / f'{number}.npy', video)
        rows.append(f'{number}.npy,{label},p{number},test,0')
    (tmp_path / 'stills.csv').write_text('\n'.join(rows))
    (tmp_path / 'videos.csv').write_text('\n'.join(row.rpartition(',')[0] for row in rows))
    return tmp_path / 'package'


@pytest.mark.parametrize('chosen, sampler', [
    ([], dict(name='Student', steps=2)),
    (['--sampler', 'DPMSolverMultistep', '--steps', '3'],
     dict(name='DPMSolverMultistep', steps=3))])
def test_rows_say_by_which_sampler_the_clips_were_made(package, tmp_path, chosen, sampler):
    out = tmp_path / 'rows.json'
    run_tool('steering', [str(package), '--data', str(tmp_path), '--device', 'cpu',
                          '--out', str(out), *chosen])
    rows = json.loads(out.read_text())
    assert {'spread of log rms change', "conditions' share of a clip's arithmetic"} < {
        row['what'].split(',')[0] for row in rows}
    for row in rows:
        assert row['sampler'] == sampler | dict(guidance=1., temperature=1.,
                                                condition_guidance=dict(label=3.))
