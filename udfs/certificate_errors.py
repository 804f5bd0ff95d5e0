"""Why a TLS connection failed, out of whatever a client library wrapped it in."""

from __future__ import annotations

import ssl

CERTIFICATE_ADVICE = (
    "let SSL_CERT_FILE name the file of your firm's certificate authorities, which is PEM, and check the clock"
)


def certificate_error(error: BaseException | None) -> str | None:
    """Return what is wrong with a certificate, the other side's or an authority's; None if something else went wrong.

    Parameters
    ----------
    error : BaseException or None
        Of a library: the cause is looked for in what it was raised from, in its arguments and in its ``reason``.

    Examples
    --------
    >>> inner = ssl.SSLCertVerificationError(1, "certificate verify failed: self-signed certificate (_ssl.c:1)")
    >>> certificate_error(OSError("wrapped", inner))
    'a certificate that cannot be verified (self-signed certificate)'
    >>> certificate_error(OSError("no route")) is None
    True
    """
    seen: set[int] = set()
    pending: list[object] = [error]
    while pending:
        found = pending.pop()
        if not isinstance(found, BaseException) or id(found) in seen:
            continue
        seen.add(id(found))
        if isinstance(found, ssl.SSLCertVerificationError):
            said = getattr(found, "verify_message", "") or str(found.args[-1]).partition("verify failed: ")[2]
            return f"a certificate that cannot be verified ({_without_place(said)})"
        if isinstance(found, ssl.SSLError) and found.library == "X509":
            return f"a file of certificate authorities that is not PEM ({_without_place(str(found))})"
        pending += [*found.args, getattr(found, "reason", None), found.__cause__, found.__context__]
    return None


def _without_place(said: str) -> str:
    """Leave out where in OpenSSL and in Python's source it was found."""
    reason = said.partition(" (_ssl")[0]
    return (reason.partition("] ")[2] if reason.startswith("[") else reason) or "no reason given"
