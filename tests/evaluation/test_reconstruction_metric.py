import cv2
import pytest
import torch

from lddm_aug.evaluation.reconstruction_metric import ReconstructionMetric, psnr_db
from lddm_aug.functional.pixels import to_unit


def test_psnr_is_that_of_opencv_on_8_bits():
    guess, truth = torch.randint(256, (2, 40, 40), dtype=torch.uint8)
    assert psnr_db(to_unit(guess), to_unit(truth)) == pytest.approx(
        cv2.PSNR(guess.numpy(), truth.numpy()), abs=1e-4)


def test_the_given_frame_does_not_count_and_the_still_is_the_opponent():
    clip = torch.zeros(1, 4, 8, 8)
    clip[:, 1:] = 0.5                                     # the still is off by 0.5 ever after
    reconstruction = clip + 0.1
    reconstruction[:, 0] = 1.
    metric = ReconstructionMetric()
    metric.process({}, [dict(clip=clip, reconstruction=reconstruction)])
    measured = metric.compute_metrics(metric.results)
    assert measured['psnr_db'] == pytest.approx(26.0206, abs=1e-3)       # 20 log₁₀(2 / 0.1)
    assert measured['still_psnr_db'] == pytest.approx(12.0412, abs=1e-3)  # 20 log₁₀(2 / 0.5)


def test_clips_are_averaged_in_db():
    metric = ReconstructionMetric()
    clip = torch.zeros(1, 4, 8, 8)
    metric.process({}, [dict(clip=clip, reconstruction=clip + 0.2),
                        dict(clip=clip, reconstruction=clip + 0.02)])
    assert metric.compute_metrics(metric.results)['psnr_db'] == pytest.approx(30., abs=1e-3)
