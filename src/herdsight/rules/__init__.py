"""Rules: detections as data, in the shape of a Sentinel analytics rule, with what Herdsight adds to it. Knows no KQL."""
