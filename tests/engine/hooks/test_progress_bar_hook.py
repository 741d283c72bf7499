from __future__ import annotations

BAR = dict(type='ProgressBarHook', title='toy')


def test_the_bar_counts_every_iteration(toy_runner, capsys):
    toy_runner(2, hooks=[BAR]).train()
    assert 'toy: 100%' in capsys.readouterr().err.splitlines()[-1]


def test_a_resumed_training_counts_on(toy_runner, tmp_path, capsys):
    toy_runner(1, work_dir=tmp_path / 'toy').train()
    capsys.readouterr()
    toy_runner(2, hooks=[BAR], work_dir=tmp_path / 'toy', resume=True).train()
    shown = capsys.readouterr().err
    assert '| 3/6' in shown and '| 6/6' in shown and '| 0/6' not in shown
