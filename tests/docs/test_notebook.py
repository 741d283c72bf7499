"""The notebook runs, and prints what is kept in it."""
from __future__ import annotations

import copy
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FILE = Path(__file__).parents[2] / 'docs/still_to_clip.ipynb'
SIZE = 100_000                                       # bytes, with its outputs


def texts(notebook: nbformat.NotebookNode) -> list[str]:
    """What each cell prints and returns as text."""
    return [''.join(output.get('text', '') for output in cell.outputs
                    if output.get('name') != 'stderr')
            + ''.join(str(output['data'].get('text/plain', '')) for output in cell.outputs
                      if 'data' in output and 'image/png' not in output['data'])
            for cell in notebook.cells if cell.cell_type == 'code']


@pytest.mark.filterwarnings('ignore')
def test_the_notebook_prints_what_is_kept_in_it(monkeypatch):
    monkeypatch.setenv('PYTHONPATH', str(FILE.parents[1]))
    kept = nbformat.read(FILE, as_version=4)
    done = NotebookClient(copy.deepcopy(kept), timeout=300).execute()
    assert texts(done) == texts(kept)
    assert any('image/png' in output.get('data', {}) for cell in done.cells
               if cell.cell_type == 'code' for output in cell.outputs)


def test_the_notebook_is_small():
    assert FILE.stat().st_size < SIZE
