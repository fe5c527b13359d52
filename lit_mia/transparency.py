"""Transparent images as plain RGB."""

from PIL import Image


def rgb_over_white(image: Image.Image) -> Image.Image:
    """The image as RGB, with white behind its transparent pixels."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
