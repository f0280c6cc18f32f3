"""Which stage of an input pipeline the time goes into."""

from __future__ import annotations

from pathlib import Path

import builders
import pytest

from graphprof.analysis.work import pipeline_stages

PREFETCH = "Iterator::Root::Prefetch"
MAP = f"{PREFETCH}::ForeverRepeat[3]::ParallelMapV2"


def test_a_stage_has_what_it_runs_but_not_the_stages_behind_it(tmp_path: Path) -> None:
    lines = {
        "python": [("train", 0, 100, {"_r": 1, "step_num": 0}), (PREFETCH, 10, 60)],
        "tf_data/1": [
            (PREFETCH, 0, 90),
            (MAP, 0, 80),
            ("InstantiatedCapturedFunction::Run", 10, 30),
            (f"{MAP}::TensorSlice", 50, 20),
        ],
    }
    found = pipeline_stages.read(builders.read(tmp_path, builders.trace(lines), ()))
    assert found.stages == pytest.approx({"ParallelMapV2": 60e-6, "TensorSlice": 20e-6})
    assert found.slowest == "ParallelMapV2"
    assert found.python_s == 0


def test_python_called_by_the_pipeline_is_counted(tmp_path: Path) -> None:
    lines = {"tf_data/1": [(f"{PREFETCH}::Generator", 0, 50), ("PyFunc:PyFunc", 5, 40)]}
    found = pipeline_stages.read(builders.read(tmp_path, builders.trace(lines), ()))
    assert found.python_s == pytest.approx(40e-6)
    assert found.stages == pytest.approx({"Generator": 50e-6})


def test_no_pipeline_has_no_stages(tmp_path: Path) -> None:
    found = pipeline_stages.read(
        builders.read(tmp_path, builders.trace({"python": [("a", 0, 1)]}), ())
    )
    assert (found.stages, found.slowest) == ({}, None)
