"""Pictures to upload, and uploading them."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from aiohttp import FormData
from PIL import Image

from tests.members import Person


def picture(width: int = 64, height: int = 48) -> bytes:
    """A PNG."""
    file = BytesIO()
    Image.linear_gradient("L").resize((width, height)).save(file, "PNG")
    return file.getvalue()


def upload_form(data: bytes, **fields: str) -> FormData:
    """A form with a file and these fields."""
    form = FormData(fields)
    form.add_field("file", data, filename="picture.png", content_type="image/png")
    return form


async def upload(person: Person, **fields: str) -> Any:
    """Upload a picture; its media attachment."""
    return await person.post("/api/v2/media", data=upload_form(picture(), **fields))
