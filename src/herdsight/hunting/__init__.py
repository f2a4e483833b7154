"""The main job: rules replayed (schedule), their alerts merged (leads), proved (evidence) and judged (hunt)."""
