"""Log formats, one file each: how a format is recognised by its content, how it is read, and how it is written."""
