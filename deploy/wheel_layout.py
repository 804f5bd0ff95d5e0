"""How the wheel is laid out: `exchange_fingerprint` is its only name, and has the packages that lie beside it here."""

from __future__ import annotations

from pathlib import Path

from setuptools.command.build_py import build_py


class PrivatePackages(build_py):
    """Puts the packages with short names where `exchange_fingerprint.own_packages` finds them.

    An editable installation takes the checkout as it is.
    """

    def run(self) -> None:
        """Build, then move them."""
        super().run()
        if self.editable_mode:
            return
        folder = Path(self.build_lib)
        public = folder / "exchange_fingerprint"
        private = public / "_packages"
        private.mkdir(exist_ok=True)
        for package in {name.partition(".")[0] for name in self.packages} - {public.name}:
            (folder / package).rename(private / package)
