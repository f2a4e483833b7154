"""A solution for Microsoft Sentinel's Content Hub: the folder that its packager reads, with all that goes into it."""

from dataclasses import replace

from herdsight.exporting.microsoft.arm import template
from herdsight.exporting.microsoft.watching import ALIAS, watchlist
from herdsight.exporting.model import Content, Export, File, RuleTarget
from herdsight.exporting.targets.sentinel import export_sentinel
from herdsight.exporting.targets.sentinel_hunting import export_hunting
from herdsight.exporting.targets.sentinel_workbook import export_workbook
from herdsight.exporting.texts import document
from herdsight.exporting.together import joined, moved

_NAME = "Herdsight"
_VERSION = "3.0.0"  # the packager's third form, whose solutions begin here
_PUBLISHED = "2026-11-24"
_LOGO = "https://raw.githubusercontent.com/Azure/Azure-Sentinel/master/Logos/Azure_Sentinel.svg"
_SAYS = (
    "Finds bots, relays and floods in network and DNS logs: botnets (ATT&CK T1583.005), their relays and their targets."
    " The rules read Microsoft Defender's device events, CommonSecurityLog and the normalised (ASIM) tables."
)
_RULES, _HUNTING, _WORKBOOKS, _WATCHLISTS = "Analytic Rules", "Hunting Queries", "Workbooks", "Watchlists"


def _export(content: Content) -> Export:
    parts = joined(
        (
            moved(export_sentinel(content), _RULES),
            moved(export_hunting(content), _HUNTING),
            moved(export_workbook(content), _WORKBOOKS),
            moved(_watchlist(content), _WATCHLISTS),
        )
    )
    own = (
        File(f"Data/Solution_{_NAME}.json", document(_data(parts))),
        File("SolutionMetadata.json", document(_metadata())),
    )
    return replace(parts, files=(*own, *parts.files))


def _watchlist(content: Content) -> Export:
    """The tuning entries, where there are any, as solutions have watchlists: by their place in a workspace."""
    if not content.tuning:
        return Export(())
    resource: dict[str, object] = {
        "type": "Microsoft.OperationalInsights/workspaces/providers/Watchlists",
        "name": f"[concat(parameters('workspace'), '/Microsoft.SecurityInsights/{ALIAS}')]",
        "apiVersion": "2021-04-01",
        "properties": watchlist(content.tuning),
    }
    return Export((File(f"{ALIAS}.json", template([resource])),))


def _data(parts: Export) -> dict[str, object]:
    """What the solution is made of: paths in the folder."""
    found = {
        kind: [each.path for each in parts.files if each.path.startswith(f"{kind}/")]
        for kind in (_WORKBOOKS, _RULES, _HUNTING, _WATCHLISTS)
    }
    return {
        "Name": _NAME,
        "Author": "The Herdsight authors",
        "Logo": f'<img src="{_LOGO}" width="75px" height="75px">',
        "Description": _SAYS,
        **{kind: paths for kind, paths in found.items() if paths},
        "BasePath": f"C:\\GitHub\\Azure-Sentinel\\Solutions\\{_NAME}",
        "Version": _VERSION,
        "Metadata": "SolutionMetadata.json",
        "TemplateSpec": True,
        "Is1PConnector": False,
    }


def _metadata() -> dict[str, object]:
    return {
        "publisherId": _NAME.lower(),
        "offerId": f"azure-sentinel-solution-{_NAME.lower()}",
        "firstPublishDate": _PUBLISHED,
        "lastPublishDate": _PUBLISHED,
        "providers": [_NAME],
        "categories": {"domains": ["Security - Network", "Security - Threat Protection"]},
        "support": {
            "name": "The Herdsight authors",
            "tier": "Community",
            "link": "https://github.com/Azure/Azure-Sentinel/issues",
        },
    }


TARGET = RuleTarget(
    "sentinel-solution",
    "A solution for Microsoft Sentinel's Content Hub: the folder that its packager reads.",
    _export,
    ("", "--tuning tuning.yaml"),
)
