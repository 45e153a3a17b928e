"""What functions say: by syntax tree where there is a source, told apart on one line, by bytecode elsewhere."""

import pytest

from quantml.canonical import digest
from quantml.syntax import Import, Read, imports_read, names_read, syntax_key

double, triple = (lambda x: x * 2), (lambda x: x * 3)
nested = (lambda x: (lambda y: x + y + 4)), (lambda x: (lambda y: x + y + 5))  # fmt: skip


def test_lambdas_on_one_line_differ():
    assert len({syntax_key(part) for part in (double, triple, *nested, nested[0](1), nested[1](1))}) == 6


def test_layout_and_comments_are_not_said():
    # fmt: off
    one, other = (lambda x: x   *   2  # a comment
                  ), (lambda x: x * 2)
    # fmt: on
    assert syntax_key(one) == syntax_key(other) == syntax_key(double)


def made_from(text):
    """Run a text that is in no file."""
    names = {"__name__": "nowhere"}
    exec(text, names)
    return names["f"]


def test_code_without_a_source_is_its_bytecode():
    text = "SCALE = 3\ndef f(x):\n    return x * SCALE + 1\n"
    keys = {digest(made_from(text.replace(*edit))) for edit in (("+ 1", "+ 2"), ("= 3", "= 4"), ("x *", "x /"))}
    assert len({*keys, digest(made_from(text))}) == 4
    assert digest(made_from(text)) == digest(made_from(text))


def test_a_text_that_is_not_the_functions_own_is_not_taken_for_it(tmp_path):
    path = tmp_path / "edited.py"
    keys = []
    for text in ("def f(x):\n    return 1\n", "def f(x):\n    return 2\n"):
        names = {"__name__": "edited"}
        exec(compile(text, str(path), "exec"), names)
        path.write_text("def g(x):\n    return 3\n")
        keys.append(syntax_key(names["f"]))
    assert keys[0] != keys[1]


def reads(bars):
    import os.path

    def within():
        return pytest.mark.parametrize(bars)

    from json import dumps as written

    return within, os, written, digest


def test_names_are_told_with_the_attributes_read_off_them():
    assert names_read(reads.__code__) == {
        Read("pytest", ("mark", "parametrize"), enclosed=False),
        Read("bars", (), enclosed=True),
        Read("digest", (), enclosed=False),
    }
    assert imports_read(reads.__code__) == {Import("os.path", 0, ()), Import("json", 0, ("dumps",))}
