from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import nn

from lddm_aug.files import sha256_of
from lddm_aug.generators import package, package_check
from lddm_aug.generators.base import Generator
from lddm_aug.generators.package import load_package, read_card, save_package
from lddm_aug.generators.repeat_still import RepeatStill


@pytest.fixture
def folder(tmp_path: Path, tiny_lddm: Generator) -> Path:
    save_package(tmp_path / 'package', tiny_lddm, ['p2', 'p1', 'p2'], 'seed = 0')
    return tmp_path / 'package'


def rewrite(folder: Path, **changes: object) -> None:
    """Change package.json as somebody would who knows how its sha256 is made."""
    card = json.loads((folder / 'package.json').read_text())
    card |= changes
    del card['sha256']
    card['sha256'] = hashlib.sha256(json.dumps(card, sort_keys=True).encode()).hexdigest()
    (folder / 'package.json').write_text(json.dumps(card))


def test_a_loaded_generator_makes_the_clips_of_the_saved_one(folder, tiny_lddm):
    loaded = load_package(folder)
    stills = torch.rand(2, 1, 16, 16) * 2 - 1
    assert torch.equal(loaded(stills, [3, 4]), tiny_lddm(stills, [3, 4]))
    assert not loaded.training
    assert not any(weight.requires_grad for weight in loaded.parameters())


def test_groups_and_fingerprint_are_the_same_after_saving_and_after_loading(folder, tiny_lddm):
    loaded = load_package(folder)
    assert loaded.groups == tiny_lddm.groups == ('p1', 'p2')
    assert loaded.package_sha256 == tiny_lddm.package_sha256
    assert len(loaded.package_sha256) == 64


def test_it_is_json_safetensors_and_a_model_card_and_nothing_else(folder):
    assert sorted(file.name for file in folder.iterdir()) == [
        'README.md', 'groups.json', 'package.json', 'weights.safetensors']
    card = json.loads((folder / 'package.json').read_text())
    assert card['config_text'] == 'seed = 0'
    assert set(card['versions']) == {'lddm_aug', 'torch', 'diffusers', 'zuko'}
    with safe_open(folder / 'weights.safetensors', 'pt') as weights:
        assert 'diffusion.autoencoder.latent_std' in weights.keys()  # noqa: SIM118  not a dict


def test_its_sha256_stands_for_the_weights(tmp_path, tiny_lddm):
    first = save_package(tmp_path / 'a', tiny_lddm, [])
    assert save_package(tmp_path / 'b', tiny_lddm, []) == first
    next(tiny_lddm.parameters()).data.view(-1)[0] += 1
    assert save_package(tmp_path / 'c', tiny_lddm, []) != first


def test_only_groups_json_names_a_group(tiny_lddm, tmp_path):
    save_package(tmp_path / 'package', tiny_lddm, ['Ada Lovelace'])
    assert [file.name for file in (tmp_path / 'package').iterdir()
            if b'Lovelace' in file.read_bytes()] == ['groups.json']


def test_without_the_names_of_the_groups_it_loads_with_their_number_and_a_warning(
        folder, monkeypatch):
    warned: list[str] = []
    monkeypatch.setattr(package, 'print_log', lambda text, **_: warned.append(text))
    with_names = load_package(folder)
    assert with_names.names_all_groups and not warned
    (folder / 'groups.json').unlink()
    loaded = load_package(folder)
    assert (loaded.groups, loaded.num_groups, loaded.names_all_groups) == ((), 2, False)
    assert loaded.package_sha256 == with_names.package_sha256
    assert len(warned) == 1 and 'names 0 of the 2 groups' in warned[0]


def test_a_control_is_a_package_without_weights(tmp_path):
    save_package(tmp_path / 'package', RepeatStill(size=8, num_frames=5), [])
    assert {file.name for file in (tmp_path / 'package').iterdir()} == {'package.json', 'README.md'}
    loaded = load_package(tmp_path / 'package')
    assert isinstance(loaded, RepeatStill)
    assert (loaded.num_frames, loaded.groups) == (5, ())


def test_saving_again_replaces_the_older_package(folder):
    sha256 = save_package(folder, RepeatStill(size=8), ['p9'])
    assert load_package(folder).package_sha256 == sha256
    assert not (folder / 'weights.safetensors').exists()
    assert [path.name for path in folder.parent.iterdir()] == ['package']


def test_a_full_disk_leaves_the_older_package_and_nothing_else(folder, tiny_lddm, monkeypatch):
    before = sha256_of(folder)

    def full(*_):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(package, 'save', full)
    with pytest.raises(OSError, match='No space left'):
        save_package(folder, tiny_lddm, ['p3'])
    assert sha256_of(folder) == before
    assert [path.name for path in folder.parent.iterdir()] == ['package']


def test_a_folder_that_cannot_be_renamed_leaves_the_older_package(folder, tiny_lddm, monkeypatch):
    before, replace = sha256_of(folder), os.replace

    def stuck(source, target):
        if Path(source).name.endswith('.tmp') and Path(target).name == folder.name:
            raise OSError(5, 'Input/output error')
        replace(source, target)

    monkeypatch.setattr(os, 'replace', stuck)
    with pytest.raises(OSError, match='Input/output error'):
        save_package(folder, tiny_lddm, ['p3'])
    assert sha256_of(folder) == before
    assert [path.name for path in folder.parent.iterdir()] == ['package']


def test_a_link_beside_a_package_is_not_written_through(tmp_path):
    (tmp_path / 'elsewhere').mkdir()
    (tmp_path / '.package.tmp').symlink_to(tmp_path / 'elsewhere')
    save_package(tmp_path / 'package', RepeatStill(size=8), [])
    assert load_package(tmp_path / 'package')
    assert not list((tmp_path / 'elsewhere').iterdir())


def test_saving_never_replaces_what_is_no_package(tmp_path):
    (tmp_path / 'thesis.tex').touch()
    with pytest.raises(ValueError, match='is no generator package; name a new folder'):
        save_package(tmp_path, RepeatStill(size=8), [])
    assert (tmp_path / 'thesis.tex').exists()


def missing_folder(folder):
    folder.rename(folder.with_name('moved'))


def missing_card(folder):
    (folder / 'package.json').unlink()


def broken_card(folder):
    (folder / 'package.json').write_bytes((folder / 'package.json').read_bytes()[:50])


def other_version(folder):
    rewrite(folder, format_version=99)


def no_card_at_all(folder):
    (folder / 'package.json').write_text('[]')


def edited_card(folder):
    path = folder / 'package.json'
    path.write_text(path.read_text().replace('"seed = 0"', '"seed = 1"'))


def groups_of_another_package(folder):
    (folder / 'groups.json').write_text(json.dumps(dict(package_sha256='0', groups=['p7'])))


def broken_groups(folder):
    (folder / 'groups.json').write_text('["p1"]')


def missing_weights(folder):
    (folder / 'weights.safetensors').unlink()


def truncated_weights(folder):
    path = folder / 'weights.safetensors'
    path.write_bytes(path.read_bytes()[:-1])


def weights_that_are_no_safetensors(folder):
    (folder / 'weights.safetensors').write_bytes(b'PK')
    rewrite(folder, weights_sha256=hashlib.sha256(b'PK').hexdigest())


def weights_of_another_generator(folder):
    rewrite(folder, generator={'type': 'RepeatStill', 'size': 8})


def unknown_generator(folder):
    rewrite(folder, generator={'type': 'FutureGenerator'})


def unknown_argument(folder):
    rewrite(folder, generator={'type': 'RepeatStill', 'size': 8, 'speed': 2}, weights_sha256=None)


def no_generator(folder):
    rewrite(folder, generator={'type': 'TSMHead', 'num_classes': 2, 'in_channels': 4},
            weights_sha256=None)


def no_generator_of_ours(folder):
    card = json.loads((folder / 'package.json').read_text())
    rewrite(folder, generator=card['generator']['diffusion']['autoencoder'])


@pytest.mark.parametrize('damage, error, message', [
    (missing_folder, FileNotFoundError, 'there is no generator package at .*package; train one'),
    (missing_card, FileNotFoundError, r'package\.json is missing'),
    (broken_card, ValueError, r'package\.json is not JSON'),
    (other_version, ValueError, r'package\.json was made by another version of lddm_aug '
                                r'\(format 99, but this one reads 2\)'),
    (no_card_at_all, ValueError, 'another version of lddm_aug'),
    (edited_card, ValueError, r'package\.json was changed after it was written'),
    (groups_of_another_package, ValueError, r'groups\.json names the groups of another package'),
    (broken_groups, ValueError, r'groups\.json must hold an object'),
    (missing_weights, FileNotFoundError, r'weights\.safetensors is missing'),
    (truncated_weights, ValueError, r'weights\.safetensors is damaged'),
    (weights_that_are_no_safetensors, ValueError, r'weights\.safetensors is damaged'),
    (weights_of_another_generator, ValueError, 'are not those of RepeatStill'),
    (unknown_generator, ValueError, r'cannot build the FutureGenerator in .*package\.json'),
    (unknown_argument, ValueError, r"cannot build the RepeatStill in .*'speed'"),
    (no_generator, ValueError, 'registered parts of lddm_aug only, but names TSMHead'),
    (no_generator_of_ours, ValueError, 'describes a VideoAutoencoder, which is no generator'),
], ids=lambda value: getattr(value, '__name__', ''))
def test_a_damaged_package_is_refused_in_one_sentence(folder, damage, error, message):
    damage(folder)
    with pytest.raises(error, match=message) as refused:
        load_package(folder)
    assert str(folder) in str(refused.value)
    assert '\n' not in str(refused.value)


@pytest.mark.parametrize('config', [
    {'type': 'os.mkdir', 'path': 'broken_in'},
    {'type': 'RepeatStill', 'size': 8, 'extra': [{'type': 'os.mkdir', 'path': 'broken_in'}]}])
def test_a_package_runs_nothing_but_registered_parts(folder, config, monkeypatch):
    monkeypatch.chdir(folder)
    rewrite(folder, generator=config, weights_sha256=None)
    with pytest.raises(ValueError, match=r'names os\.mkdir; do not use this package'):
        load_package(folder)
    assert not (folder / 'broken_in').exists()


def changed(folder: Path, place: str, value: object) -> None:
    """Give a value of the generator's config, by dotted key, and the right sha256."""
    config = json.loads((folder / 'package.json').read_text())['generator']
    *above, last = place.split('.')
    part = config
    for name in above:
        part = part[name]
    part[last] = value
    rewrite(folder, generator=config)


@pytest.mark.parametrize('place, value', [
    ('diffusion._scope_', 'evilpkg'), ('type', 'evilmod'), ('type', ['evilmod']),
    ('diffusion.type', 'evilmod'), ('diffusion.autoencoder.type', 'evilmod'),
    ('extra', [[{'type': 'evilmod.run'}]]), ('diffusion.type', 'mmengine::evilmod')])
def test_a_package_imports_no_module(folder, place, value, monkeypatch):
    (folder / 'evilmod.py').write_text('open("broken_in", "w")')
    (folder / 'evilpkg').mkdir()
    (folder / 'evilpkg/__init__.py').write_text('open("broken_in", "w")')
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    changed(folder, place, value)
    with pytest.raises(ValueError, match=r'package\.json'):
        load_package(folder)
    assert not (folder / 'broken_in').exists()


@pytest.mark.parametrize('place, value', [
    ('diffusion.init_cfg', {'type': 'Pretrained', 'checkpoint': 'a.pth'}),
    ('diffusion.autoencoder.perceptual', {'vgg': 'vgg.pth'}), ('pretrained', 'a.pth'),
    ('diffusion.still_network', '../a.pth')])
def test_a_package_names_no_file(folder, place, value):
    changed(folder, place, value)
    with pytest.raises(ValueError, match=r'package\.json (sets|names a file)'):
        load_package(folder)


def test_published_weights_that_a_training_began_with_may_be_named(tmp_path):
    config = {'type': 'CINNGenerator', 'pretrained': 'torchvision://resnet50', 'size': 64}
    package_check.require_harmless(config, 0, 'package.json')


LARGE = [
    ('diffusion.denoiser.width', 8192), ('diffusion.denoiser.depth', 10 ** 5),
    ('diffusion.denoiser.depth', 60_000), ('diffusion.denoiser.still_widths', [8] * 10 ** 5),
    ('diffusion.autoencoder.encoder.width', 8192), ('num_frames', 10 ** 6), ('size', 50_000),
    ('diffusion.autoencoder.grain', {'num_frames': 10 ** 4, 'size': 10 ** 4}),
    ('diffusion.autoencoder.latent_channels', 10 ** 30), ('temperature', float('nan')),
    ('bank_shape', [10 ** 4] * 3), ('bank_shape', {}), ('num_frames', 'many'), ('size', -8)]


def test_a_package_that_takes_much_memory_is_refused_before_it_does(folder, tmp_path):
    for number, (place, value) in enumerate(LARGE):
        copy = shutil.copytree(folder, tmp_path / f'{number}')
        changed(copy, place, value)
    code = f"""if True:
        import resource, lddm_aug
        from lddm_aug.generators.package import load_package
        load_package({str(folder)!r})
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for number in range({len(LARGE)}):
            try:
                load_package(f'{tmp_path}/{{number}}')
            except ValueError as error:
                assert 'package.json' in str(error), error
            else:
                raise AssertionError(number)
            now = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            assert now - used < 200_000, (number, now - used)"""
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True,
                          timeout=300)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize('key', ['generator', 'clip', 'conditions', 'sampler', 'num_groups',
                                 'versions', 'config_text', 'stages', 'parent', 'weights_sha256'])
def test_every_key_of_a_package_is_needed_in_its_type(folder, key):
    card = json.loads((folder / 'package.json').read_text())
    rewrite(folder, **{key: 1.5})
    with pytest.raises(ValueError, match=rf'package\.json must hold .* at {key}'):
        read_card(folder)
    del card[key], card['sha256']
    card['sha256'] = hashlib.sha256(json.dumps(card, sort_keys=True).encode()).hexdigest()
    (folder / 'package.json').write_text(json.dumps(card))
    with pytest.raises(ValueError, match=rf'package\.json lacks {key}'):
        read_card(folder)


@pytest.mark.parametrize('device, message', [
    ('gpu', "device must be cpu, cuda or cuda:N, but got 'gpu'"),
    ('meta', 'device must be cpu, cuda or cuda:N, but got meta'),
    ('cuda:99', "device 'cuda:99' "),
    pytest.param('cuda', "device 'cuda' .*no GPU", marks=pytest.mark.skipif(
        torch.cuda.is_available(), reason='there is a GPU here'))])
def test_a_device_that_is_not_there_is_refused(folder, device, message):
    with pytest.raises(ValueError, match=message):
        load_package(folder, device)


def test_weights_that_are_views_are_saved_whole(tmp_path):
    generator = RepeatStill(size=8)
    generator.mix = nn.Parameter(torch.arange(6.).reshape(2, 3).T)
    save_package(tmp_path / 'package', generator, [])
    with safe_open(tmp_path / 'package' / 'weights.safetensors', 'pt') as weights:
        assert torch.equal(weights.get_tensor('mix'), torch.tensor([[0., 3], [1, 4], [2, 5]]))


def test_weights_of_a_training_that_diverged_are_not_packed(tiny_lddm, tmp_path):
    with torch.no_grad():
        next(tiny_lddm.parameters()).flatten()[0] = float('nan')
    with pytest.raises(ValueError, match='has diverged, 1 weights are not finite'):
        save_package(tmp_path / 'package', tiny_lddm, [])
    assert not list(tmp_path.iterdir())


def test_a_byte_flipped_anywhere_in_a_package_is_refused(tiny_lddm, tmp_path, count_in):
    """At random places of every file but the model card, which is there for people."""
    count_in('a changed bit of a package: refused by its reader', 'of {} tests failed', 'failed',
             120)
    save_package(tmp_path / 'package', tiny_lddm, ['p1', 'p2'])
    random = np.random.default_rng(0)
    for name in ('package.json', 'groups.json', 'weights.safetensors'):
        file = tmp_path / 'package' / name
        content = file.read_bytes()
        for place in random.integers(len(content), size=40):
            changed = bytearray(content)
            changed[place] ^= 1 << random.integers(8)
            file.write_bytes(changed)
            with pytest.raises(ValueError, match=name):
                load_package(tmp_path / 'package')
        file.write_bytes(content)
    assert load_package(tmp_path / 'package').groups == ('p1', 'p2')
