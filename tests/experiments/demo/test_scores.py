import json

from lddm_aug.experiments.demo.scores import compare, read_curves, read_scores


def test_the_paired_test_is_mcnemars_exact_one():
    ours = dict(zip('abcdefghij', [True] * 8 + [False] * 2, strict=True))
    other = dict(zip('abcdefghij', [False] * 6 + [True] * 4, strict=True))
    # 6 gained, 2 lost: 2 · (1 + 8 + 28) / 2⁸
    assert compare(ours, other) == {'gained': 6, 'lost': 2, 'p': round(2 * 37 / 256, 4)}


def test_recognizers_that_agree_cannot_be_told_apart():
    same = {'a': True, 'b': False}
    assert compare(same, same) == {'gained': 0, 'lost': 0, 'p': 1.0}


def test_scores_come_from_the_written_predictions(tmp_path):
    said = ['a', 'b', 'b', 'b', 'a']
    truth = ['a', 'a', 'b', 'b', 'b']
    lines = [json.dumps({'filename': str(n), 'label': label, 'predicted': predicted})
             for n, (label, predicted) in enumerate(zip(truth, said, strict=True))]
    (tmp_path / 'p.jsonl').write_text('\n'.join(lines))
    scores = {f'video/{name}': 0.6 for name in ('accuracy', 'f1_macro', 'f1_weighted', 'auc',
                                                'sensitivity', 'specificity')}
    row = read_scores(scores, tmp_path / 'p.jsonl', ('a', 'b'))
    assert row['confusion'] == [[1, 1], [1, 2]]
    assert row['n_test'] == 5
    assert row['correct'] == {'0': True, '1': False, '2': True, '3': True, '4': False}


def test_loss_curves_are_read_per_stage(tmp_path):
    log = tmp_path / 'autoencoder' / '20240101' / 'vis_data' / 'scalars.json'
    log.parent.mkdir(parents=True)
    log.write_text('{"loss": 2.0, "step": 10}\n{"psnr_db": 30, "step": 0}\n'
                   '{"loss": 1.0, "step": 20}\n')
    assert read_curves(tmp_path) == {'autoencoder': [(10, 2.0), (20, 1.0)]}
