"""Puts the configs and tools of the repository into the wheel, where MIM looks for them.

`mmaction_configs/` and `tools/` are what a user of a clone calls.  A wheel carries the same files
as `lddm_aug/.mim/configs` and `lddm_aug/.mim/tools`, so nothing stands twice.  All else about the
package is in pyproject.toml.
"""
from __future__ import annotations

import re
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
CARRIED = {'mmaction_configs': 'lddm_aug/.mim/configs', 'tools': 'lddm_aug/.mim/tools'}
RELATIVE = r'(?!https?://|#|mailto:)[^)\s]+'         # an address that only a clone has


class BuildWithConfigs(build_py):
    """Beside the modules, the files of CARRIED."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:                   # a clone has them in their own place
            for target, source in self._carried().items():
                Path(target).parent.mkdir(parents=True, exist_ok=True)
                self.copy_file(source, target)

    def get_source_files(self) -> list[str]:
        """For the sdist."""
        return super().get_source_files() + list(self._carried().values())

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        return super().get_outputs(include_bytecode) + (
            [] if self.editable_mode else list(self._carried()))

    def _carried(self) -> dict[str, str]:
        """From where each file goes to where it is."""
        return {str(Path(self.build_lib, place, path.relative_to(folder))): str(path)
                for folder, place in CARRIED.items() for path in sorted(Path(folder).rglob('*.py'))}


def readme_for_the_index() -> str:
    """README.md without what only a clone shows: links to its files, pictures and captions."""
    text = (ROOT / 'README.md').read_text(encoding='utf-8')
    text = re.sub(rf'!\[[^]]*\]\({RELATIVE}\)\n+(\*[^*]+\*\n+)?', '', text)
    return re.sub(rf'\[([^]]+)\]\({RELATIVE}\)', r'\1', text)


setup(cmdclass={'build_py': BuildWithConfigs}, long_description=readme_for_the_index(),
      long_description_content_type='text/markdown')
