"""What a computation is made by, as a hash of its source: a changed formula never gives an old number."""

import hashlib
import sys
import uuid
from pathlib import Path
from types import ModuleType


def code_digest(*makers: type | ModuleType) -> str:
    """SHA-256 of the source files of modules, and of classes with all their bases of this and of their own package.

    Other packages are told apart by their versions. Code that is in no file has another digest each time, because a
    wrong hit is worse than a miss.

    Args:
        makers: Classes and modules, in any order.
    """
    modules = {module.__name__: module for maker in makers for module in _modules(maker)}
    digest = hashlib.sha256()
    for name in sorted(modules):
        digest.update(f"{name}\n".encode())
        digest.update(hashlib.sha256(_source(modules[name])).digest())
    return digest.hexdigest()


def _modules(maker: type | ModuleType) -> list[ModuleType]:
    if isinstance(maker, ModuleType):
        return [maker]
    packages = {_package(maker.__module__), _package(__name__)}
    return [sys.modules[base.__module__] for base in maker.__mro__ if _package(base.__module__) in packages]


def _package(module: str) -> str:
    return module.partition(".")[0]


def _source(module: ModuleType) -> bytes:
    file = vars(module).get("__file__")
    return Path(file).read_bytes() if file else uuid.uuid4().bytes
