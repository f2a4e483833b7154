"""The formats of others, a file each; a module that declares a TARGET is a target."""
