"""CEF and LEEF, as firewalls and other devices write them."""
