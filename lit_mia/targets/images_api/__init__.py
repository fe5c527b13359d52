"""A client of the OpenAI-compatible Images API."""

from lit_mia.targets.images_api.client import ImagesClient
from lit_mia.targets.images_api.pace import Pace
from lit_mia.targets.images_api.settings import Endpoint, ImageQuery, ImagesAPI, write_image

__all__ = ["Endpoint", "ImageQuery", "ImagesAPI", "ImagesClient", "Pace", "write_image"]
