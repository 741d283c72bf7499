import pytest

from lddm_aug.visualization.markdown import escaped


@pytest.mark.parametrize('text', ['benign', '62.2 [46.4 – 75.5]*', 'lddm_mix+filtered', 'a > b'])
def test_plain_text_stays(text):
    assert escaped(text) == text


@pytest.mark.parametrize('text, shown', [
    ('<script>alert(1)</script>', '&lt;script>alert(1)&lt;/script>'), ('a|b', r'a\|b'),
    ('[a](javascript:b)', r'[a\](javascript:b)'), ('`a`', r'\`a\`'), ('a\n# b', 'a # b'),
    ('&lt;', '&amp;lt;'), ('a\\', 'a\\\\')])
def test_markup_is_shown_and_does_nothing(text, shown):
    assert escaped(text) == shown
