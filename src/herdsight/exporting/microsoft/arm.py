"""Templates of Azure Resource Manager: resources of Microsoft Sentinel in a workspace that is named at deployment."""

from collections.abc import Sequence

from herdsight.exporting.texts import document

_SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
API_VERSION = "2025-09-01"  # of Microsoft.SecurityInsights
_WORKSPACE = "The Log Analytics workspace of Microsoft Sentinel, in the resource group that is deployed to."


def template(resources: Sequence[dict[str, object]]) -> str:
    """The text of a template."""
    whole = {
        "$schema": _SCHEMA,
        "contentVersion": "1.0.0.0",
        "parameters": {"workspace": {"type": "string", "metadata": {"description": _WORKSPACE}}},
        "resources": [*resources],
    }
    return document(whole)


def resource(family: str, name: str, properties: dict[str, object], **more: object) -> dict[str, object]:
    """A resource of Sentinel: `family` as in `Microsoft.SecurityInsights/alertRules`."""
    return {
        "type": f"Microsoft.SecurityInsights/{family}",
        "apiVersion": API_VERSION,
        "scope": "[concat('Microsoft.OperationalInsights/workspaces/', parameters('workspace'))]",
        "name": name,
        **more,
        "properties": literal(properties),
    }


def literal(value: object) -> object:
    """A value in which no text is taken for an expression: one in brackets would be, but for a second `[`."""
    match value:
        case str():
            return f"[{value}" if value.startswith("[") and value.endswith("]") else value
        case list():
            return [literal(each) for each in value]
        case dict():
            return {name: literal(each) for name, each in value.items()}
        case _:
            return value
