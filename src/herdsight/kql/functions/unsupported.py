"""Functions and plugins that Kusto has and Herdsight has not, with the reason, which is what a reader is told."""

from collections.abc import Mapping

# The names by the reason, which is what the message says.
REASONS: Mapping[str, tuple[str, ...]] = {
    "shapes on the Earth are not computed here": (
        *("geo_angle", "geo_azimuth", "geo_closest_point_on_line", "geo_closest_point_on_polygon"),
        *("geo_distance_point_to_line", "geo_distance_point_to_polygon", "geo_from_wkt"),
        *("geo_geohash_neighbors", "geo_geohash_to_central_point", "geo_geohash_to_polygon", "geo_h3cell_children"),
        *("geo_h3cell_level", "geo_h3cell_neighbors", "geo_h3cell_parent", "geo_h3cell_rings"),
        *("geo_h3cell_to_central_point", "geo_h3cell_to_polygon", "geo_intersection_2lines"),
        *("geo_intersection_2polygons", "geo_intersection_line_with_polygon", "geo_intersects_2lines"),
        *("geo_intersects_2polygons", "geo_intersects_line_with_polygon", "geo_line_buffer", "geo_line_centroid"),
        *("geo_line_densify", "geo_line_interpolate_point", "geo_line_length", "geo_line_locate_point"),
        *("geo_line_simplify", "geo_line_to_s2cells", "geo_point_buffer", "geo_point_in_circle"),
        *("geo_point_in_polygon", "geo_point_to_geohash", "geo_point_to_h3cell", "geo_point_to_s2cell"),
        *("geo_polygon_area", "geo_polygon_buffer", "geo_polygon_centroid", "geo_polygon_densify"),
        *("geo_polygon_perimeter", "geo_polygon_simplify", "geo_polygon_to_h3cells", "geo_polygon_to_s2cells"),
        *("geo_s2cell_neighbors", "geo_s2cell_to_central_point", "geo_s2cell_to_polygon"),
        *("geo_simplify_polygons_array", "geo_union_lines_array", "geo_union_polygons_array"),
    ),
    "graphs are not here": (
        *("all", "any", "inner_nodes", "labels", "map", "node_degree_in", "node_degree_out", "node_id"),
    ),
    "only a cluster has it": (
        *("current_cluster_endpoint", "current_database", "current_node_id", "current_principal"),
        *("current_principal_details", "current_principal_is_member_of", "cursor_after", "cursor_before_or_at"),
        *("cursor_current", "current_cursor", "entity_group", "estimate_data_size", "extent_id", "extentid"),
        *("extent_tags", "external_table", "materialized_view", "row_id", "rowstore_ordinal_range"),
        "stored_query_result",
    ),
    "it is not done yet": (
        *("assert", "around", "column_names_of", "hash_combine", "hash_many", "hll_isvalid"),
        *("iscolumnexists", "parse_user_agent", "percentiles_array_tdigest", "tdigest_isvalid"),
    ),
}
UNSUPPORTED: Mapping[str, str] = {name: why for why, names in REASONS.items() for name in names}

PLUGIN_REASONS: Mapping[str, tuple[str, ...]] = {
    "nothing is fetched from the network": (
        *("ai_chat_completion", "ai_chat_completion_prompt", "ai_embed_text", "ai_embeddings"),
        *("azure_digital_twins_query_request", "cosmosdb_sql_request", "http_request", "http_request_post"),
        *("mysql_request", "postgresql_request", "sql_request"),
    ),
    "no code of a query's own runs here": ("python", "r"),
    "shapes on the Earth are not computed here": ("geo_line_lookup", "geo_polygon_lookup"),
    "only a cluster has it": ("infer_storage_schema", "infer_storage_schema_with_suggestions"),
    "it is not done yet": (
        *("active_users_count", "activity_counts_metrics", "activity_engagement", "activity_metrics", "autocluster"),
        *("basket", "dcount_intersect", "diffpatterns", "diffpatterns_text", "funnel_sequence"),
        *("funnel_sequence_completion", "new_activity_metrics", "preview", "rolling_percentile"),
        *("schema_merge", "sequence_detect", "session_count", "sliding_window_counts"),
    ),
}
UNSUPPORTED_PLUGINS: Mapping[str, str] = {name: why for why, names in PLUGIN_REASONS.items() for name in names}
