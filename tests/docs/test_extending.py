"""The examples in docs/extending.md do what the page says."""
from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PAGE = (Path(__file__).parents[2] / 'docs/extending.md').read_text()


def run_example(title: str, folder: Path, before: str, after: str) -> None:
    """Run a section's code, between lines of ours, with the files that it shows and no others."""
    [section] = [part for part in re.split(r'^## ', PAGE, flags=re.MULTILINE)
                 if part.startswith(title)]
    blocks = re.findall(r'```python\n(.*?)```', section, re.DOTALL)
    files = {match[1]: block for block in blocks if (match := re.match(r'# (\S+\.py)\n', block))}
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    code = [before, *(block for block in blocks if block not in files.values()), after]
    ran = subprocess.run(
        [sys.executable, '-c', '\n'.join(code)], cwd=folder,
        env=dict(PYTHONPATH=':'.join([*sys.path, str(folder)]),
                 LDDM_AUG_IMPORTS=','.join(name.removesuffix('.py') for name in files
                                           if '/' not in name)),
        capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    assert f'({len(files)} file' in section.splitlines()[0]


def test_a_sampler_of_ones_own_samples(tmp_path):
    run_example('A sampler', tmp_path, before="""
import torch
from lddm_aug.generators import LDDMGenerator, load_package, save_package

autoencoder = dict(type='VideoAutoencoder', latent_channels=4, encoder=dict(width=8),
                   decoder=dict(widths=(8, 8, 8)))
denoiser = dict(still_widths=(8, 8, 8), width=16, depth=1, heads=2)
trained = LDDMGenerator(dict(type='LatentDiffusion', autoencoder=autoencoder, denoiser=denoiser),
                        size=16, num_frames=8)
for weight in trained.parameters():
    torch.nn.init.normal_(weight, std=0.1)
package, stills = 'package', torch.rand(2, 1, 16, 16)
save_package(package, trained, ())
""", after="""
assert clips.shape == (2, 1, 8, 16, 16) and clips.isfinite().all()
assert torch.equal(clips[1:], generator(stills[1:], [2]))
assert (clips - trained.with_sampler(steps=20)(stills, [1, 2])).abs().max() > 1e-3
assert generator.config['sampler'] == 'SDEDPMSolver'
""")


def test_a_metric_of_ones_own_is_measured_and_shown(tmp_path):
    run_example('A metric', tmp_path, before="""
import torch
from lddm_aug.evaluation.clip_set import ClipSet
from lddm_aug.evaluation.synthesis import evaluate_synthesis
from lddm_aug.evaluation.synthesis_report import print_table
from lddm_aug.generators import RepeatStill

def clips(kind):
    pixels = torch.randint(256, (4, 1, 8, 16, 16), dtype=torch.uint8)
    return ClipSet(pixels, [f'{kind}{i}' for i in range(4)], ['benign'] * 4)

generator, real, training = RepeatStill(16, num_frames=8), clips('q'), clips('p')
""", after="""
first, last = (real.clips[:, :, t].double() for t in (0, -1))
assert abs(results['last_frame'] - float((first - last).abs().mean())) < 1e-3
assert 'last frame, grey levels' in print_table(results)
""")


def test_a_generator_of_ones_own_becomes_a_package_and_can_stand_in_table_1(tmp_path):
    run_example('A generator', tmp_path, before="""
import sys
from pathlib import Path
import numpy as np

Path('data').mkdir()
rows = ['path,label,group,split']
for i, split in enumerate(['train', 'test'] * 2):
    np.save(f'data/{i}.npy', np.random.default_rng(i).integers(256, size=(17, 64, 64), dtype='u1'))
    rows.append(f'{i}.npy,{("benign", "malignant")[i // 2]},p{i},{split}')
Path('data/videos.csv').write_text('\\n'.join(rows))

sys.argv = 'lddm-aug train-generator lddm/shake.py --data data --work-dir work'.split()
from lddm_aug_command import main
main()
""", after="""
import torch
from lddm_aug.experiments.table1.table1 import Table1
from lddm_aug.generators import load_package

generator, stills = load_package('work/package'), torch.rand(2, 1, 64, 64)
clips = generator(stills, [1, 2])
assert torch.equal(clips[:, :, 0], stills)
assert clips.std(dim=2).max() > 0.1
assert generator.config == dict(type='Shake', size=64, pixels=2, channels=1, num_frames=16,
                                frame_stride=3)
table = Table1(data='data', work_dir=Path('w'), out=Path('o.json'),
               generators=['lddm', 'lddm/shake.py'])
assert table.names == ['lddm', 'shake'] and table.stages('shake')[''].generator.type == 'Shake'
""")
