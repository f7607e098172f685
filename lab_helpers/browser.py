"""A browser that nobody sits before: pages as readers see them, for notebooks and tests.

It is a Chromium that the machine has, or one from Debian's packages, unpacked into the cache.
"""

from __future__ import annotations

import os
import shutil
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._apt import release
from ._artifacts import Artifact
from ._config import environment, settings
from ._exceptions import LabError
from ._files import write
from .packages import SystemPackages

if TYPE_CHECKING:
    from playwright.async_api import Page

KNOWN = ("chromium", "google-chrome", "google-chrome-stable", "chrome", "msedge")
"""Programs that will do, where one of them is installed."""
MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
_SHELL = "chromium-headless-shell"
WIDTH, HEIGHT = 1280, 720
"""Of the window, in pixels of a page."""

unpacked = SystemPackages("browser", "a browser", (_SHELL, "fonts-dejavu-core"))


def installed() -> str:
    """A browser that this machine has; empty where it has none that is known."""
    found = (shutil.which(name) for name in KNOWN)
    return next(filter(None, found), MAC if Path(MAC).exists() else "")


def artifacts() -> list[Artifact]:
    """What has to be unpacked before a page can be opened here."""
    return [] if installed() or not release().startswith("debian") else [unpacked.artifact]


@cache
def launch_options() -> dict[str, Any]:
    """How playwright starts the browser; it is unpacked first where it is missing.

    :raises LabError: there is none, and none can be had.
    """
    from .builds import ensure

    # Chromium's own sandbox cannot be had by root, nor in most containers. Pages are the course's.
    options: dict[str, Any] = {"args": ["--no-sandbox"]}
    if program := installed():
        return {**options, "executable_path": program}
    if not artifacts():
        raise LabError(
            "there is no browser that can be used from here",
            remedy="install Chromium or Google Chrome",
        )
    ensure(artifacts())
    found = environment(**unpacked.environment(), FONTCONFIG_FILE=str(_fonts()))
    # A library of PulseAudio's knows by its absolute path where another one is installed.
    private = [str(folder / "pulseaudio") for folder in unpacked.libraries()]
    found["LD_LIBRARY_PATH"] = ":".join([found["LD_LIBRARY_PATH"], *private])
    return {**options, "executable_path": str(_program()), "env": found}


def _program() -> Path:
    found = sorted(unpacked.root.glob(f"usr/lib/chromium*/{_SHELL}"))
    return found[0] if found else unpacked.find(_SHELL)


def _fonts() -> Path:
    """Where fontconfig finds the fonts that came along, and keeps what it knows of them."""
    path = settings().build / "browser" / "fonts.conf"
    write(path, textwrap.dedent(f"""\
        <?xml version="1.0"?>
        <fontconfig>
          <dir>{unpacked.root}/usr/share/fonts</dir>
          <dir>/usr/share/fonts</dir>
          <cachedir>{path.parent}/fonts</cachedir>
          <match><edit name="family" mode="append_last"><string>DejaVu Sans</string></edit></match>
        </fontconfig>
    """))  # fmt: skip
    return path


@dataclass(frozen=True)
class Picture:
    """A page as it was seen.

    :ivar png: the picture.
    :ivar words: what can be read on it.
    """

    png: bytes
    words: str

    def __repr__(self) -> str:
        return self.words

    def _repr_png_(self) -> tuple[bytes, dict[str, str]]:
        return self.png, {"alt": self.words}


@asynccontextmanager
async def opened(address: str, *, language: str = "en-GB") -> AsyncIterator[Page]:
    """A page in a browser of its own, which knows nobody and forgets everything in the end.

    :param language: what the browser says that its owner reads.
    :raises LabError: there is no browser, and none can be had.
    """
    from playwright.async_api import ViewportSize, async_playwright

    async with async_playwright() as driver:
        chromium = await driver.chromium.launch(**launch_options())
        window = ViewportSize(width=WIDTH, height=HEIGHT)
        page = await chromium.new_page(viewport=window, locale=language)
        await page.goto(address)
        try:
            yield page
        finally:
            await chromium.close()


async def picture(page: Page) -> Picture:
    """What is seen of a page now, all of it, and what can be read there."""
    words = await page.locator("body").inner_text()
    lines = (line.strip() for line in words.splitlines())
    return Picture(await page.screenshot(full_page=True), os.linesep.join(filter(None, lines)))
