"""docs/options.md is what its generator makes of the options."""

import importlib.util
import re

from tests.helpers.markdown_pages import REPOSITORY

DOCS = REPOSITORY / "docs"


def test_the_page_is_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("make_options_page", DOCS / "make_options_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = module.page()
    assert (DOCS / "options.md").read_text() == text, "run: python docs/make_options_page.py"
    anchors = re.findall(r'<a id="(\w+)">', text)
    assert len(anchors) == len(set(anchors)) > 60
