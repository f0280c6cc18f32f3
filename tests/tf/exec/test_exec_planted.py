"""A few of the planted programs, end to end; ``scripts/bench_findings`` runs all of them."""

from __future__ import annotations

import importlib.machinery
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from graphprof.analysis.findings import registry

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "bench_findings"


def script() -> ModuleType:
    loader = importlib.machinery.SourceFileLoader("bench_findings", str(SCRIPT))
    spec = importlib.util.spec_from_loader("bench_findings", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_each_program_names_a_known_cause_or_is_healthy() -> None:
    bench = script()
    known = {cause for rule in registry.RULES for cause in rule.causes}
    programs = sorted(bench.PROGRAMS.glob("*.py"))
    assert len(programs) >= 30
    for program in programs:
        cause, right, line = bench.expected(program)
        assert right <= known
        assert (cause is None) == program.stem.startswith("healthy_")
        assert cause is None or line or program.stem in ("float16_on_cpu", "run_functions_eagerly")


@pytest.mark.tf
@pytest.mark.parametrize("name", ["function_in_loop", "retrace_shape", "healthy_eager_big_ops"])
def test_planted_cause_is_found(name: str, tmp_path: Path) -> None:
    bench = script()
    program = bench.PROGRAMS / f"{name}.py"
    verdict, line = bench.judge(program, bench.run(program, tmp_path))
    assert verdict in ("first", "silent"), line
