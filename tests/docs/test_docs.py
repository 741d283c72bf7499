"""What README and docs name is there: links, commands, options, configs, parts, messages."""
from __future__ import annotations

import ast
import os
import re
import runpy
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path

import mmaction.registry
import pytest
from mmengine.registry import STRATEGIES, Registry

from lddm_aug.commands import NAMES, make_parser
from lddm_aug.configs import config_names
from lddm_aug.extras import MODULES
from lddm_aug.generators import RandomWarp, save_package

ROOT = Path(__file__).parents[2]
READABILITY = runpy.run_path(str(Path(__file__).with_name('readability.py')))
sentences, reading_ease = READABILITY['sentences'], READABILITY['reading_ease']
PAGES, RESULTS = READABILITY['pages'](), READABILITY['results']()
APPENDIX = sorted((ROOT / 'docs/results/appendix').glob('*.md'))
READ = [*PAGES, *RESULTS, ROOT / 'CONTRIBUTING.md']
ALL = [*READ, *APPENDIX]
MOST_WORDS, MOST_WORDS_OF_A_SENTENCE = 1500, 25


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@cache
def text_of(page: Path) -> str:
    return page.read_text(encoding='utf-8')


def blocks(page: Path, *languages: str) -> list[str]:
    """Code in fences of these languages."""
    return [code for language, code in re.findall(r'^```(\w*)\n(.*?)^```', text_of(page),
                                                  re.DOTALL | re.MULTILINE)
            if language in languages]


# ── form ──

def test_the_readme_is_read_in_three_minutes():
    lines = text_of(ROOT / 'README.md').splitlines()
    assert len(lines) <= 100 and max(map(len, lines)) <= 120
    assert any('.webp' in line for line in lines[:25])
    assert max(map(len, sentences(text_of(ROOT / 'README.md')))) < 25


@pytest.mark.parametrize('page', READ, ids=name_of)
def test_no_page_is_longer_than_its_reader_is_patient(page):
    assert len(text_of(page).split()) <= MOST_WORDS


@pytest.mark.parametrize('page', READ, ids=name_of)
def test_no_sentence_is_longer_than_its_reader_is_patient(page):
    assert not [' '.join(words) for words in sentences(text_of(page))
                if len(words) > MOST_WORDS_OF_A_SENTENCE]


def test_reading_ease_is_that_of_a_published_example():
    # Flesch's own formula on a sentence of 9 words and 12 syllables
    text = 'The cat sat on the mat, looking very happy.'
    assert len(sentences(text)) == 1
    assert reading_ease(text) == pytest.approx(206.835 - 1.015 * 9 - 84.6 * 12 / 9)


@pytest.mark.parametrize('page', ALL, ids=name_of)
def test_every_chart_is_drawn_from_rows(page):
    assert 'mermaid' not in text_of(page)            # whose figures are typed by hand


def test_every_page_is_found_from_the_menu():
    menu = set(re.findall(r': (\S+\.md)$', (ROOT / 'mkdocs.yml').read_text(), re.MULTILINE))
    assert {name_of(page).removeprefix('docs/') for page in PAGES[1:]} == {
        name for name in menu if not name.startswith('results/')}


# ── site ──

@pytest.fixture(scope='module')
def site(tmp_path_factory) -> Path:
    """The folder of the site, built strictly."""
    pytest.importorskip('mkdocs')
    folder = tmp_path_factory.mktemp('docs') / 'site'
    done = subprocess.run(
        [sys.executable, '-m', 'mkdocs', 'build', '--strict', '--quiet', '--site-dir', str(folder)],
        cwd=ROOT, capture_output=True, text=True, timeout=600,
        env={**os.environ, 'NO_MKDOCS_2_WARNING': '1'})
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def served(site) -> Iterator[str]:
    """The address of the site."""
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(('127.0.0.1', 0), partial(Quiet, directory=str(site)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f'http://127.0.0.1:{server.server_address[1]}/'
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_site_has_the_api_and_loads_nothing_from_elsewhere(site):
    html = (site / 'api/index.html').read_text(encoding='utf-8')
    assert 'LDDMMixedDataset' in html
    loaded = re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="(https?:[^"]*)"', html)
    assert not [address for address in loaded if 'canonical' not in address]


def test_tables_and_code_are_laid_out_on_every_page(site):
    for page in site.rglob('index.html'):
        html = re.sub(r'<(code|pre).*?</\1>', '', page.read_text(encoding='utf-8'), flags=re.DOTALL)
        assert not re.search(r'\|---|```|markdown="1"', html), page


def test_a_word_is_found_by_the_sites_search(tab, served):
    page = tab.page
    page.goto(served)
    page.get_by_role('textbox', name='Search').click()
    page.get_by_role('textbox', name='Search').press_sequentially('callipers')
    page.locator('.md-search-result__link').filter(has_text='Splits and the audit').first.click()
    page.wait_for_url(f'{served}audit/**')
    assert page.locator('article').get_by_text('callipers').count()
    assert tab.stayed_at(served) and not tab.complaints


def test_pictures_on_the_site_need_no_network(tab, served, site):
    pages = [page.relative_to(site).as_posix() for page in sorted(site.rglob('index.html'))
             if '.svg"' in page.read_text(encoding='utf-8')]
    assert {'results/table1/index.html', 'results/data/index.html'} < {*pages}
    for name in pages:
        tab.page.goto(f'{served}{name}')
        broken = tab.page.eval_on_selector_all(
            'article img', 'images => images.filter(image => !image.complete || '
            '!image.naturalWidth).map(image => image.src)')
        assert not broken, name
    assert tab.stayed_at(served) and not tab.complaints


# ── links ──

def anchors(page: Path) -> set[str]:
    """What a heading is called in an address, on GitHub and on the site."""
    headings = re.findall(r'^#+ (.*)$', re.sub(r'^```.*?^```', '', text_of(page), flags=re.DOTALL
                                               | re.MULTILINE), re.MULTILINE)
    plain = [re.sub(r'[^\w\- ]', '', heading.lower()) for heading in headings]
    return {heading.strip().replace(' ', '-') for heading in plain}


@pytest.mark.parametrize('page', ALL, ids=name_of)
def test_links_lead_somewhere(page):
    for address in re.findall(r'\]\(([^)\s]+)\)', re.sub(r'`[^`\n]*`', '', text_of(page))):
        if re.match(r'(https?|mailto):', address):
            assert re.match(r'https://[\w.-]+\.\w+(/|$)', address), address
            continue
        path, _, anchor = address.partition('#')
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), address
        assert not anchor or anchor in anchors(target), address


# ── commands ──

@cache
def parser():
    made = make_parser(register=lambda: None)
    [commands] = [action for action in made._actions if hasattr(action, 'add_parser')]
    return made, commands.choices


TOOLS = {path.name: re.search(r"run_tool\('(.+)'\)", path.read_text())[1]
         for path in (ROOT / 'tools').glob('*.py')}


def commands_of(code: str, folder: Path) -> list[list[str]]:
    """The words of every `lddm-aug …` and `python tools/….py …`, as bash understands them."""
    code = re.sub(r'\.venv/bin/|<\(.*\)', '', code).replace('…', '')
    shown = 'command_not_found_handle() { printf "%s\\0" "$@"; printf "\\n"; }\n' + code
    done = subprocess.run(['/bin/bash', '-c', shown], cwd=folder, env={'PATH': '/nowhere'},
                          capture_output=True, text=True, timeout=60)
    lines = [line.split('\0')[:-1] for line in done.stdout.splitlines() if '\0' in line]
    found = []
    for program, *words in lines:
        if program == 'lddm-aug':
            found.append(words)
        elif program == 'python' and words and words[0].startswith('tools/'):
            name = TOOLS[words[0].removeprefix('tools/')]
            found.append([*(['prepare'] if name == 'phantom' else []), name, *words[1:]])
    return found


def indented(page: Path) -> list[str]:
    """Code that is set in by four blanks."""
    return re.findall(r'(?:^ {4}(?:\w+=\S+ )*lddm-aug .*\n)+', text_of(page), re.MULTILINE)


def without_remarks(code: str) -> str:
    """Indented code without what stands behind three blanks or more."""
    return '\n'.join(re.split(r' {3,}', line.strip())[0] for line in code.splitlines())


@pytest.mark.parametrize('page', ALL, ids=name_of)
def test_commands_are_ones_that_the_command_line_takes(page, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr('lddm_aug.hardware.available_device', str)       # some are for a GPU
    for block in (*blocks(page, 'bash', ''), *map(without_remarks, indented(page))):
        for command in commands_of(block, tmp_path):
            status = 0
            try:
                parser()[0].parse_args(command)
            except SystemExit as stopped:
                status = stopped.code
            raised = capsys.readouterr().err
            shortened = '…' in block and 'required' in raised
            assert not status or shortened, (command, raised)


def options_of(name: str) -> set[str]:
    """Of a command and its steps."""
    found, open_ = set(), [parser()[1][name]]
    while open_:
        for action in open_.pop()._actions:
            found |= {*action.option_strings}
            open_ += getattr(action, 'choices', None).values() if hasattr(
                action, 'add_parser') else []
    return found


def inline(page: Path) -> list[str]:
    """Code within a line."""
    text = re.sub(r'^```.*?^```', '', text_of(page), flags=re.DOTALL | re.MULTILINE)
    return re.findall(r'`([^`\n]+)`', text.replace('\n', ' '))


@pytest.mark.parametrize('page', ALL, ids=name_of)
def test_commands_and_options_within_a_line_are_known(page):
    everywhere = {option for name in NAMES for option in options_of(name)} | {
        '--version', '--print-completion'}
    for code in inline(page):
        words = code.split()
        if words[0] == 'lddm-aug' and len(words) > 1 and re.match(r'[a-z]', words[1]):
            assert words[1] in NAMES, code
            known = options_of(words[1])
        elif words[0].startswith(('-', 'lddm-aug')) or words[0] in NAMES:
            known = everywhere
        else:
            continue
        given = {re.split('[=…:]', word)[0] for word in words if word.startswith('--')}
        assert given <= known | {'', '--clip'}, code     # extending.md's own option


def braces(text: str) -> list[str]:
    """a{b,c}d → abd, acd."""
    found = re.search(r'\{([^{}]*)\}', text)
    if not found:
        return [text]
    return [one for part in found[1].split(',')
            for one in braces(text[:found.start()] + part + text[found.end():])]


@pytest.mark.parametrize('page', [*PAGES, ROOT / 'CONTRIBUTING.md'], ids=name_of)
def test_configs_and_files_that_are_named_are_there(page):
    names = {*config_names()}
    for code in inline(page):
        for path in braces(code):
            if re.fullmatch(r'(lddm_aug|mmaction_configs|tests|tools|docs)/[\w./-]+', path):
                assert (ROOT / path).exists(), path
            if re.fullmatch(r'(c3d|tsm|tdn|atmnet|r3d)_\w+(\.py)?', path) and not path.endswith(
                    ('_small', '_iterations')):
                assert path.removesuffix('.py') in names, path


def test_the_table_of_commands_is_whole():
    page = text_of(ROOT / 'docs/commands.md')
    missing = [name for name in NAMES if not re.search(rf'`{name}\b', page)]
    assert not missing
    for name in MODULES:
        assert f'`{name}`' in text_of(ROOT / 'docs/index.md')


# ── Python ──

def registered() -> Iterator[str]:
    for value in [*vars(mmaction.registry).values(), STRATEGIES]:
        registry = value if isinstance(value, Registry) else None
        while registry is not None:
            yield from registry.module_dict
            registry = registry.parent


@pytest.mark.parametrize('page', ALL, ids=name_of)
def test_python_compiles_and_its_names_are_there(page):
    code = '\n'.join(blocks(page, 'python'))
    own = set(re.findall(r'^class (\w+)|^@?register_\w+\(.(\w+)', code, re.MULTILINE))
    known = {*registered()} | {name for pair in own for name in pair if name}
    for block in blocks(page, 'python'):
        tree = ast.parse(block)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module.startswith('lddm_aug'):
                module = import_module(node.module)
                assert all(hasattr(module, alias.name) for alias in node.names), node.module
            elif (isinstance(node, ast.keyword) and node.arg == 'type'
                  and isinstance(node.value, ast.Constant)):
                assert node.value.value in known, node.value.value


@pytest.mark.parametrize('page', ALL, ids=name_of)
def test_parts_within_a_line_are_registered(page):
    known = {*registered()}
    for name in re.findall(r"type='(\w+)'", ' '.join(inline(page))):
        assert name in known, name
    for name in inline(page):
        if re.fullmatch(r'[A-Z]\w+(Hook|Dataset|Sampler)', name):
            assert name in known | {'IterBasedTrainLoop', 'Subset'}, name


def test_the_readmes_code_makes_a_moving_picture(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_package(tmp_path / 'work_dirs/demo/generator/package', RandomWarp(size=64), ())
    [code] = blocks(ROOT / 'README.md', 'python')
    assert len(code.splitlines()) <= 10
    exec(compile(code, 'README.md', 'exec'), {})
    assert (tmp_path / 'clip.webp').read_bytes()[8:12] == b'WEBP'


def test_the_readmes_commands_are_those_of_own_data():
    five, same = (re.findall(r'^lddm-aug .*(?:prepare|split|train|synth).*$', text_of(page),
                             re.MULTILINE)
                  for page in (ROOT / 'README.md', ROOT / 'docs/own_data.md'))
    assert len(five) == 5 and {*five} <= {*same}


# ── API ──

def test_the_reference_names_every_public_class():
    page = re.findall(r'^::: (\S+)', text_of(ROOT / 'docs/api.md'), re.MULTILINE)
    for name in page:
        module, _, last = name.rpartition('.')
        assert hasattr(import_module(module), last), name
    for package in ('datasets', 'datasets.transforms', 'engine.hooks', 'generators', 'models',
                    'models.backbones', 'evaluation'):
        public = import_module(f'lddm_aug.{package}').__all__
        missing = {name for name in public if name[0].isupper() or name.startswith(('load', 'save'))
                   if f'lddm_aug.{package}.{name}' not in page}
        assert not missing, missing


# ── messages ──

@cache
def messages() -> str:
    """Every text of the sources, with … for what is put in."""
    found = []
    for path in (ROOT / 'lddm_aug').rglob('*.py'):
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
            if isinstance(node, ast.JoinedStr):
                found.append(''.join(part.value if isinstance(part, ast.Constant) else '…'
                                     for part in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return '\n'.join(found)


def test_messages_on_the_page_are_messages_of_the_program():
    page = text_of(ROOT / 'docs/troubleshooting.md').partition('## Clips look wrong')[0]
    rows = re.findall(r'^\| (`.*?) \|', page, re.MULTILINE)
    assert len(rows) > 40
    for fragment in (each for row in rows for each in re.findall(r'`([^`]+)`', row)):
        pattern = '.*'.join(map(re.escape, fragment.split('…')))
        assert re.search(pattern, messages()), fragment
