from __future__ import annotations

import json
from pathlib import Path

import pytest

from lddm_aug.conditions import Conditions
from lddm_aug.generators import RepeatStill, save_package
from lddm_aug.generators.model_card import model_card, write_figures, write_model_card
from lddm_aug.generators.package import read_card

STAGES = dict(
    autoencoder=dict(
        inputs={'train_dataloader.dataset.ann_file': 'a1b2', 'model.init_cfg.package': 'c3d4'},
        weights_sha256='5' * 64, iterations=400, versions=[],
        data=dict(benign=dict(videos=41, groups=17), malignant=dict(videos=43, groups=19)),
        figures=dict(psnr_db=31.257, still_psnr_db=28.111)),
    diffusion=dict(inputs={}, weights_sha256='6' * 64, iterations=900, versions=[], figures={},
                   data=dict(benign=dict(videos=41, groups=17))))
PARENT = dict(sha256='7' * 64, generator='LDDMGenerator', conditions={}, num_groups=23,
              begun=['autoencoder'], stages={}, parent=None)


@pytest.fixture
def folder(tmp_path: Path, tiny_lddm) -> Path:
    save_package(tmp_path / 'package', tiny_lddm, [f'patient {i}' for i in range(36)], 'seed = 0',
                 STAGES, dict(PARENT, source='hf://ada/phantom@v1'), unnamed_groups=23)
    return tmp_path / 'package'


def text_of(folder: Path) -> str:
    return (folder / 'README.md').read_text()


def test_the_hub_can_read_it(folder):
    card = pytest.importorskip('huggingface_hub').ModelCard.load(folder / 'README.md')
    data = card.data.to_dict()
    assert (data['license'], data['library_name']) == ('unknown', 'lddm_aug')
    assert data['pipeline_tag'] == 'image-to-video' and data['metrics'] == ['psnr']
    assert {'ultrasound', 'LDDMGenerator'} <= {*data['tags']}
    assert data['base_model'] == 'ada/phantom'       # without the revision
    assert card.text.lstrip().startswith('# LDDMGenerator for ultrasound clips of 16 × 16 pixels')


def test_it_counts_the_groups_and_names_none(folder):
    text = text_of(folder)
    assert 'patient 0' not in text and 'Groups in all: 59' in text
    assert '| autoencoder | benign | 41 | 17 |' in text
    assert '| autoencoder | malignant | 43 | 19 |' in text


def test_it_says_what_was_measured_and_where_all_came_from(folder):
    text = text_of(folder)
    assert '| autoencoder | 31.26 | 28.11 |' in text
    assert '5' * 64 in text and '6' * 64 in text and '7' * 64 in text and '`a1b2`' in text
    assert read_card(folder)['sha256'] in text
    write_figures(folder, read_card(folder), 12, 5, [
        dict(figure='FD', value='3.1', interval='[2, 4]', remark='a | b', better='lower')])
    text = text_of(folder)
    assert 'beside 12 real clips of 5 held-out groups' in text
    assert r'| FD | 3.1 | [2, 4] | a \| b |' in text


def test_every_table_has_as_many_cells_in_every_row(folder):
    lines = text_of(folder).splitlines()
    for row, before in zip(lines[1:], lines, strict=False):
        if row.startswith('|') and before.startswith('|'):
            assert row.count('|') == before.count('|'), row


def test_figures_leave_the_package_the_same(folder):
    before = read_card(folder)['sha256']
    write_figures(folder, read_card(folder), 12, 5, [])
    assert read_card(folder)['sha256'] == before


def test_figures_of_another_package_are_refused(folder):
    write_figures(folder, read_card(folder), 12, 5, [])
    figures = json.loads((folder / 'evaluation.json').read_text())
    (folder / 'evaluation.json').write_text(json.dumps(figures | dict(package_sha256='0')))
    with pytest.raises(ValueError, match=r'evaluation.json is of another package'):
        write_model_card(folder, read_card(folder))


def test_a_licence_stays_and_so_does_what_somebody_added(folder):
    write_model_card(folder, read_card(folder), 'cc-by-nc-4.0')
    with (folder / 'README.md').open('a') as file:
        file.write('Recorded by the ultrasound unit.\n')
    write_model_card(folder, read_card(folder))
    text = text_of(folder)
    assert text.startswith('---\nlicense: cc-by-nc-4.0\n')
    assert text.endswith('Recorded by the ultrasound unit.\n')
    assert 'No licence was chosen' not in text


def test_what_is_no_model_card_is_not_replaced(folder):
    (folder / 'README.md').write_text('Notes for the thesis')
    with pytest.raises(ValueError, match=r'README.md is no model card'):
        write_model_card(folder, read_card(folder))
    assert text_of(folder) == 'Notes for the thesis'


def test_the_card_of_a_control_speaks_of_no_patients(tmp_path):
    save_package(tmp_path / 'package', RepeatStill(size=8), [])
    text = text_of(tmp_path / 'package')
    assert 'It is a control' in text and 'memorise' not in text and 'groups.json' not in text


def test_it_shows_how_to_load_the_package_where_it_is(folder):
    text = model_card(folder, read_card(folder), 'hf://ada/lungs')
    [code] = [part for part in text.split('```') if part.startswith('python')]
    stills = 'import torch\nstills = torch.zeros(2, 1, 16, 16)'
    code = code.removeprefix('python').replace('hf://ada/lungs', str(folder))
    names: dict[str, object] = {}
    exec(stills + code, names)                       # three lines, as they stand there
    assert names['clips'].shape == (2, 1, 8, 16, 16)


def test_markup_in_a_label_is_shown_and_not_obeyed(tmp_path, tiny_conditional_lddm):
    tiny_conditional_lddm.conditions = Conditions('test', dict(label=['<script>', 'a|b']))
    counts = {label: dict(videos=1, groups=1) for label in tiny_conditional_lddm.classes}
    save_package(tmp_path / 'package', tiny_conditional_lddm, ['p'],
                 stages=dict(a=dict(data=counts)))
    text = (tmp_path / 'package/README.md').read_text()
    assert '<script>' not in text and '| a | a\\|b | 1 | 1 |' in text
