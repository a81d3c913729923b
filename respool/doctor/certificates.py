"""Files of certificates: which are in them, and until when one is valid. Keys are never read."""

import os
import re
import ssl
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


@cache
def certificates(path: Path) -> frozenset[bytes]:
    """The certificates in a PEM file, in DER, or in a folder of them.

    Raises OSError for a file that cannot be read.
    """
    if path.is_dir():
        files = (each for each in path.iterdir() if each.is_file() and os.access(each, os.R_OK))
        return frozenset(one for each in files for one in certificates(each))
    found = set()
    for text in _PEM.findall(path.read_text("latin-1")):
        try:
            found.add(ssl.PEM_cert_to_DER_cert(text))
        except ValueError:  # not base64
            continue
    return frozenset(found)


def expiry(path: Path) -> datetime:
    """When the first authority in a PEM file expires. Raises OSError or ValueError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cafile=path)
    except ssl.SSLError as error:
        raise ValueError("no certificate can be read") from error
    authorities = context.get_ca_certs()
    if not authorities:
        raise ValueError("it is the certificate of no authority")
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(authorities[0]["notAfter"])), UTC)
