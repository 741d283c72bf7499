import pytest
import torch
from mmaction.models.heads import TSNHead
from mmaction.registry import TRANSFORMS
from mmaction.structures import ActionDataSample
from torch.testing import assert_close

import lddm_aug  # noqa: F401  registers the transform


def soften(label, origin, **arguments):
    transform = TRANSFORMS.build(dict(type='SoftenLabel', num_classes=3, **arguments))
    return transform.transform(dict(label=label, origin=origin))['label']


def test_real_labels_stay_sure_and_synthetic_ones_give_some_away():
    assert_close(soften(1, 'real'), torch.tensor([0., 1, 0]))
    assert_close(soften(2, 'synthetic', certainty=0.7), torch.tensor([0.15, 0.15, 0.7]))


def test_a_head_of_mmaction2_takes_them_as_probabilities():
    labels = [soften(0, 'real'), soften(2, 'synthetic', certainty=0.6)]
    scores = torch.tensor([[2., 0, -1], [0.5, 0.1, 0]])
    samples = [ActionDataSample().set_gt_label(label) for label in labels]
    loss = TSNHead(num_classes=3, in_channels=4).loss_by_feat(scores, samples)['loss_cls']
    by_hand = -(torch.stack(labels) * scores.log_softmax(dim=1)).sum(dim=1).mean()
    assert_close(loss, by_hand)


@pytest.mark.parametrize('certainty', [0.2, 1.1])
def test_a_certainty_below_guessing_is_refused(certainty):
    with pytest.raises(ValueError, match=f'SoftenLabel: certainty .*got {certainty} of 3'):
        soften(0, 'real', certainty=certainty)
