"""Our certificate authority, and the variables by which clients trust it or anything at all.

In front of a base URL nobody needs our authority; by HTTPS_PROXY every client has to trust it.
"""

import os
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from addons.authority import SOON, anew, certificate, default_folder, flaw, is_vacant
from respool.doctor.certificates import certificates, expiry
from respool.doctor.finding import Asked, Finding, ok, problem, warning
from respool.doctor.origin import Origin
from respool.trust import TRUST, in_force

ROOT_FILES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""The first of these that is set says whom respool itself trusts, see `upstream_roots`."""
_NEEDED = ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")


def _certificate() -> Path:
    return certificate(default_folder())


def variables(_: Asked) -> Iterator[Finding]:
    """Whether the files that the trust variables name can be used."""
    sound = []
    ours = next((name for name in ROOT_FILES if os.environ.get(name)), "")
    for each in TRUST:
        name = each.name
        if not (value := os.environ.get(name)):
            continue
        if why := _unusable(Path(value), folder=each.folders):
            make = problem if name == ours else warning
            readers = f"{each.clients}{', and by respool itself' if name == ours else ''}"
            yield make(
                "trust",
                f"{name} names {value}, {why}",
                f"unset it, or name a bundle of certificates; it is read by {readers}",
            )
        elif name == ours and _only_ours(Path(value)):
            yield problem(
                "trust",
                f"{name} names respool's own authority alone: respool, which reads it too, "
                "cannot verify the upstream",
                "set it for the client only, not where respool is started",
            )
        else:
            sound.append(name)
    if os.environ.get("NODE_TLS_REJECT_UNAUTHORIZED") == "0":
        yield warning(
            "trust",
            "NODE_TLS_REJECT_UNAUTHORIZED=0: Node verifies no certificate at all",
            "unset it; respool does not need it",
        )
    if sound:
        yield ok("trust", f"{', '.join(sound)} can be read")


def _unusable(path: Path, *, folder: bool) -> str:
    """What is wrong with certificates, as the end of a sentence; empty if nothing is.

    Only with `folder` can they be in one.
    """
    if path.is_dir() and not folder:
        return "which is a folder"
    try:
        return "" if certificates(path) else "which holds no certificate"
    except FileNotFoundError:
        return "which is not there"
    except OSError as error:
        return f"which cannot be read: {error.strerror}"


def _only_ours(path: Path) -> bool:
    own = _certificate()
    return own.exists() and certificates(path) <= certificates(own)


def authority(asked: Asked) -> Iterator[Finding]:
    """Our authority and its key; quiet where it is not needed and nothing is wrong."""
    needed = asked.proxy or _comes_by_proxy()
    path = _certificate()
    advice = anew(path.parent)
    try:
        if is_vacant(path.parent):
            if needed:
                makes = f"`respool record --proxy` makes one in {path.parent}"
                yield ok("authority", f"none yet; {makes}")
            return
        damage = flaw(path.parent)
    except OSError as error:
        damage = f"{path.parent} cannot be read: {error.strerror or error}"
    yield from _exposed(path.parent)
    if damage:  # no authority is made where something is, and nothing is recorded without one
        yield problem("authority", damage, advice)
        return
    make = problem if needed else warning
    try:
        until = expiry(path)
    except (OSError, ValueError) as error:
        yield problem("authority", f"{path} is unusable: {error}", advice)
        return
    now = datetime.now(UTC)
    if until < now:
        yield make("authority", f"expired on {until.date()}: no client trusts it", advice)
    elif until < now + SOON:
        yield warning("authority", f"expires on {until.date()}", advice)
    elif needed:
        yield ok("authority", f"{path}, valid until {until.date()}")
    if needed and not asked.command:
        yield from _trusted(path)


def _comes_by_proxy() -> bool:
    """Whether HTTPS_PROXY leads to this machine."""
    origin = Origin.of(os.environ.get("https_proxy") or os.environ.get("HTTPS_PROXY") or "")
    return origin is not None and origin.is_loopback


def _exposed(place: Path) -> Iterator[Finding]:
    """Warn where others could read the key, with which whoever trusts it can be deceived."""
    for path in (place, place / "mitmproxy-ca.pem", place / "mitmproxy-ca.p12"):
        if not path.exists():
            continue
        forbidden = 0o022 if path.is_dir() else 0o077
        if path.stat().st_mode & forbidden:
            yield warning(
                "authority",
                f"{path} is open to other users, and holds the authority's private key",
                f"chmod go-rwx {path}; if others may have read it, delete {place} and make a new "
                "one",
            )


def _trusted(own: Path) -> Iterator[Finding]:
    """By which variables of this environment clients trust the authority, and by which not."""
    (wanted,) = list(certificates(own))[:1] or [b""]
    trusting, lacking = [], []
    for each in TRUST:
        file = in_force(each, os.environ)
        if file is not None and file.exists() and wanted in certificates(file):
            trusting.append(each.name)
        elif file is not None or each.name in _NEEDED:
            lacking.append(each.name)
    if _in_system_store(wanted):
        trusting.append("the system's store")
    if lacking:
        yield warning(
            "authority",
            f"not trusted by {', '.join(lacking)} of this environment: clients that read them "
            "refuse what comes through respool",
            "start the client as CMD of `respool record --proxy`, or set there what that prints",
        )
    if trusting:
        yield ok("authority", f"trusted by {', '.join(trusting)}")


def _in_system_store(wanted: bytes) -> bool:
    store = ssl.get_default_verify_paths().openssl_cafile
    places = (Path(store), Path("/etc/ssl/certs/ca-certificates.crt"), Path("/etc/ssl/cert.pem"))
    return any(path.is_file() and wanted in certificates(path) for path in places)
