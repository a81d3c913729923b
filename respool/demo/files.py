"""Files that a client uploads as multipart forms, and gets back byte for byte."""

from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP

from respool.demo import errors
from respool.demo.ids import Mint
from respool.demo.received import Received
from respool.demo.scene import Json


class Files:
    """All files, by id."""

    def __init__(self) -> None:
        self._objects: dict[str, Json] = {}
        self._contents: dict[str, bytes] = {}

    def create(self, request: Received, mint: Mint) -> Json:
        """Keep the form's `file`. Raises ApiError, 400."""
        form = _form(request)
        if "file" not in form:
            raise errors.unreadable("Missing required parameter: 'file'.", param="file")
        content = _content(form["file"])
        purpose = _content(form["purpose"]).decode() if "purpose" in form else "user_data"
        made: Json = {
            "id": f"file-{mint.padding(24)}",
            "object": "file",
            "bytes": len(content),
            "created_at": mint.now,
            "expires_at": None,
            "filename": form["file"].get_filename() or "file",
            "purpose": purpose,
            "status": "processed",
            "status_details": None,
        }
        self._objects[made["id"]] = made
        self._contents[made["id"]] = content
        return made

    def found(self, file_id: str) -> Json:
        """The file object. Raises ApiError, 404."""
        if file_id not in self._objects:
            raise errors.no_such("File", file_id)
        return self._objects[file_id]

    def content(self, file_id: str) -> bytes:
        """Its bytes. Raises ApiError, 404."""
        self.found(file_id)
        return self._contents[file_id]


def _form(request: Received) -> dict[str, Message]:
    """The parts of a multipart form by name, empty if it is none."""
    head = f"content-type: {request.header('content-type')}\r\n\r\n".encode("latin-1")
    whole: Message = BytesParser(policy=HTTP).parsebytes(head + request.body)
    parts = whole.get_payload() if whole.is_multipart() else []
    named = {}
    for part in parts if isinstance(parts, list) else []:
        if isinstance(part, Message):
            name = part.get_param("name", header="content-disposition")
            named[str(name)] = part
    return named


def _content(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""
