"""What the targets of Microsoft's products share: forms of rules, templates, surfaces, and what one event can tell."""
