"""Prints how long each page is, and how easily it reads.

    python tests/docs/readability.py

The score is Flesch's reading ease (1948): 100 is very easy, 30 very hard.  Code, tables, pictures,
links' addresses and headings are left out.
"""
from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def pages() -> list[Path]:
    """README and the pages of the site that a person wrote, without the appendix."""
    return [ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md'))]


def results() -> list[Path]:
    """The pages of results."""
    return sorted((ROOT / 'docs/results').glob('*.md'))


def prose(text: str) -> str:
    """What is left to be read aloud."""
    text = re.sub(r'^```.*?^```', '', text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r'^(#|\||:::| {4}).*$', '', text, flags=re.MULTILINE)
    text = re.sub(r'!\[[^]]*\]\([^)]*\)|<[^>]*>', '', text)
    text = re.sub(r'\[([^]]*)\]\([^)]*\)', r'\1', text)
    text = re.sub(r'`[^`]*`', 'code', text)
    return re.sub(r'^\s*(?:[-*]|\d+\.)\s+', '\n\n', text, flags=re.MULTILINE)


def sentences(text: str) -> list[list[str]]:
    """Words of every sentence; an item of a list and a paragraph end one, a colon doesn't."""
    parts = re.split(r'[.!?](?=[\s*)]|$)|\n\s*\n', prose(text))
    found = [re.findall(r"[A-Za-z][A-Za-z'’-]*", part) for part in parts]
    return [words for words in found if words]


def syllables(word: str) -> int:
    """Groups of vowels, without a silent e at the end."""
    word = re.sub(r'[^a-z]', '', word.lower())
    silent = len(word) > 2 and word.endswith('e') and not word.endswith(('le', 'ee'))
    return max(1, len(re.findall(r'[aeiouy]+', word)) - silent)


def reading_ease(text: str) -> float:
    """Flesch 1948: 206.835 − 1.015 words per sentence − 84.6 syllables per word."""
    found = sentences(text)
    words = [word for sentence in found for word in sentence]
    return 206.835 - 1.015 * len(words) / len(found) - 84.6 * (
        sum(map(syllables, words)) / len(words))


if __name__ == '__main__':
    print('words  Flesch  longest sentence  page')
    for page in pages() + results():
        text = page.read_text(encoding='utf-8')
        if sentences(text):
            longest = max(map(len, sentences(text)))
            print(f'{len(text.split()):>5}  {reading_ease(text):>6.0f}  {longest:>16}  '
                  f'{page.relative_to(ROOT)}')
