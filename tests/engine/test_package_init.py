"""Trainings of a few iterations on noise that begin with the weights of a package."""
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from lddm_aug.checkpoints import read_checkpoint
from lddm_aug.configs import config_root
from lddm_aug.engine.generator_training import train_generator
from lddm_aug.generators import CINNGenerator, RepeatStill, load_package, save_package

CONFIGS = config_root() / 'lddm'
SMALL = dict(encoder=dict(width=8), decoder=dict(widths=(8, 8, 8)))
SECOND = {'lddm.py': 'diffusion', 'cinn.py': 'flow', 'motion_transfer.py': 'bank'}
CLASSES = ('benign', 'malignant')


@pytest.fixture(scope='module', autouse=True)
def unformatted_configs():
    """To lay a config out prettily takes MMEngine longer than all these trainings."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('mmengine.config.config.FormatCode', lambda text, **_: (text, False))
        yield


@pytest.fixture(scope='module')
def train(tmp_path_factory):
    """train(folder, config, classes=…, options=…, …) → the package of two iterations a stage."""
    def run(folder, config='lddm.py', classes=CLASSES, conditional=False, options=None,
            **kwargs):
        folder.mkdir(exist_ok=True)
        return train_generator(CONFIGS / config, folder / 'run', options={
            **tiny(folder, SECOND[config], classes, conditional), **(options or {})}, **kwargs)
    return run


def tiny(folder, second, classes, conditional):
    """What makes the phantom's stages tiny, and their data: noise, of groups named by the folder.
    """
    rows = ['path,label,group,split']
    for i, split in enumerate(['train'] * 4 + ['test'] * 2):
        video = np.random.default_rng(i).integers(256, size=(20, 64, 64), dtype=np.uint8)
        np.save(folder / f'{i}.npy', video)
        rows.append(f'{i}.npy,{classes[i % 2]},{folder.name} {i},{split}')
    (folder / 'videos.csv').write_text('\n'.join(rows))
    clips = dict(ann_file=str(folder / 'videos.csv'), classes=classes)
    options = {'autoencoder.train_dataloader.dataset': clips, 'autoencoder.model': SMALL,
               'autoencoder.val_dataloader.dataset': clips}
    if second == 'bank':
        options |= {'bank.bank': dict(clips=clips, autoencoder=SMALL, draws=1),
                    'bank.generator.autoencoder': SMALL}
    else:
        model = dict(denoiser=dict(still_widths=(8, 8, 8), width=24, depth=1)) if (
            second == 'diffusion') else dict(still_widths=(8, 8, 8), flow=dict(blocks=2, hidden=8))
        if conditional:
            model['conditions'] = dict(label=classes)
        options |= {f'{second}.model': dict(model, autoencoder=SMALL),
                    f'{second}.train_dataloader.dataset': dict(clips=clips, autoencoder=SMALL,
                                                               draws=1),
                    f'{second}.default_hooks.preview.clips': clips}
    for stage in {'autoencoder', second} - {'bank'}:
        options |= {f'{stage}.train_cfg.max_iters': 2, f'{stage}.train_dataloader.batch_size': 2,
                    f'{stage}.default_hooks.checkpoint.interval': 1, f'{stage}.log_level': 'ERROR'}
    return options


def still(second):
    """Options by which no weight is trained further."""
    return {f'{stage}.optim_wrapper.optimizer.lr': 0.
            for stage in {'autoencoder', second} - {'bank'}}


@pytest.fixture(scope='module')
def parents(train, tmp_path_factory):
    """Packages by their config, each trained when it is first needed."""
    folder, made = tmp_path_factory.mktemp('parents'), {}

    def parent(config='lddm.py', conditional=False):
        key = f'{Path(config).stem}{conditional:d}'
        if key not in made:
            made[key] = train(folder / key, config, conditional=conditional)
        return made[key]
    return parent


def measured(name):
    """Whether it is a statistic of the data and not trained."""
    return name.endswith(('latent_mean', 'latent_std')) or '.grain.' in name or 'bank' in name


@pytest.mark.parametrize('config', SECOND)
def test_without_a_step_every_trained_weight_is_the_parents(config, parents, train, tmp_path):
    parent = load_package(parents(config))
    child = load_package(train(tmp_path / 'b', config, options=still(SECOND[config]),
                               init=parents(config)))
    for name, weight in parent.state_dict().items():
        assert measured(name) or torch.equal(child.state_dict()[name], weight), name
    # and with the parent's statistics it makes the parent's clips
    child.load_state_dict(parent.state_dict())
    stills = torch.rand(2, 1, 64, 64) * 2 - 1
    assert torch.equal(child(stills, [3, 4]), parent(stills, [3, 4]))


def test_latents_are_standardised_by_the_new_data(parents, train, tmp_path):
    parent = load_package(parents())
    child = load_package(train(tmp_path / 'b', init=parents(), options=still('diffusion') | {
        'autoencoder.train_dataloader.dataset.split': 'test',
        'autoencoder.val_dataloader.dataset.split': 'train',
        'diffusion.train_dataloader.dataset.clips.split': 'test'}))
    old, new = parent.diffusion.autoencoder, child.diffusion.autoencoder
    assert torch.equal(old.encoder.state_dict()['to_latent.weight'],
                       new.encoder.state_dict()['to_latent.weight'])
    assert not torch.equal(old.latent_mean, new.latent_mean)


def label_vectors(generator):
    return generator.diffusion.denoiser.embed_conditions['label'].vectors.weight


def test_classes_in_another_order_keep_their_meaning(parents, train, tmp_path):
    child = load_package(train(tmp_path / 'b', classes=CLASSES[::-1], conditional=True,
                               options=still('diffusion'), init=parents(conditional=True)))
    parent = load_package(parents(conditional=True))
    assert child.classes == parent.classes[::-1]
    theirs = label_vectors(parent)
    assert torch.equal(label_vectors(child), theirs[[1, 0, 2]])
    assert not torch.equal(theirs[0], theirs[1])


def test_a_class_that_the_parent_does_not_know_is_drawn_anew(parents, train, tmp_path):
    def rows(classes, **kwargs):
        package = load_package(train(tmp_path / 'b', classes=classes, conditional=True,
                                     options=still('diffusion'), **kwargs))
        return label_vectors(package)

    parent = parents(conditional=True)
    drawn, begun = rows(('cyst', 'malignant')), rows(('cyst', 'malignant'), init=parent)
    theirs = label_vectors(load_package(parent))
    assert torch.equal(begun[0], drawn[0])           # as a training from scratch draws it
    assert torch.equal(begun[1:], theirs[1:])


def test_the_new_package_says_what_it_began_with_and_counts_both_groups(parents, train, tmp_path):
    package = train(tmp_path / 'b', init=parents())
    parent, child = load_package(parents()), load_package(package)
    assert {*child.groups} == {*parent.groups} | {f'b {i}' for i in range(4)}
    written = json.loads((package / 'package.json').read_text())['parent']
    assert written['sha256'] == parent.package_sha256 != child.package_sha256
    assert written['generator'] == 'LDDMGenerator'
    assert written['begun'] == ['autoencoder', 'diffusion']
    assert written['stages'] == json.loads((parents() / 'package.json').read_text())['stages']
    assert written['num_groups'] == 4 and child.num_groups == 8


def test_what_is_shared_of_a_package_names_no_group_and_no_path(
        parents, train, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    package = train(tmp_path / 'Ada Lovelace', init=parents(), options={    # names the groups
        'autoencoder.train_dataloader.dataset.data_root': 'Ada Lovelace'})
    for file in ('package.json', 'README.md'):
        text = (package / file).read_text()
        assert 'Lovelace' not in text and 'phantom0' not in text and str(tmp_path) not in text
        assert 'videos.csv' not in text
    stages = json.loads((package / 'package.json').read_text())['stages']
    assert stages['autoencoder']['data'] == stages['diffusion']['data'] == {
        name: dict(videos=2, groups=2) for name in CLASSES}
    measured = json.loads((package.parent / 'training.json').read_text())['autoencoder']
    assert stages['autoencoder']['figures'] == {
        name: measured[name] for name in ('psnr_db', 'still_psnr_db')}


def test_groups_that_the_parent_only_counts_are_counted_as_well(parents, train, tmp_path):
    shutil.copytree(parents(), tmp_path / 'pulled')
    (tmp_path / 'pulled/groups.json').unlink()
    child = load_package(train(tmp_path / 'b', init=tmp_path / 'pulled'))
    assert child.groups == tuple(f'b {i}' for i in range(4))
    assert child.num_groups == 8 and not child.names_all_groups


def test_only_what_the_package_holds_begins_with_it(parents, train, tmp_path):
    package = train(tmp_path / 'b', 'cinn.py', options=still('flow'), init=parents())
    parent, child = load_package(parents()), load_package(package)
    assert isinstance(child, CINNGenerator)
    assert torch.equal(child.flow.autoencoder.encoder.state_dict()['to_latent.weight'],
                       parent.diffusion.autoencoder.encoder.state_dict()['to_latent.weight'])
    assert json.loads((package / 'package.json').read_text())['parent']['begun'] == ['autoencoder']


def test_held_out_clips_are_rebuilt_as_by_the_parent_before_the_first_step(
        parents, train, tmp_path):
    parent, child = (json.loads((package.parent / 'training.json').read_text())['autoencoder'] for
                     package in (parents(), train(tmp_path / 'b', init=parents())))
    assert [row['iter'] for row in child['validation']] == [0, 2]
    assert child['validation'][0]['psnr_db'] == pytest.approx(parent['psnr_db'], abs=1e-3)
    assert child['validation'][1]['psnr_db'] == child['psnr_db']


def test_a_training_is_resumed_with_the_same_package_only(parents, train, tmp_path):
    before = load_package(train(tmp_path / 'b', init=parents())).package_sha256
    written = (tmp_path / 'b/run/diffusion/iter_2.pth').stat().st_mtime_ns
    again = train(tmp_path / 'b', init=parents(), resume=True)
    assert load_package(again).package_sha256 == before
    assert (tmp_path / 'b/run/diffusion/iter_2.pth').stat().st_mtime_ns == written
    for other in (None, parents(conditional=True)):
        with pytest.raises(ValueError, match=r'^resume: .*autoencoder.model.init_cfg'):
            train(tmp_path / 'b', init=other, resume=True)
    assert read_checkpoint(tmp_path / 'b/run/diffusion/iter_2.pth')


@pytest.mark.parametrize('options, both', [
    ({'autoencoder.model.latent_channels': 8}, 'latent_channels is 8 here and 16 there'),
    ({'autoencoder.model.decoder.widths': (4, 8, 8)},
     r'decoder.widths is \[4, 8, 8\] here and \[8, 8, 8\] there'),
    ({'diffusion.model.denoiser.heads': 2}, 'denoiser.heads is 2 here and 4 there'),
    ({'diffusion.model.noise.target': 'v'}, 'noise.target is v here and flow there'),
    ({'diffusion.generator.size': 128}, 'size is 128 here and 64 there'),
    ({'diffusion.generator.num_frames': 32}, 'num_frames is 32 here and 16 there'),
])
def test_another_architecture_is_refused_with_both_before_anything_is_trained(
        options, both, parents, train, tmp_path):
    with pytest.raises(ValueError, match=f'^--init: .*{both}'):
        train(tmp_path / 'b', options=options, init=parents())
    assert not (tmp_path / 'b/run').exists()


def test_nothing_begins_with_a_package_that_was_not_trained(train, tmp_path):
    control = RepeatStill(size=64)
    save_package(tmp_path / 'control', control, groups=())
    with pytest.raises(ValueError, match=r'--init: .*RepeatStill, which was not trained'):
        train(tmp_path / 'b', init=tmp_path / 'control')


def test_a_control_begins_with_no_package(parents, tmp_path):
    with pytest.raises(ValueError, match='--init: this config trains nothing'):
        train_generator(CONFIGS / 'repeat_still.py', tmp_path / 'run', init=parents())
