from __future__ import annotations

import argparse
from types import SimpleNamespace

import pytest

from lddm_aug.commands.network_arguments import add_network_arguments, load_networks
from lddm_aug.evaluation import networks
from lddm_aug.evaluation.networks import register_network


@pytest.fixture
def parser(monkeypatch):
    monkeypatch.setattr(networks, '_OPTIONS', {})
    register_network('clip', 'a network of my own')(
        lambda source, stride, device: SimpleNamespace(source=source, stride=stride, device=device))
    parser = argparse.ArgumentParser()
    parser.set_defaults(device='cpu')
    add_network_arguments(parser)
    return parser


def test_a_registered_network_has_an_option_and_is_loaded_where_it_is_given(parser, tmp_path):
    (tmp_path / 'clip.pth').touch()
    given = parser.parse_args(['--clip', str(tmp_path / 'clip.pth')])
    [(name, network)] = load_networks(given, frame_stride=2).items()
    assert name == 'clip' and network.source == str(tmp_path / 'clip.pth')
    assert network.stride == 2 and network.device.type == 'cpu'
    assert load_networks(parser.parse_args([])) == {}


def test_a_file_that_is_not_there_is_named_with_its_option(parser):
    with pytest.raises(FileNotFoundError, match=r'--clip: there is no file absent.pth'):
        load_networks(parser.parse_args(['--clip', 'absent.pth']))


def test_a_second_network_of_a_name_is_refused(parser):
    with pytest.raises(ValueError, match="there is a network 'clip' already"):
        register_network('clip', '')
