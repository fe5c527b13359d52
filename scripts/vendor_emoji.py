"""Emoji of other vendors (Noto, Twemoji, Fluent) with captions: what the demo's tools learn from, never OpenMoji.

Used by `make_tools.py`. `python scripts/vendor_emoji.py` writes them to `.work/vendor` as a table, `emoji.csv`, and
images, for `configs/shadow/openmoji_seq2seq_start.yaml`. Needs `npm`; the packages state their licences in `info.json`
(printed and kept).
"""

import csv
import io
import json
import subprocess
from pathlib import Path

import numpy as np
import resvg_py
from PIL import Image

SETS = {"noto": "1.2.9", "twemoji": "1.2.5", "fluent-emoji-flat": "1.2.6", "fluent-emoji": "1.2.7"}
SKIN_TONES = {f"{code:x}" for code in range(0x1F3FB, 0x1F400)}


def load_vendor_emoji(work: Path, size: int) -> tuple[np.ndarray, list[str], list[list[str]]]:
    """Rendered emoji of all sets.

    Args:
        work: Folder for the npm packages and the rendered cache.
        size: Side in pixels.

    Returns:
        Images uint8 `[n, 3, size, size]`, the name of each, and the CLDR keywords of each.
    """
    cache = work / f"vendor-{size}.npz"
    if not cache.is_file():
        _install(work)
        _render(work, size, cache)
    data = np.load(cache)
    return data["images"], [str(name) for name in data["names"]], json.loads(str(data["keywords"]))


def write_table(work: Path, size: int = 64) -> None:
    """Write the emoji as `emoji.csv` with the columns image, id and caption, and PNG files."""
    images, names, _ = load_vendor_emoji(work, size)
    (work / "images").mkdir(exist_ok=True)
    with (work / "emoji.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "id", "caption"])
        for number, (pixels, name) in enumerate(zip(images, names, strict=True)):
            place = f"images/{number:04d}.png"
            Image.fromarray(pixels.transpose(1, 2, 0)).save(work / place)
            writer.writerow([place, f"{number:04d}", name])


def _install(work: Path) -> None:
    work.mkdir(parents=True, exist_ok=True)
    (work / "package.json").write_text("{}", encoding="utf-8")
    packages = [f"@iconify-json/{name}@{version}" for name, version in SETS.items()]
    subprocess.run(["npm", "install", "--silent", *packages, "emojibase-data@17"], cwd=work, check=True)


def _render(work: Path, size: int, cache: Path) -> None:
    labels = _labels(work)
    images, names, keywords = [], [], []
    for vendor in SETS:
        folder = work / "node_modules/@iconify-json" / vendor
        print(vendor, json.loads((folder / "info.json").read_text(encoding="utf-8"))["license"])
        icons = json.loads((folder / "icons.json").read_text(encoding="utf-8"))
        for code, icon_name in json.loads((folder / "chars.json").read_text(encoding="utf-8")).items():
            key = _key(code)
            if SKIN_TONES & set(key.split("-")) or key not in labels or icon_name not in icons["icons"]:
                continue
            images.append(_pixels(icons, icon_name, size))
            names.append(labels[key][0])
            keywords.append(labels[key][1])
    np.savez(cache, images=np.stack(images), names=np.array(names), keywords=np.array(json.dumps(keywords)))


def _labels(work: Path) -> dict[str, tuple[str, list[str]]]:
    rows = json.loads((work / "node_modules/emojibase-data/en/data.json").read_text(encoding="utf-8"))
    return {_key(row["hexcode"]): (row["label"].lower(), row.get("tags", [])) for row in rows}


def _key(code: str) -> str:
    return "-".join(part for part in code.lower().split("-") if part != "fe0f")


def _pixels(icons: dict, name: str, size: int) -> np.ndarray:
    icon = icons["icons"][name]
    box = [icon.get(k, icons.get(k, d)) for k, d in (("left", 0), ("top", 0), ("width", 16), ("height", 16))]
    view = f'width="{size}" height="{size}" viewBox="{" ".join(map(str, box))}"'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" {view}>{icon["body"]}</svg>'
    png = resvg_py.svg_to_bytes(svg_string=svg, background="#ffffff")
    return np.asarray(Image.open(io.BytesIO(bytes(png))).convert("RGB")).transpose(2, 0, 1)


if __name__ == "__main__":
    write_table(Path(".work/vendor"))
