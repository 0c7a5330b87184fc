"""The wheels of the workspace, built once, and the product made of them."""

from pathlib import Path

import pytest

from .product import Product, uv


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with the wheels of the workspace."""
    folder = tmp_path_factory.mktemp("wheels")
    uv("build", "--all-packages", "--wheel", "-q", "-o", folder)
    return folder


@pytest.fixture(scope="module")
def product(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Product:
    return Product(tmp_path_factory.mktemp("product"), wheels)
