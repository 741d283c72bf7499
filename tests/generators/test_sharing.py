"""Packages pushed to a hub on this machine, and pulled from it."""
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from lddm_aug.datasets.transforms import SynthesizeClip
from lddm_aug.engine.training_inputs import content_of
from lddm_aug.files import sha256_of
from lddm_aug.generators import MotionTransfer, load_package, save_package
from lddm_aug.generators.hub import parse_name, resolve_package
from lddm_aug.generators.model_card import FIGURES, write_figures
from lddm_aug.generators.package import read_card
from lddm_aug.generators.sharing import pull_package, push_package


@pytest.fixture
def folder(tmp_path: Path, tiny_lddm) -> Path:
    save_package(tmp_path / 'package', tiny_lddm, ['Ada Lovelace', 'Grace Hopper'])
    return tmp_path / 'package'


def test_a_pulled_package_makes_the_clips_of_the_pushed_one(hub, folder, tmp_path):
    push_package(folder, 'ada/lungs')
    pulled, pushed = load_package(pull_package('ada/lungs', tmp_path / 'b')), load_package(folder)
    stills = torch.rand(2, 1, 16, 16) * 2 - 1
    assert torch.equal(pulled(stills, [3, 4]), pushed(stills, [3, 4]))
    assert pulled.package_sha256 == pushed.package_sha256
    assert (pulled.groups, pulled.num_groups) == ((), 2)


def test_no_name_of_a_group_and_no_path_is_pushed(hub, folder, tmp_path):
    push_package(folder, 'ada/lungs')
    files = hub.files('ada/lungs')
    assert {*files} == {'README.md', 'package.json', 'weights.safetensors'}
    for content in files.values():
        assert b'Lovelace' not in content and str(tmp_path).encode() not in content
    assert b"load_package('hf://ada/lungs')" in files['README.md']


def test_a_package_is_private_unless_it_is_said_to_be_public(hub, folder):
    push_package(folder, 'ada/lungs')
    push_package(folder, 'ada/phantom', public=True)
    assert [hub.repositories[name]['private'] for name in ('ada/lungs', 'ada/phantom')] == [
        True, False]


def test_a_repository_that_is_public_already_is_refused_unless_it_is_said_to_be(hub, folder):
    hub.create('ada/open', private=False)
    with pytest.raises(ValueError, match='ada/open is public'):
        push_package(folder, 'ada/open')
    assert not hub.files('ada/open')
    push_package(folder, 'ada/open', public=True)
    assert hub.files('ada/open')


def test_weights_that_hold_training_clips_are_never_public(hub, tmp_path):
    generator = MotionTransfer(dict(
        type='VideoAutoencoder', latent_channels=4, encoder=dict(width=8),
        decoder=dict(widths=(8, 8, 8))), size=16, num_frames=8)
    generator.fill(torch.zeros(1, 4, 2, 2, 2), torch.zeros(1, dtype=torch.long), ['benign'])
    save_package(tmp_path / 'package', generator, ['p1'])
    with pytest.raises(ValueError, match='MotionTransfer hold clips'):
        push_package(tmp_path / 'package', 'ada/lungs', public=True)
    assert not hub.repositories
    push_package(tmp_path / 'package', 'ada/lungs')
    assert b'This package holds training clips' in hub.files('ada/lungs')['README.md']


def test_a_damaged_package_is_not_pushed(hub, folder):
    (folder / 'weights.safetensors').write_bytes(b'')
    with pytest.raises(ValueError, match='is damaged'):
        push_package(folder, 'ada/lungs')
    assert not hub.repositories


def test_figures_of_the_package_before_do_not_stay(hub, folder, tiny_lddm):
    write_figures(folder, read_card(folder), 6, 3, [
        dict(figure='SSIM', value='0.8', interval='[0.7, 0.9]', remark='')])
    push_package(folder, 'ada/lungs')
    assert FIGURES in hub.files('ada/lungs') and b'SSIM' in hub.files('ada/lungs')['README.md']
    next(tiny_lddm.parameters()).data.view(-1)[0] += 1
    save_package(folder, tiny_lddm, ['p3'])
    push_package(folder, 'ada/lungs')
    assert FIGURES not in hub.files('ada/lungs')
    assert b'SSIM' not in hub.files('ada/lungs')['README.md']


def test_revisions_are_kept_apart(hub, folder, tiny_lddm, tmp_path):
    first = load_package(folder).package_sha256
    push_package(folder, 'ada/lungs', revision='v1')
    assert not hub.files('ada/lungs')
    next(tiny_lddm.parameters()).data.view(-1)[0] += 1
    second = save_package(folder, tiny_lddm, [])
    push_package(folder, 'ada/lungs')
    assert [load_package(f'hf://ada/lungs{at}').package_sha256 for at in ('', '@v1')] == [
        second, first]
    assert read_card(pull_package('ada/lungs', tmp_path / 'b', 'v1'))['sha256'] == first


def test_a_package_is_downloaded_once_and_read_without_a_network(hub, folder, monkeypatch):
    push_package(folder, 'ada/lungs')
    sha256 = load_package('hf://ada/lungs').package_sha256
    assert sha256 == load_package(folder).package_sha256
    before = len(hub.requests)
    load_package('hf://ada/lungs')
    assert not [line for line in hub.requests[before:] if '/resolve/' in line]
    hub.server.shutdown()
    hub.server.server_close()
    assert load_package('hf://ada/lungs').package_sha256 == sha256
    monkeypatch.setattr('huggingface_hub.constants.HF_HUB_OFFLINE', True)
    assert load_package('hf://ada/lungs').package_sha256 == sha256


def test_a_transform_and_a_training_record_know_it_by_its_name_on_the_hub(hub, folder):
    push_package(folder, 'ada/lungs')
    sample = dict(still=np.full((16, 16), 90, np.uint8), seed=5)
    there, here = (SynthesizeClip(package)(dict(sample)) for package in (
        'hf://ada/lungs', str(folder)))
    assert np.array_equal(there['array'], here['array'])
    assert content_of('hf://ada/lungs') == f'lungs ({read_card(folder)["sha256"][:16]})'


def test_pulling_again_brings_the_card_up_to_date_and_keeps_the_names_of_groups(hub, folder):
    push_package(folder, 'ada/lungs')
    write_figures(folder, read_card(folder), 6, 3, [
        dict(figure='SSIM', value='0.8', interval='', remark='')])
    before = load_package(folder)
    push_package(folder, 'ada/lungs')
    (folder / FIGURES).unlink()
    pull_package('ada/lungs', folder)
    assert json.loads((folder / FIGURES).read_text())['clips'] == 6
    assert load_package(folder).groups == before.groups


@pytest.mark.parametrize('content', ['another package', 'a thesis'])
def test_pulling_replaces_nothing_else(hub, folder, tiny_lddm, tmp_path, content):
    push_package(folder, 'ada/lungs')
    other = tmp_path / 'other'
    if content == 'a thesis':
        other.mkdir()
        (other / 'thesis.tex').touch()
    else:
        next(tiny_lddm.parameters()).data.view(-1)[0] += 1
        save_package(other, tiny_lddm, [])
    before = sha256_of(other)
    with pytest.raises(ValueError, match='name a new folder'):
        pull_package('ada/lungs', other)
    assert sha256_of(other) == before


def test_what_is_not_the_package_that_it_says_is_not_pulled(hub, folder, tmp_path):
    push_package(folder, 'ada/lungs')
    branches = hub.repositories['ada/lungs']['branches']
    hub.commits[branches['main']]['weights.safetensors'] += b' '
    with pytest.raises(ValueError, match=r'weights.safetensors is damaged'):
        pull_package('ada/lungs', tmp_path / 'b')
    assert not (tmp_path / 'b').exists()


def no_such_package(hub, monkeypatch):
    return 'ada/heart', ValueError, 'ada/heart: there is no such package on the Hub'


def somebody_elses(hub, monkeypatch):
    hub.create('ada/secret', private=True)
    monkeypatch.setenv('HF_TOKEN', 'hf_other')
    return 'ada/secret', ValueError, 'or it is private; check the name, and `hf auth login`'


def no_such_revision(hub, monkeypatch):
    hub.create('ada/lungs', private=True)
    return 'ada/lungs@v9', ValueError, "has no revision 'v9'"


def no_network(hub, monkeypatch):
    hub.server.shutdown()
    hub.server.server_close()
    return 'ada/lungs', ConnectionError, 'the Hub cannot be reached, and the package is not in the'


def offline(hub, monkeypatch):
    monkeypatch.setattr('huggingface_hub.constants.HF_HUB_OFFLINE', True)
    return 'ada/lungs', ConnectionError, 'the Hub cannot be reached, and the package is not in the'


def no_package(hub, monkeypatch):
    hub.create('ada/lungs', private=True)
    return 'ada/lungs', ValueError, 'ada/lungs holds no generator package'


def a_wrong_name(hub, monkeypatch):
    return 'lungs', ValueError, r"hf://user/name.*, but got 'hf://lungs'"


@pytest.mark.parametrize('trouble', [no_such_package, somebody_elses, no_such_revision, no_network,
                                     offline, no_package, a_wrong_name],
                         ids=lambda trouble: trouble.__name__)
def test_what_cannot_be_loaded_from_the_hub_is_said_in_one_message(hub, trouble, monkeypatch):
    name, error, message = trouble(hub, monkeypatch)
    with pytest.raises(error, match=message) as refused:
        load_package(f'hf://{name}')
    assert '\n' not in str(refused.value)


def without_token(hub, monkeypatch):
    monkeypatch.delenv('HF_TOKEN')
    return ValueError, 'there is no token'


def token_of_another(hub, monkeypatch):
    monkeypatch.setenv('HF_TOKEN', 'hf_other')
    return ValueError, 'the token may not do this'


def without_network(hub, monkeypatch):
    hub.server.shutdown()
    hub.server.server_close()
    return ConnectionError, 'the Hub cannot be reached'


@pytest.mark.parametrize('trouble', [without_token, token_of_another, without_network],
                         ids=lambda trouble: trouble.__name__)
def test_what_cannot_be_pushed_is_said_in_one_message(hub, folder, trouble, monkeypatch):
    error, message = trouble(hub, monkeypatch)
    with pytest.raises(error, match=message) as refused:
        push_package(folder, 'ada/lungs')
    assert '\n' not in str(refused.value)


def test_without_huggingface_hub_only_the_hub_cannot_be_used(folder, monkeypatch):
    monkeypatch.setattr('lddm_aug.extras.find_spec', lambda name: None)
    assert load_package(folder).num_groups == 2
    with pytest.raises(ImportError, match=r"huggingface_hub.*pip install 'lddm-aug\[hub\]'"):
        load_package('hf://ada/lungs')
    with pytest.raises(ImportError, match=r"pip install 'lddm-aug\[hub\]'"):
        push_package(folder, 'ada/lungs')


def test_a_folder_is_itself(tmp_path):
    assert resolve_package(tmp_path) == resolve_package(str(tmp_path)) == tmp_path
    assert parse_name('ada/lungs') == parse_name('hf://ada/lungs') == ('ada/lungs', None)
    assert parse_name('hf://ada/lungs@v1') == ('ada/lungs', 'v1')
