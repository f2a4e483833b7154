"""Flows as routers, clouds and flow tools tell them."""
