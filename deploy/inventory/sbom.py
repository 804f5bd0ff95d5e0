"""The inventory as a CycloneDX document."""

from __future__ import annotations

from collections.abc import Sequence

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense, License
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from deploy.inventory.part import UNKNOWN, Part

_TYPES = {"image": ComponentType.CONTAINER}


def write_sbom(name: str, version: str, parts: Sequence[Part]) -> str:
    """Write a CycloneDX 1.6 document in JSON.

    Parameters
    ----------
    name, version : str
        Of the project.
    parts : sequence of Part
        Each becomes a component with its purl. One without a licence gets the property ``licence: unknown``.
    """
    bom = Bom()
    ours = Component(type=ComponentType.APPLICATION, name=name, version=version, bom_ref=name)
    bom.metadata.component = ours
    components = {part.purl: _component(part) for part in parts}
    for component in components.values():
        bom.components.add(component)
    needed = {purl for part in parts for purl in part.needs}
    bom.register_dependency(ours, [components[purl] for purl in components if purl not in needed])
    for part in parts:
        bom.register_dependency(components[part.purl], [components[purl] for purl in part.needs])
    return str(JsonV1Dot6(bom).output_as_string(indent=2)) + "\n"


def _component(part: Part) -> Component:
    properties = [Property(name="exchange-fingerprint:pinned-by", value=part.source)]
    if not part.licences:
        properties.append(Property(name="exchange-fingerprint:licence", value=UNKNOWN))
    return Component(
        type=_TYPES.get(part.kind, ComponentType.LIBRARY),
        group=part.group or None,
        name=part.name,
        version=part.version or None,
        purl=PackageURL.from_string(part.purl),
        bom_ref=part.purl,
        licenses=_licences(part),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=part.sha256)] if part.sha256 else [],
        properties=properties,
    )


def _licences(part: Part) -> list[License]:
    """Make licences of names; an expression may stand alone only, so that one of several is a name."""
    factory = LicenseFactory()
    if len(part.licences) == 1:
        return [factory.make_from_string(part.licences[0])]
    return [factory.make_with_id(name) if _is_id(name) else factory.make_with_name(name) for name in part.licences]


def _is_id(name: str) -> bool:
    made = LicenseFactory().make_from_string(name)
    return isinstance(made, DisjunctiveLicense) and made.id is not None
