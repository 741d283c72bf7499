import numpy as np
import pytest
import torch
from mmaction.registry import DATASETS, MODELS
from mmengine.config import Config

from lddm_aug.evaluation.clip_set import read_split
from lddm_aug.evaluation.recognizer_features import RecognizerFeatures
from lddm_aug.files import sha256_of
from lddm_aug.generators.repeat_still import RepeatStill


def test_features_of_a_videos_clip_are_those_that_the_recognizer_pools(recognizer, videos):
    clips = read_split(videos, 'test', RepeatStill(16, num_frames=8)).clips      # the middles
    features = RecognizerFeatures(recognizer.config, recognizer.checkpoint)(clips)

    config = Config.fromfile(recognizer.config)
    network = MODELS.build(config.model)
    network.load_state_dict(torch.load(recognizer.checkpoint, weights_only=True)['state_dict'])
    dataset = DATASETS.build(config.test_dataloader.dataset)
    inputs = torch.stack([dataset[i]['inputs'][0] for i in range(len(dataset))]).float()
    with torch.no_grad():                            # the config's mean and standard deviation
        pooled = network.eval().backbone((inputs - 127.5) / 64).mean(dim=(2, 3, 4))
    assert features.dtype == np.float64 and features.shape == (8, 64)
    assert features == pytest.approx(pooled.numpy(), rel=1e-4, abs=1e-5)


def test_the_distance_is_named_after_the_config_and_never_fvd(recognizer):
    features = RecognizerFeatures(recognizer.config, recognizer.checkpoint)
    assert features.name == 'FD-r3d_small'
    assert features.provenance['sha256'] == sha256_of(recognizer.checkpoint)


def test_clips_shorter_than_what_it_looks_at_are_refused(recognizer):
    features = RecognizerFeatures(recognizer.config, recognizer.checkpoint)
    with pytest.raises(ValueError, match=r'r3d_small.py looks at 8 frames, but the '
                                         r"generator's clips have T = 6; name the config"):
        features(torch.zeros(1, 1, 6, 16, 16, dtype=torch.uint8))


def test_what_does_not_belong_together_is_refused(recognizer, tmp_path):
    torch.save(dict(state_dict=dict(weight=torch.zeros(1))), tmp_path / 'other.pth')
    with pytest.raises(ValueError, match=r'other.pth is not a checkpoint of .*r3d_small.py'):
        RecognizerFeatures(recognizer.config, tmp_path / 'other.pth')
    (tmp_path / 'empty.py').write_text('model = dict()')
    with pytest.raises(ValueError, match=r'has no test_dataloader.*config of a recognizer'):
        RecognizerFeatures(tmp_path / 'empty.py', recognizer.checkpoint)
    (tmp_path / 'data.py').write_text(
        "test_dataloader = dict(dataset=dict(pipeline=[dict(type='ReadVideo')]))")
    with pytest.raises(ValueError, match=r'data.py has no model; name the config of a recognizer'):
        RecognizerFeatures(tmp_path / 'data.py', recognizer.checkpoint)
    torch.save(dict(weight=torch.zeros(1)), tmp_path / 'bare.pth')
    with pytest.raises(ValueError, match='checkpoint from lddm-aug train'):
        RecognizerFeatures(recognizer.config, tmp_path / 'bare.pth')
    with pytest.raises(FileNotFoundError, match='absent'):
        RecognizerFeatures(recognizer.config, tmp_path / 'absent.pth')
