import json
import math
from statistics import NormalDist

import numpy as np
import pytest
import torch
from mmaction.structures import ActionDataSample
from mmengine.evaluator import Evaluator
from mmengine.logging import MMLogger

from lddm_aug.evaluation import RecognitionMetric

CLASSES = ('benign', 'malignant')


@pytest.fixture(autouse=True)
def logger():
    """What print_log(logger='current') writes to, as inside a Runner."""
    MMLogger.get_instance('test_recognition_metric')


def video(label, scores, filename=None, group=None, origin=None):
    sample = ActionDataSample().set_gt_label(label)
    sample.set_pred_score(torch.as_tensor(scores, dtype=torch.float32))
    meta = {'filename': filename, 'group': group, 'origin': origin}
    sample.set_metainfo({key: value for key, value in meta.items() if value is not None})
    return sample


def says(predicted, num_classes=2):
    """Scores of a recognizer that is fairly sure of one class."""
    scores = torch.full((num_classes,), 0.2 / (num_classes - 1))
    scores[predicted] = 0.8
    return scores


def evaluate(samples, classes=CLASSES, **kwargs):
    """Through mmengine's Evaluator, as a Runner does it, in batches of three."""
    evaluator = Evaluator([RecognitionMetric(**kwargs)])
    evaluator.dataset_meta = {'classes': classes} if classes else {}
    for start in range(0, len(samples), 3):
        evaluator.process(data_samples=samples[start:start + 3])
    return evaluator.evaluate(len(samples))


def test_numbers_are_those_of_a_confusion_table_counted_by_hand():
    #            said benign  said malignant
    # benign          3             1
    # malignant       2             4
    samples = ([video(0, says(0))] * 3 + [video(0, says(1))] * 1
               + [video(1, says(0))] * 2 + [video(1, says(1))] * 4)
    metrics = evaluate(samples)

    f1_benign = 2 * 3 / (2 * 3 + 2 + 1)         # 2 tp / (2 tp + fp + fn)
    f1_malignant = 2 * 4 / (2 * 4 + 1 + 2)
    assert metrics == {
        'video/accuracy': pytest.approx(7 / 10),
        'video/f1_benign': pytest.approx(f1_benign),
        'video/f1_malignant': pytest.approx(f1_malignant),
        'video/f1_macro': pytest.approx((f1_benign + f1_malignant) / 2),
        'video/f1_weighted': pytest.approx((4 * f1_benign + 6 * f1_malignant) / 10),
        'video/sensitivity': pytest.approx(4 / 6),
        'video/specificity': pytest.approx(3 / 4),
        # one threshold: the trapezium under (0,0), (1/4, 4/6), (1,1)
        'video/auc': pytest.approx((4 / 6 + 3 / 4) / 2),
    }


def test_auc_is_the_share_of_pairs_in_the_right_order():
    benign, malignant = [0.1, 0.4, 0.35], [0.3, 0.4, 0.8]
    samples = [video(0, [1 - p, p]) for p in benign] + [video(1, [1 - p, p]) for p in malignant]
    pairs = [(m > b) + 0.5 * (m == b) for b in benign for m in malignant]
    assert evaluate(samples)['video/auc'] == pytest.approx(np.mean(pairs))


def test_auc_of_two_normal_distributions_is_the_closed_form():
    rng = np.random.default_rng(0)
    label = rng.permutation(2000) % 2
    logit = rng.normal(label * 1.5, 1.0)
    samples = [video(y, torch.tensor([0.0, z])) for y, z in zip(label.tolist(), logit, strict=True)]
    closed_form = NormalDist().cdf(1.5 / math.sqrt(2))
    assert evaluate(samples)['video/auc'] == pytest.approx(closed_form, abs=0.02)


def test_a_perfect_recognizer_gets_one_everywhere():
    samples = [video(y, says(y), f'{i}.npy', f'patient {i}') for i, y in enumerate([0, 1, 1, 0])]
    metrics = evaluate(samples)
    assert len(metrics) == 16
    assert set(metrics.values()) == {1.0}


def test_a_constant_recognizer_is_no_better_than_chance():
    metrics = evaluate([video(y, says(1)) for y in (0, 0, 0, 1)])
    assert metrics['video/accuracy'] == 0.25
    assert metrics['video/auc'] == 0.5
    assert (metrics['video/sensitivity'], metrics['video/specificity']) == (1.0, 0.0)
    assert metrics['video/f1_benign'] == 0.0
    assert metrics['video/f1_macro'] == pytest.approx((0 + 2 / 5) / 2)


def test_what_one_class_cannot_answer_is_nan_and_said(caplog):
    MMLogger.get_current_instance().addHandler(caplog.handler)
    metrics = evaluate([video(0, says(0)), video(0, says(0)), video(0, says(1))])
    assert math.isnan(metrics['video/auc'])
    assert math.isnan(metrics['video/sensitivity'])
    assert metrics['video/specificity'] == pytest.approx(2 / 3)
    assert metrics['video/accuracy'] == pytest.approx(2 / 3)
    assert "video/auc compares 'malignant' with the rest" in caplog.text


def test_a_class_that_neither_occurs_nor_is_predicted_has_no_place_in_the_mean():
    metrics = evaluate([video(0, says(0, 3)), video(1, says(1, 3))], classes=('a', 'b', 'c'))
    assert metrics['video/f1_macro'] == metrics['video/f1_weighted'] == 1.0
    assert math.isnan(metrics['video/f1_c'])


def test_three_classes_are_counted_by_hand_and_auc_is_one_against_the_rest():
    # rows: truth a, b, c; columns: said a, b, c
    table = [[2, 1, 0],
             [0, 1, 1],
             [1, 0, 3]]
    samples = [video(truth, says(said, 3)) for truth, row in enumerate(table)
               for said, count in enumerate(row) for _ in range(count)]
    metrics = evaluate(samples, classes=('a', 'b', 'c'), positive=2)
    f1 = [4 / 6, 2 / 4, 6 / 8]
    assert metrics['video/accuracy'] == pytest.approx(6 / 9)
    assert [metrics[f'video/f1_{name}'] for name in 'abc'] == pytest.approx(f1)
    assert metrics['video/f1_macro'] == pytest.approx(np.mean(f1))
    assert metrics['video/f1_weighted'] == pytest.approx(np.dot(f1, [3, 2, 4]) / 9)
    assert metrics['video/sensitivity'] == pytest.approx(3 / 4)
    assert metrics['video/specificity'] == pytest.approx(4 / 5)
    assert metrics['video/auc'] == pytest.approx((3 / 4 + 4 / 5) / 2)


def test_clips_of_a_video_and_videos_of_a_group_are_averaged():
    samples = [
        video(1, [0.7, 0.3], 'a.mp4', 'p1'), video(1, [0.1, 0.9], 'a.mp4', 'p1'),      # a: 0.6
        video(1, [0.55, 0.45], 'b.mp4', 'p1'),                                  # p1: 0.525
        video(1, [0.2, 0.8], 'c.mp4', 'p2'),
        video(0, [0.3, 0.7], 'd.mp4', 'p3'), video(0, [0.9, 0.1], 'e.mp4', 'p3'),      # p3: 0.4
    ]
    metrics = evaluate(samples)
    assert metrics['video/accuracy'] == pytest.approx(3 / 5)       # b and d are wrong, a is right
    assert metrics['group/accuracy'] == 1.0


def test_a_group_of_several_labels_is_left_out_of_the_groups_and_counted(caplog):
    MMLogger.get_current_instance().addHandler(caplog.handler)
    samples = [video(0, says(1), 'a', 'both'), video(1, says(1), 'b', 'both'),
               video(0, says(0), 'c', 'one'), video(1, says(1), 'd', 'other')]
    metrics = evaluate(samples)
    assert metrics['video/accuracy'] == 0.75
    assert metrics['group/accuracy'] == 1.0
    assert '1 of 3 groups hold videos of different labels' in caplog.text


def test_without_groups_there_are_no_group_numbers():
    metrics = evaluate([video(0, says(0), 'a'), video(1, says(1), 'b')])
    assert not [name for name in metrics if name.startswith('group/')]


def test_views_that_the_head_left_unaveraged_count_by_their_mean_probability():
    logits = torch.tensor([[3.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    by_hand = np.mean([1 / (1 + math.exp(3)), 1 / (1 + math.exp(-1)), 1 / (1 + math.exp(-1))])
    left_alone = evaluate([video(1, logits), video(0, [1 - by_hand - 1e-3, by_hand + 1e-3])])
    assert left_alone['video/auc'] == 0.0           # the views together score just below by_hand
    left_alone = evaluate([video(1, logits), video(0, [1 - by_hand + 1e-3, by_hand - 1e-3])])
    assert left_alone['video/auc'] == 1.0


def test_out_file_holds_one_line_a_video(tmp_path):
    out_file = tmp_path / 'made on the way' / 'scores.jsonl'
    evaluate([video(1, [0.75, 0.25], 'benign (1).npy', 'p1'), video(0, [0.5, 0.5], 'b', 'p2'),
              video(1, [0.25, 0.75], 'benign (1).npy', 'p1')], out_file=out_file)
    rows = [json.loads(line) for line in out_file.read_text().splitlines()]
    assert rows == [
        {'filename': 'benign (1).npy', 'group': 'p1', 'label': 'malignant', 'predicted': 'benign',
         'scores': {'benign': 0.5, 'malignant': 0.5}},
        {'filename': 'b', 'group': 'p2', 'label': 'benign', 'predicted': 'benign',
         'scores': {'benign': 0.5, 'malignant': 0.5}},
    ]
    assert list(out_file.parent.iterdir()) == [out_file]


def test_classes_without_names_are_called_by_their_number():
    assert 'video/f1_1' in evaluate([video(0, says(0)), video(1, says(1))], classes=None)


def test_what_cannot_be_scored_is_refused():
    with pytest.raises(ValueError, match=r'synthetic clips are for training only, but x.npy'):
        evaluate([video(0, says(0), 'x.npy', origin='synthetic')])
    with pytest.raises(ValueError, match=r'scores of x.npy are not finite'):
        evaluate([video(0, [math.nan, 0.5], 'x.npy')])
    with pytest.raises(ValueError, match=r'gives 3 scores for the 2 classes.*num_classes'):
        evaluate([video(0, says(0, 3))])
    with pytest.raises(ValueError, match=r'positive is the index of one of .* but got 2'):
        evaluate([video(0, says(0))], positive=2)
    with pytest.raises(ValueError, match=r'x.npy stands in the evaluated data with several'):
        evaluate([video(0, says(0), 'x.npy'), video(1, says(0), 'x.npy')])
    with pytest.raises(ValueError, match=r'one label, but x.npy has \[0, 1\]'):
        evaluate([video([0, 1], says(0), 'x.npy')])
