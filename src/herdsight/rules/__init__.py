"""Rules: detections as data, in the shape of a Sentinel analytics rule and a little more. Knows no KQL."""
