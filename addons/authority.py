"""The certificate authority that signs for recorded hosts, and the roots that stand beside it.

It is respool's own, made once per user in a folder that nobody else can enter; the user's
mitmproxy has another. Its private key leaves the folder in no way: what clients are given is a
bundle of its certificate and of the roots that they trusted before.
"""

import hashlib
import os
import re
import shutil
import ssl
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from wire.errors import RespoolError

CERTIFICATE = "mitmproxy-ca-cert.pem"
_PRIVATE = "mitmproxy-ca.pem"
SOON = timedelta(days=14)
"""How long before its end an authority is called old."""
_PEM = re.compile(rb"-----BEGIN ((?:TRUSTED )?CERTIFICATE)-----.+?-----END \1-----", re.DOTALL)


class NoAuthority(RespoolError):
    """The folder of the certificate authority cannot be used."""


def default_folder() -> Path:
    """Where the authority of this user lies, whether or not it was made yet."""
    from platformdirs import user_data_path

    return user_data_path("respool") / "mitmproxy"


def certificate(folder: Path) -> Path:
    """The certificate to trust; it is there once `make` has been called."""
    return folder / CERTIFICATE


def make(folder: Path) -> None:
    """Make the authority where there is none, whole or not at all. Raises NoAuthority."""
    from mitmproxy.certs import CertStore

    try:
        if is_vacant(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
            made = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
            try:
                CertStore.create_store(
                    made, "mitmproxy", 2048, organization="respool", cn="respool"
                )
                made.rename(folder)
            except OSError:
                if is_vacant(folder):  # else somebody else was faster
                    raise
            finally:
                shutil.rmtree(made, ignore_errors=True)
        folder.chmod(0o700)
        damage = flaw(folder)
    except OSError as error:
        raise NoAuthority(
            f"cannot use the folder of respool's certificate authority, {folder}: "
            f"{error.strerror or error}; make it writable, or set XDG_DATA_HOME to another"
        ) from error
    if damage:
        raise NoAuthority(f"respool's certificate authority is damaged: {damage}; {anew(folder)}")


def flaw(folder: Path) -> str:
    """What is wrong with the authority in a folder, the empty string for nothing.

    The key is read, to see that it belongs to the certificate. Raises OSError.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    found = []
    for name in (_PRIVATE, CERTIFICATE):
        try:
            text = (folder / name).read_bytes()
            found.append(x509.load_pem_x509_certificate(text))
            if name == _PRIVATE:
                key = load_pem_private_key(text, None)
        except FileNotFoundError:
            return f"{folder / name} is not there"
        except (ValueError, TypeError):  # the latter for a key with a password
            return f"{folder / name} is cut off, or is none of respool's making"
    if found[0] != found[1] or key.public_key() != found[0].public_key():
        return f"{folder / _PRIVATE} and {CERTIFICATE} do not belong together"
    return ""


def ageing(folder: Path) -> str:
    """That a sound authority has expired or soon will, and what to do; the empty string if not."""
    from cryptography import x509

    found = x509.load_pem_x509_certificate(certificate(folder).read_bytes())
    until, now = found.not_valid_after_utc, datetime.now(UTC)
    if until > now + SOON:
        return ""
    when = "expires" if until > now else "is refused by clients, as it expired"
    return f"respool's certificate authority {when} on {until.date()}; {anew(folder)}"


def anew(folder: Path) -> str:
    """What to do about an authority that cannot be used."""
    return f"delete {folder}: the next recording makes a new one; then let clients trust that"


def is_vacant(folder: Path) -> bool:
    """Whether there is room for an authority to be made. Raises OSError."""
    return not folder.is_dir() or not any(folder.iterdir())


def usual_roots() -> tuple[Path, ...]:
    """The roots that are in force where no file of them is named: certifi's and the system's."""
    import certifi

    paths = ssl.get_default_verify_paths()
    folders = [paths.capath] if paths.capath and not paths.cafile else []
    folders += os.environ.get("SSL_CERT_DIR", "").split(os.pathsep)  # which adds to the file
    found = (certifi.where(), paths.cafile, *folders)
    return tuple(Path(each) for each in dict.fromkeys(found) if each)


def bundle(folder: Path, sources: Sequence[Path], *, own: bool = True) -> Path:
    """A file of all certificates of `sources`, and with `own` that of our authority.

    Each source is a file, or a folder of them. It lies in `folder`, under a name that is the same
    for the same sources, and is written anew each time. Raises NoAuthority.
    """
    named = "\n".join(map(str, sources)).encode()
    path = folder / f"{'trust' if own else 'roots'}-{hashlib.sha256(named).hexdigest()[:8]}.pem"
    files = [certificate(folder)] if own else []
    found: dict[bytes, bytes] = {}
    try:
        for source in sources:
            files += _members(source) if source.is_dir() else [source]
        for file in files:
            for block in _PEM.finditer(_read(file)):
                found.setdefault(b"".join(block[0].split()), block[0])
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as out:
            out.write(b"\n".join(found.values()) + b"\n")
        Path(out.name).rename(path)
    except OSError as error:
        raise NoAuthority(
            f"cannot write {path}: {error.strerror or error}; make the folder writable"
        ) from error
    return path


def _members(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes() if file.is_file() else b""
    except OSError:
        return b""  # as a client does that finds a root that it may not read


def upstream_roots(folder: Path) -> Path:
    """What servers' certificates are checked against: the user's file of roots, else the usual.

    It may be a folder of them, as requests allows. Raises NoAuthority where it is not there, or is
    a folder without any.
    """
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        if named := os.environ.get(name):
            path = Path(named)
            if path.is_dir():
                found = bundle(folder, [path], own=False)
                if found.read_bytes().strip():
                    return found
                raise NoAuthority(
                    f"{name} names {named}, a folder without certificates; mend or unset it"
                )
            if not path.is_file():
                raise NoAuthority(f"{name} names {named}, which is no file; mend or unset it")
            return path
    return bundle(folder, usual_roots(), own=False)
