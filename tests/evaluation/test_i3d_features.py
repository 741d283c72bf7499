from __future__ import annotations

import zipfile
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from torch import Tensor, nn

from lddm_aug.evaluation.i3d_features import I3DFeatures, fetch
from lddm_aug.files import sha256_of
from lddm_aug.functional.pixels import to_unit
from lddm_aug.networks.i3d import I3D


class Detector(nn.Module):
    """Takes the arguments of the TorchScript I3D that is handed around for FVD."""

    def forward(self, x: Tensor, rescale: bool = True, resize: bool = True,
                return_features: bool = False) -> Tensor:
        if rescale or resize or not return_features:
            return x
        return torch.stack([x.mean(dim=(1, 2, 3, 4)), x.amax(dim=(1, 2, 3, 4)),
                            torch.full((x.shape[0],), float(x.shape[-1]))], dim=1)


class Wrong(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=1)


@pytest.fixture
def clips() -> Tensor:
    return torch.stack([torch.full((1, 8, 16, 16), grey, dtype=torch.uint8)
                        for grey in (0, 255, 0, 255, 51)])


def save(module: nn.Module, path: Path) -> Path:
    torch.jit.script(module).save(str(path))
    return path


def test_torchscript_sees_clips_enlarged_and_between_minus_1_and_1(clips, tmp_path):
    path = save(Detector(), tmp_path / 'i3d.pt')
    network = I3DFeatures(path, 'FVD')
    features = network(clips)                        # in batches of four
    assert features[:, 0].tolist() == pytest.approx([-1, 1, -1, 1, -0.6])
    assert (features[:, 2] == 224).all()
    assert network.provenance == dict(source=str(path), sha256=sha256_of(path), size=224,
                                     frame_stride=3, frames=8)


@pytest.mark.parametrize('figure, output, eps', [
    ('FVD', 'logits', 1e-3), ('DTFVD', 'pooled', 1e-5)])
def test_a_state_dict_gives_each_figure_the_features_it_was_published_with(
        i3d_state, tmp_path, figure, output, eps):
    torch.save(dict(state_dict=i3d_state), tmp_path / 'i3d.pth')
    clip = torch.randint(256, (1, 1, 8, 16, 16), dtype=torch.uint8)
    features = I3DFeatures(tmp_path / 'i3d.pth', figure)(clip)
    enlarged = nn.functional.interpolate(to_unit(clip).expand(-1, 3, -1, -1, -1),
                                         (8, 224, 224), mode='trilinear')
    expected = I3D(i3d_state, output, eps)(enlarged)
    torch.testing.assert_close(torch.from_numpy(features).float(), expected)
    assert features.shape == (1, 7 if figure == 'FVD' else 1024)


def test_what_is_no_i3d_ends_in_a_sentence(clips, tmp_path):
    with pytest.raises(ValueError, match=r'must return \(N, D\) features of N = 4.*give an I3D'):
        I3DFeatures(save(Wrong(), tmp_path / 'wrong.pt'))(clips)
    with pytest.raises(ValueError, match='cannot take clips of the shape'):
        I3DFeatures(save(nn.Linear(3, 3), tmp_path / 'linear.pt'))(clips)
    torch.save(nn.Linear(3, 3).state_dict(), tmp_path / 'state.pth')
    with pytest.raises(ValueError, match=r'state.pth holds no I3D; give one as TorchScript'):
        I3DFeatures(tmp_path / 'state.pth')
    with pytest.raises(FileNotFoundError, match=r'absent.pt'):
        I3DFeatures(tmp_path / 'absent.pt')
    with zipfile.ZipFile(tmp_path / 'damaged.pt', 'w') as archive:
        archive.writestr('damaged/code/__torch__.py', 'class')
    with pytest.raises(ValueError, match=r'damaged.pt cannot be read as TorchScript'):
        I3DFeatures(tmp_path / 'damaged.pt')
    with pytest.raises(ValueError, match="must be one of FVD, DTFVD, but got 'FID'"):
        I3DFeatures(tmp_path / 'wrong.pt', 'FID')


def test_a_url_is_fetched_once(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path))
    asked = []

    def download(url: str, path: str) -> None:
        asked.append(url)
        Path(path).write_bytes(b'weights')

    monkeypatch.setattr(torch.hub, 'download_url_to_file', download)
    url = 'https://example.org/folder/i3d.pt?download=1'
    assert fetch(url).read_bytes() == fetch(url).read_bytes() == b'weights'
    assert asked == [url]


def test_a_url_that_cannot_be_fetched_is_named(monkeypatch, tmp_path):
    def fail(url: str, path: str) -> None:
        raise URLError('refused')

    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, 'download_url_to_file', fail)
    with pytest.raises(OSError, match=r'https://example.org/i3d.pt cannot be fetched .*refused'):
        fetch('https://example.org/i3d.pt')
