"""Whose network an address is in."""

import random
from ipaddress import ip_address, ip_network

import pytest

from herdsight.analytics import clouds
from herdsight.analytics.clouds import Kind, network_of
from herdsight.analytics.known import is_popular_itself, is_public_suffix, warning_list


@pytest.mark.parametrize(
    ("address", "name", "kind"),
    [
        ("104.16.0.1", "Cloudflare", Kind.CONTENT),  # 104.16.0.0/13
        ("104.23.255.255", "Cloudflare", Kind.CONTENT),
        ("2606:4700::1111", "Cloudflare", Kind.CONTENT),  # 2606:4700::/32
        ("151.101.1.1", "Fastly", Kind.CONTENT),
        ("17.1.2.3", "Apple", Kind.SERVICE),
    ],
)
def test_published_ranges(address: str, name: str, kind: Kind) -> None:
    (owner,) = network_of([address])
    assert owner is not None
    assert (owner.name, owner.kind) == (name, kind)


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1", "", "no address", "104.16.0.1/32"])
def test_what_nobody_publishes(address: str) -> None:
    assert network_of([address]) == [None]


def test_no_addresses() -> None:
    assert network_of([]) == []


def test_a_sinkhole_inside_a_cloud_is_a_sinkhole() -> None:
    inside = next(each for each in warning_list("sinkholes") if "/" not in each)
    (owner,) = network_of([inside])
    assert owner is not None
    assert owner.kind is Kind.SINKHOLE


def test_the_narrowest_range_counts() -> None:
    """Segments against a plain search through all ranges."""
    drawn = random.Random(7)  # noqa: S311 no secret
    ranges = [
        (ip_network(text, strict=False), owner) for name, owner in clouds._LISTS.items() for text in warning_list(name)
    ]
    chosen = drawn.sample([network for network, _ in ranges], 60)
    addresses = [
        str(type(network[0])(number))
        for network in chosen
        for number in (int(network[0]) - 1, int(network[0]), int(network[-1]), int(network[-1]) + 1)
    ]
    for address, found in zip(addresses, network_of(addresses), strict=True):
        around = [pair for pair in ranges if ip_address(address) in pair[0]]
        if found is not None and found.kind is Kind.SCANNER:
            continue  # of other lists
        narrowest = max((network.prefixlen for network, _ in around), default=None)
        owners: set[clouds.Owner | None] = {owner for network, owner in around if network.prefixlen == narrowest}
        assert found in (owners or {None})


def test_names() -> None:
    assert is_public_suffix("co.uk")
    assert not is_public_suffix("example.co.uk")
    assert is_popular_itself("google.com")
    assert not is_popular_itself("mail.example-of-nobody.com")
