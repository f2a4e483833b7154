"""The words of the language that are no names, unless they stand in brackets."""

# Nothing can be called by one of these.
_NEVER = """
    __contextual_datatable __crossCluster __crossDB __executeAndCache __id __isFuzzy __noWithSource __packedColumn
    __projectAway __sourceColumnIndex and anomalychart areachart asc bagexpansion barchart between bin_legacy
    boolean byte cachingpolicy callout cancel card char columnchart contains_cs containscs cycles dataexport
    datascope date datetime decimal decodeblocks desc double dynamic encodingpolicy endswith endswith_cs
    expandoutput extent_tags_retention external_data first flags float force_remote harddelete hardretention has_all
    has_any has_cs hasprefix hasprefix_cs hassuffix hassuffix_cs hotcache int int16 int32 int64 int8 isfuzzy journal
    ladderchart last like likecs linechart long missing nooptimization notcontains notcontainscs notlike notlikecs
    or others pathformat piechart pivotchart project queries query_results real relaxed restricted_view_access
    row_level_security rowstore rowstore_references rowstore_sealinfo rowstorepolicy rowstores scatterchart seal
    seals shards simple softdelete softretention stackedareachart startswith startswith_cs statistics
    storedqueryresultcontainers string tablepurge time timechart timeline timepivot timespan treemap uint uint16
    uint32 uint64 uint8 ulong union uniqueid unrestrictedviewers views with_itemindex with_match_id with_step_name
    writeaheadlog
"""
# A column may be given one of these names, and is then in brackets where its value is meant.
_NO_VALUE = """
    accumulate as by contains datatable earliest externaldata find has in invoke latest materialize mdm of print
    sample search set sql title to toscalar totable verbose viewers where
"""
# The other way round: what has such a name can be meant by it, and nothing can be given it.
_NOT_GIVEN = "kind with_source withsource"

NEW = frozenset(f"{_NEVER} {_NOT_GIVEN}".split())  # no name for a new column
VALUES = frozenset(f"{_NEVER} {_NO_VALUE}".split())  # no name of a value
BOUND = NEW | VALUES  # no name for let, as and range to bind
