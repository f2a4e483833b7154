"""The KQL front end: text -> tokens -> syntax tree -> typed plan -> rewritten plan -> SQL tree. It knows no engine."""
