import json
import math
import xml.etree.ElementTree as ET

import pytest

from lddm_aug.visualization.loss_curves import POINTS, draw_losses, read_losses


def log(folder, values):
    (folder / 'vis_data').mkdir(parents=True)
    (folder / 'vis_data/scalars.json').write_text(
        ''.join(json.dumps(each) + '\n' for each in values))


def test_a_resumed_training_is_one_curve_and_the_later_log_counts(tmp_path):
    log(tmp_path / '20260101_000000', [dict(iter=n, loss=9., loss_l1=9.) for n in (10, 20, 30)])
    log(tmp_path / '20260101_010000', [dict(iter=n, loss=1., loss_l1=2., lr=0.1)
                                       for n in (20, 30, 40)] + [dict(psnr=3., step=40)])
    assert read_losses(tmp_path) == dict(iter=[10, 20, 30, 40], loss=[9., 1., 1., 1.],
                                         loss_l1=[9., 2., 2., 2.])


def test_small_losses_keep_five_digits(tmp_path):
    log(tmp_path / 'a', [dict(iter=1, loss=2., loss_kl=7.123456e-5)])
    assert read_losses(tmp_path)['loss_kl'] == [7.1235e-5]


def test_a_loss_that_begins_later_has_no_number_before(tmp_path):
    log(tmp_path / 'a', [dict(iter=1, loss=1.), dict(iter=2, loss=1., loss_l1=0.5)])
    before, after = read_losses(tmp_path)['loss_l1']
    assert math.isnan(before) and after == 0.5


@pytest.mark.parametrize('count', [0, POINTS, POINTS + 1, 10 * POINTS])
def test_a_long_curve_keeps_at_most_so_many_points(tmp_path, count):
    log(tmp_path / 'a', [dict(iter=n, loss=1.) for n in range(count)])
    kept = read_losses(tmp_path)['iter']
    assert len(kept) <= POINTS and len(kept) >= min(count, POINTS / 2)


def test_every_stage_of_every_seed_is_drawn():
    def row(seed):
        return dict(generator='cinn_paper', seed=seed, losses=dict(
            autoencoder=dict(iter=[1, 2], loss=[3., 2.], loss_l1=[2., 1.], loss_kl=[1., 1.]),
            flow=dict(iter=[1, 2], loss=[1., 0.], loss_nll=[1., 0.])))

    drawn = draw_losses([row(0), row(1), dict(generator='lddm', seed=0)])
    text = ''.join(ET.fromstring(drawn).itertext()) + drawn.decode()
    for name in ('l1', 'kl', 'nll', 'seed 1'):
        assert name in text
    assert drawn == draw_losses([row(0), row(1)])


def test_rows_without_losses_are_not_drawn():
    assert draw_losses([dict(generator='lddm', seed=0)]) is None
