"""The wheel, in an environment without this checkout: configs, tools and the command are there."""
from __future__ import annotations

import email
import email.message
import filecmp
import re
import tarfile
import zipfile
from pathlib import Path

import pytest
from readme_renderer import markdown

import lddm_aug
from lddm_aug.configs import config_names, config_root, find_config
from lddm_aug.engine.config_stages import stage_configs
from lddm_aug.extras import MODULES
from lddm_aug.store.manifest import read_manifest

ROOT = Path(__file__).parents[1]
SHORT = ['--cfg-options', 'train_cfg.max_iters=2', 'train_cfg.val_interval=2',
         'default_hooks.logger.interval=1']
FEW = ['--train', '4', '--test', '4', '--stills', '4', '--frames', '50']


@pytest.fixture(scope='module')
def folder(installed, tmp_path_factory) -> Path:
    """An empty folder in which the phantom was made, and a store of its stills."""
    folder = tmp_path_factory.mktemp('empty')
    for arguments in (
            ['prepare', 'phantom', *FEW], ['train-generator', 'lddm/phantom_repeat_still'],
            ['synthesize', 'work_dirs/lddm/phantom_repeat_still/package',
             '--stills', 'data/phantom/stills.csv', '--out', 'work_dirs/synthetic/phantom_lddm']):
        done = installed(folder, 'lddm-aug', *arguments)
        assert done.returncode == 0, done.stderr[-4000:]
    assert len(read_manifest(folder / 'work_dirs/synthetic/phantom_lddm').rows) == 4
    return folder


def test_the_package_is_the_wheels_and_holds_configs_and_tools_as_mim_wants_them(
        installed, environment, tmp_path):
    done = installed(tmp_path, 'python', '-c', 'import lddm_aug; print(lddm_aug.__file__)')
    package = Path(done.stdout.strip()).parent
    assert package.is_relative_to(environment.parent)
    for ours, theirs in (('mmaction_configs', 'configs'), ('tools', 'tools')):
        names = [str(path.relative_to(ROOT / ours)) for path in (ROOT / ours).rglob('*.py')]
        there = package / '.mim' / theirs
        assert names and {*names} == {str(path.relative_to(there)) for path in there.rglob('*.py')}
        assert filecmp.cmpfiles(ROOT / ours, there, names, shallow=False)[0] == names
    assert (package / 'py.typed').is_file()


def test_every_file_of_the_package_is_in_the_wheel_and_nothing_else(wheel):
    named = zipfile.ZipFile(wheel).namelist()
    ours = {path.relative_to(ROOT).as_posix() for path in (ROOT / 'lddm_aug').rglob('*')
            if path.is_file() and '__pycache__' not in path.parts}
    assert ours == {name for name in named if name.startswith('lddm_aug/') and '.mim' not in name}
    assert not [name for name in named if name.startswith(('tests', 'docs', 'build'))]


def test_the_version_and_the_configs_are_found_from_any_folder(installed, tmp_path):
    assert installed(tmp_path, 'lddm-aug', '--version').stdout == (
        f'lddm-aug {lddm_aug.__version__}\n')
    listed = installed(tmp_path, 'lddm-aug', 'configs', 'list').stdout
    assert [line.split()[0] for line in listed.splitlines()] == config_names()


def test_a_recognizer_is_trained_by_its_configs_name(installed, folder):
    done = installed(folder, 'lddm-aug', 'train', 'tsm_phantom_lddm_mix', *SHORT)
    assert done.returncode == 0, done.stderr[-4000:]
    assert 'video/f1_macro' in done.stdout + done.stderr
    assert (folder / 'work_dirs/tsm_phantom_lddm_mix/iter_2.pth').is_file()


def test_mim_trains_it(installed, folder):
    done = installed(folder, 'python', '-m', 'mim', 'train', 'lddm_aug', 'tsm_phantom_real.py',
                     *SHORT)
    assert done.returncode == 0, done.stderr[-4000:]
    assert (folder / 'work_dirs/tsm_phantom_real/iter_2.pth').is_file()


def test_a_copied_config_inherits_from_the_wheel(installed, tmp_path):
    assert installed(tmp_path, 'lddm-aug', 'configs', 'copy', 'tsm_busv_real').returncode == 0
    assert 'lddm_aug::' in (tmp_path / 'tsm_busv_real.py').read_text()
    shown = installed(tmp_path, 'lddm-aug', 'configs', 'show', 'tsm_busv_real.py').stdout
    ours = stage_configs(find_config('tsm_busv_real'))[''].pretty_text
    assert shown == f'# tsm_busv_real\n{ours}\n'


@pytest.fixture(scope='module')
def metadata(wheel) -> email.message.Message:
    [name] = [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith('/METADATA')]
    return email.message_from_bytes(zipfile.ZipFile(wheel).read(name))


def test_the_readme_renders_on_an_index_and_links_to_no_file_of_a_clone(metadata):
    page = markdown.render(metadata.get_payload())
    assert page and '<h1' in page
    links = re.findall(r'(?:href|src)="([^"]*)"', page)
    assert links and all(link.startswith(('https://', '#')) for link in links)


def test_every_extra_is_known_with_all_that_it_installs(metadata):
    of_extra: dict[str, list[str]] = {name: [] for name in metadata.get_all('Provides-Extra')}
    for line in metadata.get_all('Requires-Dist'):
        if named := re.search(r'extra == "(.+)"', line):
            of_extra[named[1]].append(line)
    assert {name: len(of_extra.pop(name)) for name in MODULES} == {
        name: len(modules) for name, modules in MODULES.items()}
    assert {*of_extra} == {'all', 'dev', 'docs', 'lite'}


def test_the_sdist_holds_what_the_wheel_is_built_of(wheel):
    [sdist] = wheel.parent.glob('*.tar.gz')
    with tarfile.open(sdist) as archive:
        names = {name.partition('/')[2] for name in archive.getnames()}
    configs = {path.relative_to(ROOT).as_posix() for path in config_root().rglob('*.py')}
    assert configs | {'setup.py', 'pyproject.toml', 'README.md', 'LICENSE'} <= names
