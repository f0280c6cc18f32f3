"""Diffs are applied as they were made, and by `patch` as well; what they do not fit is refused."""

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphprof.analysis.trials import patching
from graphprof.errors import SessionError
from graphprof.trials import SourceTrial

LINES = st.lists(
    st.sampled_from(["a\n", "b\n", "\n", "c\x0cd\n", "e\r\n", "-x\n", "+y\n"]), max_size=30
)
TEXTS = st.builds(lambda lines, end: "".join(lines) + end, LINES, st.sampled_from(["", "last"]))


@given(TEXTS, TEXTS)
def test_a_diff_leads_from_one_text_to_the_other(before, after):
    assert patching.apply(before, patching.diff(before, after, "x.py")) == after


@pytest.mark.skipif(shutil.which("patch") is None, reason="needs patch")
@pytest.mark.parametrize("end", ["", "\n"])
def test_patch_takes_it(tmp_path, end):
    before, after = f"a = 1\n\n\nb = 2{end}", f"a = 1\nn = 0\n\n\nb = 3{end}"
    file = tmp_path / "x.py"
    file.write_text(before)
    diff = patching.diff(before, after, "x.py")
    subprocess.run(["patch", "-p1"], cwd=tmp_path, input=diff, text=True, check=True)
    assert file.read_text() == after


def test_a_text_that_is_another_is_refused():
    diff = patching.diff("a\nb\n", "a\nc\n", "x.py")
    with pytest.raises(ValueError, match="line 2"):
        patching.apply("a\nx\n", diff)


def test_a_file_that_has_changed_is_not_patched(tmp_path):
    file = tmp_path / "x.py"
    file.write_text("a\n")
    trial = SourceTrial(str(file), patching.diff("a\n", "b\n", "x.py"), patching.sha256(b"a\n"))
    assert patching.patched(trial) == "b\n"
    file.write_text("a \n")
    with pytest.raises(SessionError, match="changed since"):
        patching.patched(trial)
    file.unlink()
    with pytest.raises(SessionError, match="Cannot read"):
        patching.patched(trial)


def test_only_what_goes_and_comes_is_shown():
    diff = patching.diff("a\nb\nc\n", "a\nx\nc\n", "x.py")
    assert patching.short(diff) == "-b\n+x"
    many = patching.diff("", "".join(f"{n}\n" for n in range(30)), "x.py")
    assert patching.short(many, 3) == "+0\n+1\n+2\n..."
