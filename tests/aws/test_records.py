"""The records of the domain, and what an installation costs."""

from __future__ import annotations

import json

import pytest

from cis_mcp.aws import costs, dns
from tests.aws.installing import DOMAIN, ROOT, dns_records


def test_records_are_written_for_people_for_bind_and_for_cloudflare() -> None:
    text, bind, cloudflare = (form(dns_records()) for form in dns.FORMS.values())
    assert "inbound-smtp.eu-west-1.amazonaws.com." in text
    assert f"{DOMAIN}. 300 IN MX 10 inbound-smtp.eu-west-1.amazonaws.com." in bind
    assert f'_dmarc.{DOMAIN}. 300 IN TXT "v=DMARC1; p=quarantine; adkim=r; aspf=r"' in bind
    lines = [json.loads(line) for line in cloudflare.splitlines()]
    assert len(lines) == len(dns_records()) == 6
    assert {"type": "CNAME", "proxied": False}.items() <= lines[1].items()


def test_bind_reads_what_is_written_for_it() -> None:
    import dns.zone

    zone = dns.zone.from_text(
        f"$ORIGIN {DOMAIN}.\n@ 300 IN SOA a. b. 1 2 3 4 5\n@ 300 IN NS a.\n{_bind()}", DOMAIN
    )
    assert str(zone.find_rdataset("abc._domainkey", "CNAME")[0].target) == "abc.dkim.amazonses.com."


def _bind() -> str:
    return f"{dns.bind(dns_records())}\n"


def test_the_estimate_grows_with_the_mail_and_names_its_parts() -> None:
    small, large = (costs.estimate(n, "t4g.small", 20) for n in (1_000, 1_000_000))
    assert small.machine == large.machine > 0
    assert large.mail_out == 100.0
    assert "1,000,000 invites a month" in large.line


@pytest.mark.parametrize("invites", [1_000, 100_000, 1_000_000])
def test_the_costs_in_the_docs_are_those_of_the_estimate(invites: int) -> None:
    lines = (ROOT / "docs/aws.md").read_text().splitlines()
    one, far = (costs.estimate(invites, "t4g.small", 20, serverless=form) for form in (False, True))
    cells = [one.machine + one.volume, one.mail_out + one.mail_in, one.queues + one.storage, one.total]
    assert f"| {invites:,} | {' | '.join(f'${cell:.2f}' for cell in cells)} |" in lines
    assert f"| fixed costs a month | ${cells[0]:.2f} | ${far.tasks:.2f}, with one task" in "\n".join(lines)
    (adds,) = [line for line in lines if "the table adds" in line]
    assert f"${far.table:.2f}" in adds
    assert f"${far.total:.2f}" in adds
