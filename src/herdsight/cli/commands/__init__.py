"""One file per command; each has the click command under the file's own name (`import_`: Python keeps `import`)."""
